# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever fails, and whenever: there is always a complete container, and the same task again finishes the job.

Every flow is broken at every request it makes, in every way a request can fail, and then run again.
"""

from __future__ import annotations

import pytest
from fake_instances import Fault, Killed, World

from ansible_collections.flotilla.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import FlotillaError
from ansible_collections.flotilla.lxd.plugins.module_utils._migration import end, transfer
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.end import End
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.journey import Migration, Options
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.mark import KEY

FATES = ("finishes", "reverts", "stays")
FAULTS = ("lost", "deaf", "refused", "killed")
MOST_RUNS = 3


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(end, "_PATIENCE", 0.0)
    monkeypatch.setattr(transfer, "_TRIES", 2)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)


def run(world: World, mode: str) -> Migration:
    journey = Migration(End(world.a.client(), "c1"), End(world.b.client(), "c1"), Options(mode=mode, transfer="pull"))
    journey.run(Deadline(60))
    return journey


def world_of(status: str, fate: str, mode: str) -> World:
    world = World(fate)
    world.add(world.a, "c1", status)
    if mode == "refresh":
        run(world, "copy")
        world.a.instances["c1"].data += 1
        world.count = 0
        world.log.clear()
    return world


def requests_of(status: str, mode: str) -> int:
    world = world_of(status, "finishes", mode)
    run(world, mode)
    return world.count


def assert_done(world: World, status: str, mode: str) -> None:
    there = world.b.instances["c1"]
    newest = max(one.data for server in (world.a, world.b) for one in server.instances.values())
    assert there.complete and there.data == newest, world.log
    assert KEY not in there.content["config"], world.log
    assert there.content["config"]["user.x"] == "1" and len(there.snapshots) == 1
    if mode == "move":
        assert "c1" not in world.a.instances, world.log
        assert there.content["status"] == status
        assert there.content["config"]["volatile.eth0.hwaddr"] == "00:16:3e:00:00:01"
    else:
        source = world.a.instances["c1"]
        assert source.content["status"] == status and KEY not in source.content["config"]
        assert there.content["status"] == "Stopped"


def fail_once(world: World, mode: str, fault: Fault) -> None:
    """A run that fails, or does not mind; if it says that all is as before, it is."""
    world.fault = fault
    said = ""
    try:
        run(world, mode)
    except Killed:
        pass
    except FlotillaError as error:
        said = str(error)
    world.fault = None
    if "as it was" in said and "not possible" not in said:
        source = world.a.instances["c1"]
        assert KEY not in source.content["config"], (said, world.log)
        assert source.content["status"] == world.was, (said, world.log)
        assert mode == "refresh" or "c1" not in world.b.instances, (said, world.log)


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("status", ["Running", "Stopped", "Frozen"])
@pytest.mark.parametrize("mode", ["move", "copy", "refresh"])
def test_broken_once_at_every_request(mode, status, fate, kind):
    total = requests_of(status, mode)
    assert total > 10
    for number in range(total):
        world = world_of(status, fate, mode)
        world.was = status
        fail_once(world, mode, Fault(number, kind))
        world.settle()
        world.require_a_whole()
        finish(world, mode)
        assert_done(world, status, mode)


@pytest.mark.parametrize("status", ["Running", "Stopped", "Frozen"])
@pytest.mark.parametrize("mode", ["move", "copy", "refresh"])
def test_run_again_while_the_servers_are_still_at_it(mode, status):
    for number in range(requests_of(status, mode)):
        world = world_of(status, "finishes", mode)
        fail_once(world, mode, Fault(number, "killed"))
        finish(world, mode)
        assert_done(world, status, mode)


@pytest.mark.parametrize("down", ["a", "b"])
@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("status", ["Running", "Stopped"])
def test_a_server_that_goes_away_at_every_request(status, fate, down):
    for number in range(requests_of(status, "move")):
        world = world_of(status, fate, "move")
        world.was = status
        fail_once(world, "move", Fault(number, "lost", lasting_on=down))
        world.settle()
        world.require_a_whole()
        finish(world, "move")
        assert_done(world, status, "move")


@pytest.mark.parametrize("fate", FATES)
def test_killed_twice_at_every_pair_of_requests(fate):
    for first in range(requests_of("Running", "move")):
        for second in range(0, requests_of("Running", "move"), 3):
            world = world_of("Running", fate, "move")
            for number in (first, second):
                fail_once(world, "move", Fault(world.count + number, "killed"))
                world.settle()
                world.require_a_whole()
            finish(world, "move")
            assert_done(world, "Running", "move")


def finish(world: World, mode: str) -> None:
    """The same task again, and once more, which changes nothing."""
    run(world, mode)
    again = run(world, mode)
    assert mode == "refresh" or again.report.actions == []
