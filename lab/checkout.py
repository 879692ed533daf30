# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab writes into the checkout it is called from: `.lab`, with a file to source."""

from __future__ import annotations

import shlex
import shutil

from lab.settings import CHECKOUT, ENV_FILE, KINDS

COLLECTIONS = ENV_FILE.parent / "collections"
NAMESPACE, NAME = "flotilla", "lxd"


def write() -> None:
    """Write `.lab/env`, and the place where Ansible finds this checkout as a collection."""
    link = COLLECTIONS / "ansible_collections" / NAMESPACE / NAME
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink() or link.readlink() != CHECKOUT:  # the checkout may have been copied from elsewhere
        link.unlink(missing_ok=True)
        link.symlink_to(CHECKOUT)
    (ENV_FILE.parent / ".gitignore").write_text("*\n")
    ENV_FILE.write_text(_env())


def remove() -> None:
    """Remove `.lab`."""
    if ENV_FILE.parent.exists():
        shutil.rmtree(ENV_FILE.parent)


def _env() -> str:
    variables = {kind.conf_variable: kind.conf for kind in KINDS} | {"ANSIBLE_COLLECTIONS_PATH": COLLECTIONS}
    exports = "".join(f"export {name}={shlex.quote(str(value))}\n" for name, value in variables.items())
    programs = shlex.quote(str(CHECKOUT / ".venv" / "bin"))
    return (
        "# Written by `python3 -m lab up`, to be sourced: . .lab/env\n"
        f"{exports}"
        'case "$PATH" in\n'
        f"    {programs}:*) ;;\n"
        f'    *) export PATH={programs}:"$PATH" ;;\n'
        "esac\n"
    )
