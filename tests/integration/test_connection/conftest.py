# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The containers that the tests of the connection share: making them takes longer than most of the tests."""

from __future__ import annotations

import subprocess
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from classic_lxc import ClassicLxc

from lab import classic

COMMANDS = {"lxd-a": "lxc", "incus-a": "incus"}
SERVERS = sorted(COMMANDS)
CLASSIC = "classic"
# Whether systemd is up: it mounts a fresh /tmp and the like, and files put before that would be gone.
BOOTED = "test -e /run/systemd/system && systemctl is-system-running --wait"


@dataclass(frozen=True)
class Fleet:
    """Containers on one remote: one of Debian, several of busybox, of which one need not be left as it was.

    variables: what a host has besides the remote.
    """

    remote: str
    busybox: str
    debian: str
    spare: str
    several: tuple[str, ...]
    variables: dict[str, Any] = field(default_factory=dict)

    @property
    def images(self) -> dict[str, str]:
        """By the containers' names."""
        return {self.debian: "debian/12", **dict.fromkeys((self.spare, *self.several), "busybox")}


@pytest.fixture(scope="session", params=[*SERVERS, CLASSIC])
def fleet(request):
    """Of each server in turn, and of classic LXC on this host."""
    prefix = f"t-{uuid.uuid4().hex[:6]}"
    several = tuple(f"{prefix}-{number}" for number in range(5))
    made = Fleet(request.param, several[0], f"{prefix}-debian", f"{prefix}-spare", several)
    yield from _classic(made) if request.param == CLASSIC else _on_server(made)


def _on_server(made: Fleet) -> Iterator[Fleet]:
    remote = made.remote

    def call(*arguments: str, check: bool = True) -> int:
        command = [COMMANDS[remote], *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.returncode

    images = made.images
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda name: call("launch", f"{remote}:{images[name]}", f"{remote}:{name}"), images))
        deadline = time.monotonic() + 60
        booted = ("exec", f"{remote}:{made.debian}", "--", "sh", "-c", BOOTED)
        while call(*booted, check=False) not in (0, 1) and time.monotonic() < deadline:
            time.sleep(0.5)
        yield made
    finally:
        call("delete", "--force", *(f"{remote}:{name}" for name in images), check=False)


def _classic(made: Fleet) -> Iterator[Fleet]:
    with classic.place() as lxcpath:
        here = ClassicLxc(lxcpath)
        made.variables["ansible_flotilla_url"] = here.url
        for name, image in made.images.items():
            here.create(name, image)
            here.call("start", name)
        here.call("attach", made.debian, "--", "sh", "-c", f"until {BOOTED}; do sleep 0.2; done")
        yield made
