# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever fails, and whenever: there is always a complete container, and the same task again finishes the job.

Every flow is broken at every request it makes, in every way a request can fail, and then run again.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from fake_instances import Fault, Instance, World, change_state, what_it_says

from ansible_collections.flotilla.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import FlotillaError, InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._diagnosis.readiness import Findings
from ansible_collections.flotilla.lxd.plugins.module_utils._migration import end, live, transfer
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.end import End
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.journey import Migration, Options
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.mark import KEY
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.server_journey import ServerMigration
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.translate import Changes
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.within import WithinMigration, provisional

FATES = ("finishes", "reverts", "stays")
FAULTS = ("lost", "deaf", "refused", "killed")


@pytest.fixture(autouse=True)
def impatient(no_waiting, monkeypatch):
    monkeypatch.setattr(transfer, "_TRIES", 2)
    monkeypatch.setattr(transfer, "_NOTICE_SECONDS", 0.0)
    monkeypatch.setattr(transfer, "_WAITS_SECONDS", 0.0)
    monkeypatch.setattr(transfer, "hang_up", lambda operation: operation.cancel())


@pytest.fixture(autouse=True)
def nothing_against_live(monkeypatch):
    """What is looked at beforehand has tests of its own; the hosts of these servers are nowhere."""
    monkeypatch.setattr(live, "findings", lambda *_asked: Findings())


@dataclass(frozen=True)
class Case:
    """What is to be done with the container c1 on server a. fate: see World; way: pull, push, local (to another name on one
    server), or within (to another pool, under its name); running: as the module has it.
    """

    mode: str
    status: str
    way: str = "pull"
    fate: str = "finishes"
    running: str = "move"

    def __str__(self) -> str:
        live = "-live" if self.running == "live" else ""
        return f"{self.mode}-{self.status}{live}-{self.way}-{self.fate}"

    def world(self) -> World:
        world = World(self.fate)
        world.add(world.a, "c1", self.status)
        if self.mode == "refresh":
            Case("copy", self.status, self.way).run(world)
            world.a.instances["c1"].data += 1
            world.a.instances["c1"].snapshots.append({**world.a.instances["c1"].snapshots[0], "name": "s1"})
            world.count = 0
            world.log.clear()
        return world

    def run(self, world: World) -> Migration:
        if self.way == "within":
            options = Options(changes=Changes(pool="fast"))
            journey = WithinMigration(End(world.a.client(), "c1"), options)
            journey.run(Deadline(60))
            return journey
        local = self.way == "local"
        target = End(world.a.client(), "c2") if local else End(world.b.client(), "c1")
        options = Options(mode=self.mode, transfer="auto" if local else self.way, running=self.running)
        journey = ServerMigration(End(world.a.client(), "c1"), target, options)
        journey.run(Deadline(60))
        return journey

    def requests(self) -> int:
        """How many it takes when nothing fails."""
        world = self.world()
        self.run(world)
        return world.count

    def target(self, world: World) -> Instance | None:
        if self.way == "within":
            return world.a.instances.get(provisional("c1"))
        return world.a.instances.get("c2") if self.way == "local" else world.b.instances.get("c1")

    def fail(self, world: World, fault: Fault) -> None:
        """A run that fails, or does not mind. If it says that all is as before, it is."""
        said = what_it_says(world, fault, lambda: self.run(world))
        if "as it was" in said and "not possible" not in said:
            source = world.a.instances["c1"]
            assert KEY not in source.content["config"], (said, world.log)
            assert source.content["status"] == self.status, (said, world.log)
            assert source.content["config"]["boot.autostart"] == "true"
            assert self.mode == "refresh" or self.target(world) is None, (said, world.log)

    def finish(self, world: World) -> None:
        """The same task again finishes, and once more changes nothing."""
        self.run(world)
        again = self.run(world)
        assert self.mode == "refresh" or again.report.actions == []
        self.assert_done(world)

    def assert_done(self, world: World) -> None:
        there = self.target(world) if self.way != "within" else world.a.instances["c1"]
        newest = max(one.data for server in (world.a, world.b) for one in server.instances.values())
        assert there.complete and there.data == newest, world.log
        assert KEY not in there.content["config"], world.log
        names = ["s0", "s1"] if self.mode == "refresh" else ["s0"]
        assert [one["name"] for one in there.snapshots] == names and not any("half" in one for one in there.snapshots)
        assert there.content["config"]["user.x"] == "1"
        assert there.content["config"]["boot.autostart"] == "true"
        if self.way == "within":
            assert list(world.a.instances) == ["c1"] and there.content["devices"]["root"]["pool"] == "fast", world.log
        if self.mode == "move":
            assert self.way == "within" or "c1" not in world.a.instances, world.log
            assert there.content["status"] == self.status
            assert there.content["config"]["volatile.eth0.hwaddr"] == "00:16:3e:00:00:01"
        else:
            source = world.a.instances["c1"]
            assert source.content["status"] == self.status and KEY not in source.content["config"]
            assert there.content["status"] == "Stopped"


CASES = [
    *(Case("move", status, fate=fate) for status in ("Running", "Stopped", "Frozen") for fate in FATES),
    *(Case(mode, "Running", fate=fate) for mode in ("copy", "refresh") for fate in FATES),
    *(Case(mode, "Running", "push", fate) for mode in ("move", "copy", "refresh") for fate in FATES),
    *(Case("move", "Running", way, fate, "live") for way in ("pull", "push") for fate in FATES),
    *(Case(mode, "Running", "local", fate) for mode in ("copy", "refresh") for fate in FATES),
    *(Case("move", "Running", "within", fate) for fate in FATES),
    *(Case("move", status, "within") for status in ("Stopped", "Frozen")),
]


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_broken_once_at_every_request(case, kind):
    total = case.requests()
    assert total > 10
    for number in range(total):
        world = case.world()
        case.fail(world, Fault(number, kind))
        world.settle()
        world.require_a_whole()
        case.finish(world)


@pytest.mark.parametrize("case", [case for case in CASES if case.fate == "finishes"], ids=str)
def test_run_again_while_the_servers_are_still_at_it(case):
    for number in range(case.requests()):
        world = case.world()
        case.fail(world, Fault(number, "killed"))
        case.finish(world)


@pytest.mark.parametrize("down", ["a", "b"])
@pytest.mark.parametrize("case", [case for case in CASES if case.mode == "move"], ids=str)
def test_a_server_that_goes_away_at_every_request(case, down):
    for number in range(case.requests()):
        world = case.world()
        case.fail(world, Fault(number, "lost", lasting_on=down))
        world.settle()
        world.require_a_whole()
        case.finish(world)


@pytest.mark.parametrize("fate", FATES)
def test_killed_twice_at_every_pair_of_requests(fate):
    case = Case("move", "Running", fate=fate)
    for first in range(case.requests()):
        for second in range(0, case.requests(), 3):
            world = case.world()
            for number in (first, second):
                case.fail(world, Fault(world.count + number, "killed"))
                world.settle()
                world.require_a_whole()
            case.finish(world)


@pytest.mark.parametrize("kind", ["killed", "lost"])
@pytest.mark.parametrize("way", ["pull", "within"])
@pytest.mark.parametrize("fate", FATES)
def test_machines_that_are_restarted_in_the_middle(fate, way, kind):
    """Nothing half starts by itself, and no source that waits."""
    case = Case("move", "Running", way, fate)
    for number in range(case.requests()):
        world = case.world()
        case.fail(world, Fault(number, kind))
        world.settle()
        world.restart()
        world.require_a_whole()
        case.finish(world)


def test_a_source_that_is_about_to_stop(monkeypatch):
    """The target has come alive, the run that wanted it was killed, and the source stops only a moment later."""
    monkeypatch.setattr(end, "_PATIENCE", 10.0)
    case, seen = Case("move", "Running", running="live"), 0
    for number in range(case.requests()):
        world = case.world()
        case.fail(world, Fault(number, "killed"))
        world.settle()
        source, there = world.a.instances.get("c1"), world.b.instances.get("c1")
        if source and there and KEY in source.content["config"] and there.content["status"] == "Running":
            seen += 1
            change_state(source, "start")
            monkeypatch.setattr("time.sleep", lambda _seconds, source=source: change_state(source, "stop"))
            case.finish(world)
    assert seen


@pytest.mark.parametrize("fate", FATES)
def test_somebody_starts_the_source_in_between(fate):
    """Then the target is old, and not taken for the container; if it runs too, nobody but the user can choose."""
    case = Case("move", "Running", fate=fate)
    for number in range(case.requests()):
        world = case.world()
        case.fail(world, Fault(number, "killed"))
        world.settle()
        source, there = world.a.instances.get("c1"), world.b.instances.get("c1")
        if source is None or source.content["status"] == "Running":
            continue
        change_state(source, "start")
        if there is not None and there.content["status"] == "Running":
            with pytest.raises(InvalidInput, match="yours to say"):
                case.run(world)
            assert source.content["status"] == there.content["status"] == "Running"
            change_state(there, "stop")
        source.data += 1
        case.finish(world)


def test_what_comes_in_the_way_between_two_runs():
    """The source of a run that was killed does not stay stopped when the next run cannot go on."""
    case = Case("move", "Running", fate="reverts")
    for number in range(case.requests()):
        world = case.world()
        case.fail(world, Fault(number, "killed"))
        world.settle()
        world.b.profiles = []
        source, said = world.a.instances.get("c1"), ""
        try:
            case.run(world)
        except FlotillaError as error:
            said = str(error)
        if said:
            assert "there is no profile default" in said
            assert source.content["status"] == "Running" and KEY not in source.content["config"], world.log
        world.b.profiles = ["default"]
        case.finish(world)
