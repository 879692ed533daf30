# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A loop over twenty containers that are as they should be: what a module costs that finds nothing to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import containers
from benchmarks.plays import on_localhost
from benchmarks.race import Command, Contest
from lab.settings import STATE

COUNT = 20
REMOTE = "lxd-a"


@contextmanager
def prepared(scratch: Path) -> Iterator[list[Contest]]:
    names = [f"bench-{number}" for number in range(COUNT)]
    socket = STATE / REMOTE / "unix.socket"
    shared = {"name": "{{ item }}", "state": "stopped", "project": containers.PROJECT}
    ours = {**shared, "url": f"unix://{socket}", "image": "busybox"}
    peer = {**shared, "url": f"unix:{socket}", "source": {"type": "image", "alias": "busybox"}}
    with containers.project("lxc", REMOTE):
        containers.make("lxc", REMOTE, "busybox", names)
        yield [
            Contest(
                title=f"loop over {COUNT} containers, nothing to do",
                peer_title="module community.general.lxd_container",
                ours=looped(scratch / "ours.yml", {"flotilla.lxd.container": ours}, names),
                peer=looped(scratch / "peer.yml", {"community.general.lxd_container": peer}, names),
                floor=looped(scratch / "floor.yml", {"ansible.builtin.debug": {"msg": "{{ item }}"}}, names),
            )
        ]


def looped(file: Path, task: dict[str, Any], items: list[str]) -> Command:
    """A playbook of one task, looped over the items."""
    line = on_localhost(file, [{**task, "loop": items}])
    return Command(line, shows="ok: [localhost] => (item=", times=len(items))
