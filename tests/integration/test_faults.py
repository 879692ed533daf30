# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A few rounds of tests/faults, in its own lab. `make faults ROUNDS=100` is the whole of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_container_is_never_lost():
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FLOTILLA_LAB")}
    # Of this seed they are of every kind of flow, by every way.
    arguments = ["--rounds", "6", "--seed", "336"]
    command = [sys.executable, "-m", "tests.faults", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
