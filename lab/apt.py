# SPDX-License-Identifier: GPL-3.0-or-later
"""What apt on this machine knows: its mirrors and settings, and getting packages from there."""

from __future__ import annotations

from pathlib import Path

from lab import machine
from lab.run import LabError, run

BACKPORTS_LIST = Path("/etc/apt/sources.list.d/flotilla-lab.sources")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

# What a machine needs to reach its mirror, a container on it needs too.
SHARED_SETTINGS = (
    "Acquire::http::Proxy",
    "Acquire::https::Proxy",
    "Acquire::Check-Date",
    "Acquire::Check-Valid-Until",
)


def archive() -> str:
    """Address of the mirror of the Debian archive that apt uses."""
    site = _site(machine.codename())
    complaint = ""
    if site is None:  # what a source serves is known only once its lists were fetched
        complaint = update()
        site = _site(machine.codename())
    if site is None:
        raise LabError(f"apt knows no mirror of the Debian archive. {complaint}")
    return site


def security_archive() -> str | None:
    """Address of the mirror of Debian's security updates that apt uses, if any."""
    return _site(f"{machine.codename()}-security")


def _site(codename: str) -> str | None:
    listed = run("apt-get", "indextargets", "--format", "$(ORIGIN)|$(CODENAME)|$(SITE)", "Created-By: Packages")
    for line in listed.splitlines():
        origin, served, site = line.split("|")
        # Others than Debian name their suites after its releases, too.
        if origin == "Debian" and served == codename:
            return site
    return None


def settings() -> dict[str, str]:
    """Those of SHARED_SETTINGS that are set on this machine."""
    found = {}
    for line in run("apt-config", "dump").splitlines():
        name, _space, value = line.partition(" ")
        if name in SHARED_SETTINGS and value.strip('";'):
            found[name] = value.strip('";')
    return found


def candidate(package: str) -> bool:
    """Whether apt has the package to install."""
    return any(
        line.startswith("  Candidate:") and "(none)" not in line
        for line in run("apt-cache", "policy", package).splitlines()
    )


def update() -> str:
    """Fetch the package lists. Returns what apt complained of, "" for nothing.

    A complaint is no failure yet: it may be about a source that has nothing the lab needs.
    """
    try:
        run("apt-get", "--quiet", "--error-on=any", "update", timeout=300)
    except LabError as error:
        return str(error)
    return ""


def install(packages: list[str]) -> None:
    """Install packages, without what they merely recommend, without questions, and without removing any other."""
    options = ("--quiet", "--yes", "--no-remove", "--no-install-recommends", "--option=DPkg::Lock::Timeout=300")
    run("apt-get", *options, "install", *packages, env={"DEBIAN_FRONTEND": "noninteractive"}, timeout=900)


def download(package: str, suite: str, directory: Path) -> list[Path]:
    """Fetch a package from any suite of the mirror, with all it depends on, into a directory. Returns the files.

    apt works with lists and a state of its own for it, in the directory: the machine's own stay as they are.
    """
    (directory / "lists" / "partial").mkdir(parents=True)
    (directory / "archives" / "partial").mkdir(parents=True)
    (directory / "status").touch()  # nothing is installed, so nothing is left out
    sources = directory / "sources.list"
    sources.write_text(f"deb [signed-by={KEYRING}] {archive()} {suite} main\n")
    places = {
        "State": directory,
        "State::status": directory / "status",
        "Cache": directory,
        "Etc::SourceList": sources,
        "Etc::SourceParts": "/dev/null",
        "Etc::Preferences": "/dev/null",
        "Etc::PreferencesParts": "/dev/null",
    }
    options = [f"--option=Dir::{name}={value}" for name, value in places.items()]
    # What can be done without is not waited for as long as the rest.
    apt_get = ("apt-get", "--quiet", *options, "--option=Acquire::http::Timeout=10", "--option=Acquire::Retries=0")
    run(*apt_get, "--error-on=any", "update", timeout=120)
    run(*apt_get, "--yes", "--no-install-recommends", "--download-only", "install", package, timeout=120)
    return sorted((directory / "archives").glob("*.deb"))


def add_backports() -> None:
    """Let apt see the backports suite of the mirror it uses.

    Nothing else on the machine changes by it: the suite declares itself NotAutomatic, which gives its packages the
    priority 100, below everything installed from elsewhere.
    """
    BACKPORTS_LIST.write_text(
        "# Written by the lab of flotilla.lxd, for Incus.\n"
        "Types: deb\n"
        f"URIs: {archive()}\n"
        f"Suites: {machine.codename()}-backports\n"
        "Components: main\n"
        f"Signed-By: {KEYRING}\n"
    )
