# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is planned for snapshots: a pure function of what is there and what is wanted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._resources.plan import Outcome
from ansible_collections.flotilla.lxd.plugins.module_utils._resources.snapshot_plan import (
    Observed,
    Wanted,
    check,
    found,
    plan,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NEVER = "0001-01-01T00:00:00Z"
CODES = {"Stopped": 102, "Running": 103, "Frozen": 110}


def taken(name, days=0.0, **content):
    """A snapshot as the API gives it, so many days old."""
    created = (NOW - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {"name": name, "created_at": created, "expires_at": NEVER, "stateful": False, **content}


def observed(snapshots=(), status="Running", means=None, **content):
    container = {"name": "c1", "status": status, "status_code": CODES[status], "config": {"user.a": "1"}, **content}
    meant = next((each for each in snapshots if each["name"] == means), None)
    return Observed("foo", container, NOW, list(snapshots), meant, "e1")


def planned(snapshots=(), status="Running", predicting=False, container=True, **options):
    options = {"container": "c1", "state": "present", **options}
    if "pattern" not in options:
        options.setdefault("name", "s1")
    wanted = Wanted(**options)
    check(wanted)
    names = [each["name"] for each in snapshots]
    means = wanted.name if wanted.name in names else wanted.rename_from
    seen = observed(snapshots, status, means) if container else Observed("foo", None, NOW)
    return plan(wanted, seen, predicting=predicting)


def actions(*arguments, **options):
    return [step.action for step in planned(*arguments, **options).steps]


def removed(*arguments, **options):
    return planned(*arguments, **options).notes["removed"]


@pytest.mark.parametrize(
    ("there", "options", "expected"),
    [
        ([], {}, ["create"]),
        ([taken("s1")], {}, []),
        ([taken("s1")], {"stateful": False}, []),
        ([taken("s1")], {"retake": True}, ["create", "delete", "rename"]),
        ([], {"retake": True}, ["create"]),
        ([taken("s1.new")], {}, ["create", "delete"]),
        ([taken("s1"), taken("s1.new")], {"retake": True}, ["delete", "create", "delete", "rename"]),
        ([taken("old")], {"rename_from": "old"}, ["rename"]),
        ([taken("old")], {"rename_from": "old", "expires_at": "2w"}, ["update", "rename"]),
        ([taken("s1")], {"state": "absent"}, ["delete"]),
        ([], {"state": "absent"}, []),
        ([taken("s1")], {"state": "restored"}, ["restore"]),
    ],
)
def test_actions(there, options, expected):
    assert actions(there, **options) == expected


@pytest.mark.parametrize(
    ("stored", "wanted", "sent"),
    [
        (NEVER, "2027-01-31", "2027-01-31T00:00:00Z"),
        ("2027-01-31T00:00:00Z", "2027-01-31", None),
        ("2027-01-31T00:00:00Z", None, None),
        ("2027-01-31T00:00:00Z", "never", NEVER),
        (NEVER, "never", None),
        # From when it was taken, three days ago.
        (NEVER, "2w", "2026-12-05T12:00:00Z"),
        ("2026-12-05T12:00:00Z", "2w", None),
        # As the server itself makes it of snapshots.expiry.
        ("2026-12-05T11:59:59.993725453Z", "2w", None),
        ("2026-12-05T12:02:00Z", "2w", "2026-12-05T12:00:00Z"),
    ],
)
def test_expiry_of_one_that_is_there(stored, wanted, sent):
    steps = planned([taken("s1", days=3, expires_at=stored)], expires_at=wanted).steps
    assert [step.payload for step in steps] == ([{"expires_at": sent}] if sent else [])
    assert all(step.etag == "e1" and step.method == "PUT" for step in steps)


def test_expiry_of_a_new_one():
    assert planned().steps[0].payload == {"name": "s1", "stateful": False}
    assert planned(expires_at="2027-01-31").steps[0].payload["expires_at"] == "2027-01-31T00:00:00Z"
    # The servers take null for what snapshots.expiry says.
    assert planned(expires_at="never").steps[0].payload["expires_at"] == NEVER
    # Of a span the moment is known once it is taken.
    assert "expires_at" not in planned(expires_at="2w").steps[0].payload
    assert planned(expires_at="2w").after["snapshots"]["s1"]["expires_at"] == "2026-12-08T12:00:00Z"


AUTO = [taken(f"auto-{days}", days) for days in (9, 5, 4, 2, 1)]
MIXED = [taken("first", 10), *AUTO, taken("last", 0.1)]


@pytest.mark.parametrize(
    ("options", "gone"),
    [
        ({}, ["auto-9", "auto-5", "auto-4", "auto-2", "auto-1"]),
        ({"keep": 2}, ["auto-9", "auto-5", "auto-4"]),
        ({"keep": 0}, ["auto-9", "auto-5", "auto-4", "auto-2", "auto-1"]),
        ({"keep": 9}, []),
        ({"younger_than": "3d"}, ["auto-9", "auto-5", "auto-4"]),
        ({"younger_than": "3d", "keep": 3}, ["auto-9", "auto-5"]),
        ({"younger_than": "1w", "keep": 1}, ["auto-9"]),
        ({"pattern": "*-[59]"}, ["auto-9", "auto-5"]),
        ({"pattern": "*", "keep": 6}, ["first"]),
        ({"name": "first", "keep": 4}, ["first", "auto-9"]),
    ],
)
def test_retention(options, gone):
    assert removed(MIXED, **{"state": "absent", "pattern": "auto-*", **options}) == gone


def test_the_one_just_taken_counts_and_is_never_deleted():
    options = {"name": "auto-new", "pattern": "auto-*"}
    assert removed(MIXED, keep=2, **options) == ["auto-9", "auto-5", "auto-4", "auto-2"]
    assert removed(MIXED, keep=0, **options) == ["auto-9", "auto-5", "auto-4", "auto-2", "auto-1"]
    assert list(planned(MIXED, keep=0, **options).after["snapshots"]) == ["first", "last", "auto-new"]
    # One that is there already has the place that its age gives it.
    assert removed(MIXED, name="auto-9", pattern="auto-*", keep=4) == []
    assert removed(MIXED, name="auto-9", pattern="auto-*", keep=3) == ["auto-5"]


def test_a_name_that_means_all_snapshots_of_the_pool_is_never_deleted():
    assert removed([taken("..", 2), taken("a", 1)], state="absent", pattern="*") == ["a"]


def test_a_second_run_deletes_nothing():
    left = [each for each in MIXED if each["name"] not in ("auto-9", "auto-5", "auto-4")]
    assert actions(left, state="absent", pattern="auto-*", keep=2) == []


def test_a_retaken_snapshot_is_taken_before_the_old_one_goes():
    create, delete, rename = planned([taken("s1", 5)], retake=True, expires_at="never").steps
    assert create.payload == {"name": "s1.new", "stateful": False, "expires_at": NEVER}
    assert delete.path.endswith("/snapshots/s1") and rename.path.endswith("/snapshots/s1.new")
    assert rename.payload == {"name": "s1"}
    assert removed([taken("s1", 5)], retake=True) == []


@pytest.mark.parametrize(
    ("status", "stateful", "expected"),
    [
        ("Stopped", None, ["restore"]),
        ("Running", None, ["restore"]),
        ("Frozen", None, ["restore", "freeze"]),
        # What is restored runs, and that is what was asked for.
        ("Frozen", True, ["restore"]),
    ],
)
def test_restoring_keeps_the_run_state(status, stateful, expected):
    there = [taken("s1", stateful=bool(stateful))]
    assert actions(there, status, state="restored", stateful=stateful) == expected
    restore = planned(there, status, state="restored", stateful=stateful).steps[0]
    assert restore.payload == {"restore": "s1", "stateful": bool(stateful)}
    assert bool(restore.advice) is (status != "Stopped")


def test_the_diff_of_restoring_shows_what_comes_back():
    snapshot = taken("s1", config={"user.a": "2", "volatile.uuid": "x"}, profiles=["web"], devices={}, ephemeral=False)
    diff = planned([snapshot], state="restored")
    assert diff.before["config"] == {"user.a": "1"} and diff.after["config"] == {"user.a": "2"}
    assert diff.after["restored_from"] == "s1"


@pytest.mark.parametrize(
    ("there", "options", "text"),
    [
        ([], {"state": "restored"}, "no snapshot s1 to go back to .there is none"),
        ([taken("a"), taken("b")], {"state": "restored"}, "there are a, b"),
        ([taken("s1")], {"state": "restored", "stateful": True}, "holds no state"),
        ([taken("s1")], {"stateful": True}, "without the state of processes: retake"),
        ([taken("s1", stateful=True)], {"stateful": False}, "with the state of processes: retake"),
        ([], {"status": "Stopped", "stateful": True}, "does not run"),
        ([], {"container": False}, "no such container"),
        ([], {"name": ".."}, "no name for a snapshot"),
        ([], {"name": "a/b"}, "no name for a snapshot"),
        ([], {"name": "a b"}, "no name for a snapshot"),
        ([], {"name": ""}, "no name for a snapshot"),
        ([], {"name": "a" * 201}, "longer than 200"),
        ([], {"rename_from": "../x"}, "no name for a snapshot"),
        ([], {"expires_at": "soon"}, "is no date.*or a span"),
        ([], {"expires_at": "2027-13-01"}, "is no date"),
        ([], {"younger_than": "7", "pattern": "*"}, "is no span"),
        ([], {"keep": -1, "pattern": "*"}, "0 or more"),
        ([], {"pattern": "*"}, "say keep or younger_than"),
        ([], {"state": "absent", "expires_at": "2w"}, "expires_at does not go with state: absent"),
        ([], {"state": "absent", "stateful": True}, "stateful does not go with state: absent"),
        ([], {"state": "restored", "pattern": "*", "name": "s1"}, "pattern does not go with state: restored"),
        ([], {"state": "restored", "retake": True}, "retake does not go with state: restored"),
    ],
)
def test_what_cannot_be_is_refused(there, options, text):
    with pytest.raises(InvalidInput, match=text):
        planned(there, **options)


def test_in_check_mode_what_is_missing_is_a_warning():
    assert actions(container=False, predicting=True) == ["create"]
    assert actions(container=False, predicting=True, state="restored") == ["restore"]
    assert "no such container" in planned(container=False, predicting=True).warnings[0]
    assert planned(container=False, state="absent").steps == ()


def test_what_a_result_shows():
    def shown(checked, **options):
        there = [taken("a", 2), taken("s1", 1)]
        name = options.get("name", "s1")
        outcome_plan = planned(there, **options)
        seen = observed(there, means=name)
        return found(Outcome(outcome_plan, tuple(step.action for step in outcome_plan.steps), seen, checked))

    assert shown(True, name="new", expires_at="2027-01-31") == {
        "snapshots": ["a", "s1", "new"],
        "snapshot": {"name": "new", "stateful": False, "expires_at": "2027-01-31T00:00:00Z"},
    }
    assert shown(True, state="absent") == {"snapshots": ["a"]}
    assert shown(True)["snapshot"] == taken("s1", 1)
    assert shown(True, state="restored")["snapshot"] == taken("s1", 1)
