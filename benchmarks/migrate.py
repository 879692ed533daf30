# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Debian container moved to another server and back: what it costs to look first, to compare, and to delete last."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks import containers
from benchmarks.plays import on_localhost
from benchmarks.race import Command, Contest

# The servers of each command, there and back.
PAIRS = {"lxc": ("lxd-a", "lxd-b"), "incus": ("incus-a", "incus-b")}
NAME = "bench-move"
# What a move may cost in place of the command's, Ansible's own time included.
GOAL = 1.1


@contextmanager
def prepared(scratch: Path) -> Iterator[list[Contest]]:
    with ExitStack() as projects:
        for command, pair in PAIRS.items():
            for remote in pair:
                projects.enter_context(containers.project(command, remote))
            containers.make(command, pair[0], "debian/12", [NAME])
        yield [_contest(command, scratch) for command in PAIRS]


def _contest(command: str, scratch: Path) -> Contest:
    there, back = PAIRS[command]
    moves = [_task(there, back), _task(back, there)]
    floor: list[dict[str, Any]] = [{"ansible.builtin.debug": {"msg": "moved"}}] * 2
    return Contest(
        title=f"a stopped Debian container from {there} to {back} and back",
        peer_title=f"{command} move",
        ours=_playbook(scratch / f"{command}.yml", moves, "changed: [localhost]"),
        peer=_commands(command, there, back),
        goal=GOAL,
        floor=_playbook(scratch / "floor.yml", floor, "ok: [localhost]"),
    )


def _task(source: str, target: str) -> dict[str, Any]:
    shared = {"project": containers.PROJECT, "target_project": containers.PROJECT}
    return {"flotilla.lxd.migrate": {"remote": source, "name": NAME, "target_remote": target, **shared}}


def _commands(command: str, there: str, back: str) -> Command:
    project = f"--project {containers.PROJECT} --target-project {containers.PROJECT}"
    moves = [f"{command} move {one}:{NAME} {other}:{NAME} {project}" for one, other in ((there, back), (back, there))]
    return Command(("sh", "-c", " && ".join([*moves, "echo moved"])), shows="moved")


def _playbook(file: Path, tasks: list[dict[str, Any]], shows: str) -> Command:
    return Command(on_localhost(file, tasks), shows=shows, times=2)
