# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where both sides run: one virtual environment with everyone's collections, so that nothing else differs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
PEERS = CHECKOUT / ".bench" / "venv"


def peers() -> dict[str, str]:
    """The process environment for a run, after making the virtual environment on first use (half a gigabyte)."""
    for variable in ("LXD_CONF", "INCUS_CONF", "ANSIBLE_COLLECTIONS_PATH"):
        if variable not in os.environ:
            raise SystemExit(f"{variable} is not set: bring up the lab (`make lab`) and source .lab/env")
    if not (PEERS / "ready").exists():
        print(f"installing the ansible package into {PEERS.relative_to(CHECKOUT)} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(PEERS)], check=True)
        install = [str(PEERS / "bin" / "python"), "-m", "pip", "install", "--quiet", "ansible"]
        subprocess.run([*install, "--requirement", str(CHECKOUT / "requirements.txt")], check=True)
        (PEERS.parent / ".gitignore").write_text("*\n")
        (PEERS / "ready").touch()
    return {
        **os.environ,
        "PATH": f"{PEERS / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "ANSIBLE_CONFIG": str(CHECKOUT / "benchmarks" / "ansible.cfg"),
    }


def versions(environment: Mapping[str, str]) -> str:
    """Of what takes part, in one line."""
    program = (
        "from importlib.metadata import version as v; import sys;"
        'print(f\'ansible {v("ansible")}, ansible-core {v("ansible-core")}, Python {sys.version.split()[0]}\')'
    )
    packages = subprocess.run(["python", "-c", program], env=environment, check=True, capture_output=True, text=True)
    listed = subprocess.run(
        ["ansible-galaxy", "collection", "list", "community.general"],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    found = re.search(r"community\.general\s+(\S+)", listed.stdout)
    return f"{packages.stdout.strip()}, community.general {found.group(1) if found else '?'}"
