# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each process of pytest-xdist has a lab of its own, so no test sees what another one does at the same time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from lab import beside

REPOSITORY = Path(__file__).parents[3]


def have_own_lab() -> None:
    """Bring up and choose the lab of this process, by its number: the first one's is the lab that was chosen already."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    if not number:
        return
    assert "lab.settings" not in sys.modules, "it is settled already which lab it is"
    os.environ["FLOTILLA_LAB_NAME"] = beside.name(os.environ.get("FLOTILLA_LAB_NAME", ""), number)
    subprocess.run([sys.executable, "-m", "lab", "up"], cwd=REPOSITORY, check=True)

    from lab.settings import KINDS

    os.environ.update({kind.conf_variable: str(kind.conf) for kind in KINDS})
