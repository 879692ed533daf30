# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One round: a container, a playbook, some harm, and what becomes of it."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from tests.faults import manifest, moments
from tests.faults.faults import Fault, Scene
from tests.faults.playbook import Playbook
from tests.faults.world import SMALL_POOL, Server, World

PAIRS = (
    ("lxd-a", "lxd-b"),
    ("incus-a", "incus-b"),
    ("lxd-a", "incus-a"),
    ("incus-a", "lxd-a"),
)


@dataclass(frozen=True)
class Outcome:
    """What a round came to. complete: at how many ends the container was, whole, after the harm.

    hit: whether it was the moment while the playbook ran; survived: whether the first run went well all the same; problem:
    what was wrong, "" for nothing; said: the message of the first run.
    """

    fault: str
    moment: str
    pair: tuple[str, str]
    hit: bool
    survived: bool
    complete: int
    problem: str
    said: str


def play(world: World, number: int, fault: Fault, moment: str, pair: tuple[str, str], dice: random.Random) -> Outcome:
    """Play a round. Whatever was made is removed in the end."""
    name = f"f{number}"
    source, target = (world.servers[one] for one in pair)
    options = {"remote": source.name, "name": name, "target_remote": target.name, "timeout": 120, **fault.options}
    runs = dice.random() < 0.5
    world.remove_container(name)
    world.add_container(source, name, running=runs)
    original = manifest.read(source.daemon, source.client, name)
    scene = Scene(name, source, target, is_short=dice.random() < 0.5)
    fault.prepare(scene)
    try:
        first = scene.playbook = Playbook(options, world.directory, world.environment)
        hit = _harm(fault, moment, scene, dice)
        survived = first.wait()
        _heal(fault, scene)
        complete = sum(_is_whole(server, name, original) for server in (source, target))
        problem = _problem(first, complete) or _second_run(
            Playbook(options, world.directory, world.environment), scene, original, runs
        )
        if problem:
            problem = f"{problem}\n--- first run:\n{first.text}"
        return Outcome(fault.title, moment, pair, hit, survived, complete, problem, _message(first.text))
    finally:
        world.remove_container(name)
        if SMALL_POOL in fault.options.values():
            target.remove_small_pool()


def _harm(fault: Fault, moment: str, scene: Scene, dice: random.Random) -> bool:
    """Do the harm at its moment. Returns whether that came."""
    if fault.harm is None:
        return True
    if not moments.wait(moment, scene.name, scene.source, scene.target, scene.playbook.is_over, dice):
        return False
    fault.harm(scene)
    return True


def _heal(fault: Fault, scene: Scene) -> None:
    for timer in scene.timers:
        timer.join()
    for server in (scene.source, scene.target):
        server.have_up()
    fault.heal(scene)


def _problem(first: Playbook, complete: int) -> str:
    if not complete:
        return "NO COMPLETE CONTAINER"
    return "IT HUNG" if first.hung else ""


def _message(text: str) -> str:
    found = re.search(r"Module failed: (.*)", text)
    return found[1] if found else ""


def _second_run(playbook: Playbook, scene: Scene, original: manifest.Manifest | None, was_running: bool) -> str:
    """What is wrong after it, "" for nothing."""
    name, source, target = scene.name, scene.source, scene.target
    if not playbook.wait():
        return f"THE SECOND RUN FAILED\n{playbook.text}"
    wrong = []
    if source.client.find(f"/1.0/instances/{name}"):
        wrong.append("the source is still there")
    if not _is_whole(target, name, original):
        wrong.append("the target is not complete")
    elif manifest.mark(target.client, name):
        wrong.append("the target still has its mark")
    elif (_status(target, name) == "Running") is not was_running:
        wrong.append(f"the target is {_status(target, name)}")
    return f"NOT FINISHED: {', '.join(wrong)}\n{playbook.text}" if wrong else ""


def _is_whole(server: Server, name: str, original: manifest.Manifest | None) -> bool:
    return manifest.read(server.daemon, server.client, name) == original


def _status(server: Server, name: str) -> str:
    return str(server.client.get(f"/1.0/instances/{name}").metadata["status"])
