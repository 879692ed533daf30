# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Twenty small tasks in one running container: what a connection plugin costs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks import containers
from benchmarks.race import Command, Contest

TASKS = 20
NAME = "bench"


@contextmanager
def prepared(scratch: Path) -> Iterator[list[Contest]]:
    with ExitStack() as stack:
        contests = []
        for command, remote in (("lxc", "lxd-a"), ("incus", "incus-a")):
            stack.enter_context(containers.project(command, remote))
            containers.make(command, remote, "debian/12", [NAME], start=True)
            contests.append(_contest(scratch, remote, remote.partition("-")[0]))
        yield contests


def _contest(scratch: Path, remote: str, kind: str) -> Contest:
    ours = {
        "ansible_connection": "flotilla.lxd.exec",
        "ansible_flotilla_remote": remote,
        "ansible_flotilla_project": containers.PROJECT,
    }
    peer = {
        "ansible_connection": f"community.general.{kind}",
        f"ansible_{kind}_remote": remote,
        f"ansible_{kind}_project": containers.PROJECT,
    }
    return Contest(
        title=f"{TASKS} tasks in a container on {remote}",
        peer_title=f"connection community.general.{kind}",
        ours=_playbook(scratch, f"{remote}-ours", ours, {"ansible.builtin.command": "true"}),
        peer=_playbook(scratch, f"{remote}-peer", peer, {"ansible.builtin.command": "true"}),
        goal=0.85,
        floor=_playbook(scratch, f"{remote}-floor", ours, {"ansible.builtin.debug": {"msg": "nothing"}}),
    )


def _playbook(scratch: Path, title: str, variables: dict[str, str], task: dict[str, Any]) -> Command:
    """JSON is YAML enough for both files."""
    inventory = scratch / f"{title}.inventory.yml"
    inventory.write_text(json.dumps({"all": {"hosts": {NAME: variables}}}))
    playbook = scratch / f"{title}.yml"
    playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task] * TASKS}]))
    return Command(("ansible-playbook", "-i", str(inventory), str(playbook)), shows=f"ok={TASKS} ")
