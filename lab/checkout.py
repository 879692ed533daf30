# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab writes into the checkout it is called from: `.lab`, with a file to source for each lab."""

from __future__ import annotations

import shlex
import shutil

from lab.settings import CHECKOUT, ENV_FILE, KINDS
from lab.settings import NAME as LAB

COLLECTIONS = ENV_FILE.parent / "collections"
NAMESPACE, NAME = "flotilla", "lxd"


def write() -> None:
    """Write the file to source, and the place where Ansible finds this checkout as a collection."""
    link = COLLECTIONS / "ansible_collections" / NAMESPACE / NAME
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink() or link.readlink() != CHECKOUT:  # the checkout may have been copied from elsewhere
        link.unlink(missing_ok=True)
        link.symlink_to(CHECKOUT)
    (ENV_FILE.parent / ".gitignore").write_text("*\n")
    ENV_FILE.write_text(_env())


def remove() -> None:
    """Remove the file to source, and `.lab` with the last one."""
    ENV_FILE.unlink(missing_ok=True)
    if ENV_FILE.parent.exists() and not any(ENV_FILE.parent.glob("*env")):
        shutil.rmtree(ENV_FILE.parent)


def _env() -> str:
    variables = {kind.conf_variable: str(kind.conf) for kind in KINDS}
    variables["ANSIBLE_COLLECTIONS_PATH"] = str(COLLECTIONS)
    if LAB:
        variables["FLOTILLA_LAB_NAME"] = LAB
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
    programs = shlex.quote(str(CHECKOUT / ".venv" / "bin"))
    return (
        f"# Written by `python3 -m lab up`, to be sourced: . .lab/{ENV_FILE.name}\n"
        f"{exports}"
        'case "$PATH" in\n'
        f"    {programs}:*) ;;\n"
        f'    *) export PATH={programs}:"$PATH" ;;\n'
        "esac\n"
    )
