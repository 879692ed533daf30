# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The containers that the tests of the connection share: making them takes longer than most of the tests."""

from __future__ import annotations

import subprocess
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

COMMANDS = {"lxd-a": "lxc", "incus-a": "incus"}


@dataclass(frozen=True)
class Fleet:
    """Containers on one remote: one of Debian, several of busybox, of which one need not be left as it was."""

    remote: str
    busybox: str
    debian: str
    spare: str
    several: tuple[str, ...]


@pytest.fixture(scope="session", params=sorted(COMMANDS))
def fleet(request):
    remote = request.param
    prefix = f"t-{uuid.uuid4().hex[:6]}"

    def call(*arguments: str, check: bool = True) -> int:
        command = [COMMANDS[remote], *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.returncode

    several = tuple(f"{prefix}-{number}" for number in range(5))
    made = Fleet(remote, several[0], f"{prefix}-debian", f"{prefix}-spare", several)
    images = {made.debian: "debian/12", **dict.fromkeys((made.spare, *several), "busybox")}
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda name: call("launch", f"{remote}:{images[name]}", f"{remote}:{name}"), images))
        # systemd mounts a fresh /tmp and the like: files put before that would be gone.
        booted = (
            "exec",
            f"{remote}:{made.debian}",
            "--",
            "sh",
            "-c",
            "test -e /run/systemd/system && systemctl is-system-running --wait",
        )
        deadline = time.monotonic() + 60
        while call(*booted, check=False) not in (0, 1) and time.monotonic() < deadline:
            time.sleep(0.5)
        yield made
    finally:
        call("delete", "--force", *(f"{remote}:{name}" for name in images), check=False)
