# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hundred stopped containers listed: what an inventory plugin costs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import containers
from benchmarks.race import Command, Contest
from lab.settings import STATE

COUNT = 200
REMOTE = "lxd-a"


@contextmanager
def prepared(scratch: Path) -> Iterator[list[Contest]]:
    with containers.project("lxc", REMOTE):
        containers.make("lxc", REMOTE, "busybox", [f"bench-{number}" for number in range(COUNT)])
        yield _contests(scratch)


def _contests(scratch: Path) -> list[Contest]:
    # Both through the socket: the peer does not get along with a pinned certificate.
    socket = STATE / REMOTE / "unix.socket"
    remote = {"name": REMOTE, "url": f"unix://{socket}"}
    ours = {"plugin": "flotilla.lxd.containers", "remotes": [remote], "projects": [containers.PROJECT]}
    peer = {"plugin": "community.general.lxd", "url": f"unix:{socket}", "project": containers.PROJECT}
    listed = _listing(scratch / "peer.lxd.yml", peer, COUNT)
    alone = Command(("ansible-inventory", "-i", "localhost,", "--list"), shows='"localhost"')
    return [
        Contest(
            title=f"{COUNT} stopped containers listed",
            peer_title="inventory community.general.lxd",
            ours=_listing(scratch / "ours.containers.yml", ours, COUNT),
            peer=listed,
            goal=0.25,
            floor=alone,
        ),
        Contest(
            title="the same with addresses: false",
            peer_title="inventory community.general.lxd",
            ours=_listing(scratch / "plain.containers.yml", {**ours, "addresses": False}, COUNT),
            peer=listed,
        ),
    ]


def _listing(file: Path, content: dict[str, Any], count: int) -> Command:
    file.write_text(json.dumps(content))
    return Command(("ansible-inventory", "-i", str(file), "--list"), shows='"ansible_connection"', times=count)
