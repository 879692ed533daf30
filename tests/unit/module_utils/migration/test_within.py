# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves within a project: provisional names, and what is refused."""

from __future__ import annotations

import pytest
from fake_instances import Fault, Killed, World

from ansible_collections.flotilla.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._migration import batch
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.journey import Options
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.translate import Changes
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.within import provisional

TO_FAST = Options(changes=Changes(pool="fast"))

pytestmark = pytest.mark.usefixtures("no_waiting")


@pytest.fixture
def world() -> World:
    made = World()
    made.add(made.a, "c1")
    return made


def migrate(world: World, *names: str, options: Options = TO_FAST, check: bool = False):
    client = world.a.client()
    return batch.migrate(client, client, names, None, options, Deadline(60), check=check)


def test_provisional_names():
    assert provisional("c1") == "arriving-c1"
    long, other = "a" * 62 + "b", "a" * 62 + "c"
    assert len(provisional(long)) == 63 and provisional(long) != provisional(other)


def test_a_pattern_does_not_mean_what_is_to_take_a_place(world):
    """After a run that was killed with the source deleted, it means the container by the name that it is to have."""
    world.fault = Fault(next_delete(), "killed")
    with pytest.raises(Killed):
        migrate(world, "c1")
    world.fault = None
    world.settle()
    assert list(world.a.instances) == ["arriving-c1"]
    reports, errors = migrate(world, "*")
    assert not errors and [one.name for one in reports] == ["c1"]
    assert list(world.a.instances) == ["c1"] and world.a.instances["c1"].content["status"] == "Running"


def next_delete() -> int:
    """The number of the request after the one that deletes the source."""
    whole = World()
    whole.add(whole.a, "c1")
    migrate(whole, "c1")
    return next(number for number, line in enumerate(whole.log) if "DELETE /1.0/instances/c1" in line) + 1


def test_a_name_that_is_taken(world):
    world.add(world.a, "arriving-c1", "Stopped")
    _reports, errors = migrate(world, "c1")
    assert "of that name" in str(errors[0])
    assert set(world.a.instances) == {"c1", "arriving-c1"} and world.a.instances["c1"].content["status"] == "Running"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (Options(running="live", changes=TO_FAST.changes), "running: live is for a move to another server"),
        (Options(running="stateful", changes=TO_FAST.changes), "does not go along"),
        (Options(target="m1", changes=TO_FAST.changes), "the target is no cluster"),
        (Options(), "the same"),
        (Options(mode="copy", changes=TO_FAST.changes), "the same"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_refused(world, options, said, check):
    _reports, errors = migrate(world, "c1", options=options, check=check)
    assert isinstance(errors[0], InvalidInput) and said in str(errors[0])
    assert "user.flotilla.migration" not in world.a.instances["c1"].content["config"]
