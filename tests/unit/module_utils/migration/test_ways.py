# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way is taken when servers do not reach each other, and when it is something else that fails."""

from __future__ import annotations

import pytest
from fake_instances import World

from ansible_collections.flotilla.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import (
    DeadlineExceeded,
    Interrupted,
    OperationFailed,
    Unreachable,
)
from ansible_collections.flotilla.lxd.plugins.module_utils._migration import transfer
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.end import End
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.journey import Migration, Options
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.retreat import Failed
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.server_journey import ServerMigration
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.translate import Changes

DIALED = "Unable to connect to: b.example:8443 ([dial tcp: connection refused])"
PUSHED = "Unable to connect to: a.example:8443 ([dial tcp: connection refused])"


@pytest.fixture(autouse=True)
def impatient(no_waiting, monkeypatch):
    monkeypatch.setattr(transfer, "_NOTICE_SECONDS", 0.02)
    monkeypatch.setattr(transfer, "hang_up", lambda operation: operation.cancel())


def move(world: World, way: str = "auto") -> Migration:
    journey = ServerMigration(End(world.a.client(), "c1"), End(world.b.client(), "c1"), Options(transfer=way))
    journey.run(Deadline(60))
    return journey


def world(**failures: str) -> World:
    made = World()
    made.failures = failures
    made.add(made.a, "c1")
    return made


def test_pull_comes_first():
    assert move(world()).report.transfer == "pull"


def test_push_comes_second():
    assert move(world(pull=DIALED)).report.transfer == "push"


def test_what_is_asked_for_is_all_that_is_tried():
    with pytest.raises(Failed, match="dial tcp.*as it was"):
        move(world(pull=DIALED), "pull")


def test_all_ways_are_told_of_when_none_works():
    cut = world(pull=DIALED, push=PUSHED)
    with pytest.raises(Failed) as caught:
        move(cut)
    text = str(caught.value)
    assert "pull: " in text and "push: " in text and "relay: remote a: there are no websockets here" in text
    assert cut.a.instances["c1"].content["status"] == "Running" and not cut.b.instances


def test_an_error_of_the_transfer_itself_is_not_tried_around():
    full = world(met="no space left on device")
    with pytest.raises(Failed, match="no space left.*as it was"):
        move(full)
    assert sum("POST /1.0/instances/c1" in line for line in full.log) == 1


def test_what_changes_on_the_way_is_in_the_diff():
    changes = Changes(config={"user.x": None, "user.y": 2}, devices={"e": {"type": "none"}})
    made = world()
    journey = ServerMigration(End(made.a.client(), "c1"), End(made.b.client(), "c2"), Options("copy", changes=changes))
    journey.run(Deadline(60))
    assert journey.report.before == {"places": ["a:c1"], "config": {"user.x": "1"}, "devices": {}}
    assert journey.report.after == {
        "places": ["a:c1", "b:c2"],
        "config": {"user.y": "2"},
        "devices": {"e": {"type": "none"}},
    }
    refresh = ServerMigration(End(made.a.client(), "c1"), End(made.b.client(), "c2"), Options("refresh"))
    made.b.instances["c2"].content.update(status="Stopped", status_code=102)
    refresh.run(Deadline(60))
    assert refresh.report.before == refresh.report.after == {"places": ["a:c1", "b:c2"]}


class Waiting:
    """The operation of a side that waits, does not end, and cannot be called off."""

    status_code = 103

    def cancel(self) -> bool:
        return False

    def finish(self, _deadline: Deadline) -> None:
        raise DeadlineExceeded("it goes on")


@pytest.mark.parametrize(
    ("error", "raised", "hangs_up"),
    [
        (Interrupted("it was interrupted (SIGINT)"), Interrupted, False),
        (Unreachable("a", "it hung up"), Unreachable, False),
        (DeadlineExceeded("it took too long"), DeadlineExceeded, False),
        (OperationFailed("a", "transfer", 400, DIALED), transfer.NeverMet, True),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_only_one_that_nobody_has_spoken_to_is_hung_up_on(error, raised, hangs_up, monkeypatch):
    """LXD 5.0 dies of a stream that is connected a second time."""
    there, waiting, hung_up = world(), Waiting(), []
    monkeypatch.setattr(transfer, "hang_up", hung_up.append)

    def act(_deadline):
        raise error

    sending = transfer.Transfer(
        End(there.a.client(), "c1"), End(there.b.client(), "c1"), transfer.Parcel({}, "container")
    )
    with pytest.raises(raised):
        sending._both(waiting, act, Deadline(60))
    assert hung_up == ([waiting] if hangs_up else [])
