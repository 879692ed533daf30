# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One round: a container, a playbook, some harm, and what becomes of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import counter

from tests.faults import manifest, moments
from tests.faults.faults import Fault, Scene
from tests.faults.flows import COPY, LIVE, MOVE, REFRESH, Flow
from tests.faults.playbook import Playbook
from tests.faults.world import Server, World

MISSED = "missed"  # the playbook was over before its moment came
WELL = "went well"  # the first run, all the same
UNDONE = "undone"  # it failed, and left all as it was
RESUMED = "resumed"  # it left something, and the second run went on from there
LOST = "LOST"  # there was no complete container, or the source of a copy was touched
STUCK = "STUCK"  # it hung, said what is not so, took a daemon down, or the second run did not finish the job
_MOST_SHOWN = 9
RESULTS = (MISSED, WELL, UNDONE, RESUMED, LOST, STUCK)


@dataclass(frozen=True)
class Round:
    """What is to be played. delay: seconds from the moment to the harm; fallback: live_fallback of the module."""

    number: int
    fault: Fault
    moment: str
    flow: Flow
    pair: tuple[str, str]
    delay: float
    is_short: bool
    fallback: bool

    @property
    def name(self) -> str:
        return f"f{self.number}"

    @property
    def options(self) -> dict[str, Any]:
        """Of the module, which finishes the job when the fault is healed."""
        source, target = self.pair
        return {
            "remote": source,
            "name": self.name,
            "target_remote": target,
            "mode": self.flow.mode,
            "transfer": self.flow.way,
            "timeout": 120,
            **({"running": "live", "live_fallback": self.fallback} if self.flow.state == LIVE else {}),
            **self.fault.options,
        }


@dataclass(frozen=True)
class Outcome:
    """What a round came to. complete: at how many ends the container was, whole, after the harm.

    problem: what was wrong, "" for nothing; said: the message of the first run; alive: whether one that was to be moved alive
    still counted in the end, None for others.
    """

    result: str
    complete: int
    problem: str
    said: str
    alive: bool | None


def play(world: World, this: Round) -> Outcome:
    """Play a round. Whatever was made is removed in the end."""
    source, target = (world.servers[one] for one in this.pair)
    scene = Scene(this.name, source, target, this.is_short)
    world.remove_container(this.name)
    this.fault.need(scene)
    try:
        original = _set_the_scene(world, this, scene)
        before = _count(source, this) if this.flow.state == LIVE else None
        this.fault.prepare(scene)
        first = scene.playbook = Playbook(this.options, world.directory, world.environment)
        hit = _harm(this, scene)
        went_well = first.wait()
        died = _heal(this.fault, scene)
        complete = sum(_is_whole(server, this.name, original) for server in (source, target))
        traces = _traces(this, scene)
        said = _message(first.text)
        result = MISSED if not hit else WELL if went_well else RESUMED if traces else UNDONE
        if problem := _loss(this, scene, complete, original):
            result = LOST
        elif problem := died or _lie(first, said, traces) or _second_run(world, this, scene, original):
            result = STUCK
        alive = None if before is None or problem else _goes_on(target, this, before)
        if problem:
            problem = f"{problem}\n--- first run:\n{first.text}"
        return Outcome(result, complete, problem, said, alive)
    finally:
        world.remove_container(this.name)
        this.fault.clean_up(scene)


def _set_the_scene(world: World, this: Round, scene: Scene) -> manifest.Manifest | None:
    """The container, and an earlier copy if that is to be refreshed. Returns what has to arrive."""
    flow, source = this.flow, scene.source
    snapshots = flow.takes_snapshots(this.pair)
    world.add_container(source, this.name, flow.state, snapshots=snapshots)
    if flow.mode == REFRESH:
        copy = Playbook({**this.options, "mode": COPY}, world.directory, world.environment)
        if not copy.wait():
            raise RuntimeError(f"there is no copy to refresh: {copy.text}")
        world.change_container(source, this.name, snapshots=snapshots)
    return manifest.read(source.daemon, source.client, this.name)


def _harm(this: Round, scene: Scene) -> bool:
    """Do the harm at its moment. Returns whether that came."""
    if this.fault.harm is None:
        return True
    if not moments.wait(this.moment, this.name, scene.source, scene.target, scene.playbook.is_over, this.delay):
        return False
    this.fault.harm(scene)
    return True


def _heal(fault: Fault, scene: Scene) -> str:
    """Returns which daemon died without having been killed, "" for none."""
    for timer in scene.timers:
        timer.join()
    died = [server.name for server in (scene.source, scene.target) if server.has_died]
    for server in (scene.source, scene.target):
        server.have_up()
    fault.heal(scene)
    return f"A DAEMON DIED: {', '.join(died)}" if died else ""


def _loss(this: Round, scene: Scene, complete: int, original: manifest.Manifest | None) -> str:
    """What was lost in the first run, "" for nothing."""
    if not complete:
        both = (_shown(server, this.name, original) for server in (scene.source, scene.target))
        return f"NO COMPLETE CONTAINER: {'; '.join(both)}"
    if this.flow.mode != MOVE and not _is_untouched(this, scene, original):
        return "THE SOURCE OF A COPY WAS TOUCHED"
    return ""


def _is_untouched(this: Round, scene: Scene, original: manifest.Manifest | None) -> bool:
    source = scene.source
    return (
        _is_whole(source, this.name, original)
        and not manifest.mark(source.client, this.name)
        and _status(source, this.name) == _status_of(this.flow)
    )


def _traces(this: Round, scene: Scene) -> list[str]:
    """What shows that there was a run."""
    name, source, target = this.name, scene.source, scene.target
    found = []
    if manifest.mark(source.client, name) != "":
        found.append("the source is marked, or gone")
    elif _status(source, name) != _status_of(this.flow):
        found.append(f"the source is {_status(source, name)}")
    if manifest.mark(target.client, name) not in ((None, "") if this.flow.mode == REFRESH else (None,)):
        found.append("there is something at the target")
    return found


def _lie(first: Playbook, said: str, traces: list[str]) -> str:
    """What is wrong with how the first run ended, "" for nothing."""
    if first.hung:
        return "IT HUNG"
    return f"IT IS NOT AS IT WAS: {', '.join(traces)}" if "as it was. The same" in said and traces else ""


def _message(text: str) -> str:
    found = re.search(r"Module failed: (.*)", text)
    return found[1] if found else ""


def _second_run(world: World, this: Round, scene: Scene, original: manifest.Manifest | None) -> str:
    """What is wrong after it, "" for nothing."""
    name, source, target = this.name, scene.source, scene.target
    playbook = Playbook(this.options, world.directory, world.environment)
    if not playbook.wait():
        return f"THE SECOND RUN FAILED\n{playbook.text}"
    wrong = []
    if this.flow.mode == MOVE:
        if source.client.find(f"/1.0/instances/{name}"):
            wrong.append("the source is still there")
    elif not _is_untouched(this, scene, original):
        wrong.append("the source was touched")
    if not _is_whole(target, name, original):
        wrong.append(f"the target is not complete: {_shown(target, name, original)}")
    elif manifest.mark(target.client, name):
        wrong.append("the target still has its mark")
    elif _status(target, name) != (_status_of(this.flow) if this.flow.mode == MOVE else "Stopped"):
        wrong.append(f"the target is {_status(target, name)}")
    return f"NOT FINISHED: {', '.join(wrong)}\n{playbook.text}" if wrong else ""


def _is_whole(server: Server, name: str, original: manifest.Manifest | None) -> bool:
    try:
        return manifest.read(server.daemon, server.client, name) == original
    except FileNotFoundError:  # it is being deleted
        return False


def _shown(server: Server, name: str, original: manifest.Manifest | None) -> str:
    """What is there in place of the original, in words."""
    found = manifest.read(server.daemon, server.client, name)
    if found is None:
        return f"nothing on {server.name}"
    return f"other on {server.name}: {', '.join(manifest.difference(original, found)[:_MOST_SHOWN])}"


def _status(server: Server, name: str) -> str:
    return str(server.client.get(f"/1.0/instances/{name}").metadata["status"])


def _status_of(flow: Flow) -> str:
    return "Running" if flow.is_up else "Stopped"


def _count(server: Server, this: Round) -> tuple[int, int]:
    return counter.look(server.remote_command, "local", this.name)


def _goes_on(server: Server, this: Round, before: tuple[int, int]) -> bool:
    return counter.goes_on(server.remote_command, "local", this.name, before)
