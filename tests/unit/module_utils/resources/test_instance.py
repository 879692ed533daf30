# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is planned for a container: a pure function of what is there and what is wanted."""

from __future__ import annotations

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import (
    InvalidInput,
    OperationFailed,
    PreconditionFailed,
)
from ansible_collections.flotilla.lxd.plugins.module_utils._images.choice import ImageChoice
from ansible_collections.flotilla.lxd.plugins.module_utils._resources import plan as planning
from ansible_collections.flotilla.lxd.plugins.module_utils._resources.instance import Instance, check_name
from ansible_collections.flotilla.lxd.plugins.module_utils._resources.instance_plan import Observed, Wanted, plan

PROFILES = {"default": {}, "web": {"user.web": "1"}, "nesting": {"security.nesting": "true"}}
CODES = {"Stopped": 102, "Running": 103, "Frozen": 110, "Error": 112}


class FakeClient:
    """Takes every write, after the troubles it was given."""

    remote = "foo"

    def __init__(self):
        self.writes = []
        self.trouble = []

    def scoped(self, **_scope):
        return self

    def write(self, method, where, payload=None, **options):
        if self.trouble:
            raise self.trouble.pop(0)
        self.writes.append((method, where, payload, options.get("etag")))


def there(status="Running", **content):
    """A container as the API gives it."""
    base = {
        "name": "c1",
        "status": status,
        "status_code": CODES[status],
        "type": "container",
        "architecture": "x86_64",
        "profiles": ["default"],
        "config": {"volatile.base_image": "aaa"},
        "devices": {},
        "description": "",
        "ephemeral": False,
    }
    return {**base, **content}


def an_image(fingerprint):
    return ImageChoice("img", fingerprint, {"type": "image", "fingerprint": fingerprint})


def planned(found, predicting=False, **options):
    """The plan for a container that is there or not. image: what the alias stands for now; image_problem: why not."""
    seen = {key: options.pop(key) for key in ("image_problem", "can_rebuild") if key in options}
    image = options.pop("image", None)
    if image is not None:
        seen["image"] = an_image(image)
        options["image"] = "img"
    observed = Observed("foo", found, etag="e1", profiles=PROFILES, **seen)
    return plan(Wanted(**{"name": "c1", "state": "present", **options}), observed, predicting=predicting)


def actions(found, **options):
    return [step.action for step in planned(found, **options).steps]


@pytest.mark.parametrize(
    ("status", "state", "expected"),
    [
        ("Stopped", "present", []),
        ("Stopped", "started", ["start"]),
        ("Stopped", "stopped", []),
        ("Stopped", "restarted", ["start"]),
        ("Stopped", "frozen", ["start", "freeze"]),
        ("Stopped", "absent", ["delete"]),
        ("Running", "present", []),
        ("Running", "started", []),
        ("Running", "stopped", ["stop"]),
        ("Running", "restarted", ["restart"]),
        ("Running", "frozen", ["freeze"]),
        ("Running", "absent", ["stop", "delete"]),
        ("Frozen", "present", []),
        ("Frozen", "started", ["unfreeze"]),
        ("Frozen", "stopped", ["unfreeze", "stop"]),
        ("Frozen", "restarted", ["unfreeze", "restart"]),
        ("Frozen", "frozen", []),
        ("Frozen", "absent", ["unfreeze", "stop", "delete"]),
    ],
)
def test_ways_between_states(status, state, expected):
    assert actions(there(status), state=state) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("present", ["create"]),
        ("stopped", ["create"]),
        ("started", ["create", "start"]),
        ("restarted", ["create", "start"]),
        ("frozen", ["create", "start", "freeze"]),
        ("absent", []),
    ],
)
def test_from_nothing(state, expected):
    assert actions(None, state=state, image="aaa") == expected


def test_a_container_in_error_is_not_taken_for_one_that_runs():
    for state in ("started", "stopped", "restarted", "frozen"):
        with pytest.raises(InvalidInput, match="in error"):
            planned(there("Error"), state=state)
    assert actions(there("Error")) == []
    assert actions(there("Error"), state="stopped", force=True) == ["stop"]
    stop, delete = planned(there("Error"), state="absent").steps
    assert stop.payload["force"] is True and delete.action == "delete"


def test_what_would_delete_an_ephemeral_container_is_refused():
    ephemeral = there(ephemeral=True)
    for options in (
        {"state": "stopped"},
        {"found": there(name="old", ephemeral=True), "rename_from": "old", "allow_restart": True},
        {"image": "bbb", "rebuild": True, "can_rebuild": True, "allow_restart": True},
    ):
        with pytest.raises(InvalidInput, match="ephemeral"):
            planned(**{"found": ephemeral, **options})


def test_an_ephemeral_container_is_gone_once_stopped():
    assert actions(there(ephemeral=True), state="absent") == ["stop"]
    assert actions(there("Stopped", ephemeral=True), state="absent") == ["delete"]


def test_update_sends_all_that_is_writable_with_the_etag():
    found = there(description="kept", devices={"d": {"type": "none"}})
    (step,) = planned(found, config={"user.a": 1}).steps
    assert step.etag == "e1" and step.method == "PUT"
    assert step.payload == {
        "architecture": "x86_64",
        "config": {"volatile.base_image": "aaa", "user.a": "1"},
        "description": "kept",
        "devices": {"d": {"type": "none"}},
        "ephemeral": False,
        "profiles": ["default"],
        "stateful": False,
    }


def test_nothing_named_is_nothing_changed():
    assert actions(there(config={"user.a": "1"}), config={"user.a": 1}, profiles=["default"], description="") == []


def test_restart_by_policy():
    change = {"config": {"security.nesting": True}}
    assert actions(there(), **change) == ["update"]
    assert planned(there(), **change).notes["restart_required"] is True
    assert actions(there(), allow_restart=True, **change) == ["update", "restart"]
    assert planned(there(), allow_restart=True, **change).notes["restart_required"] is False
    assert actions(there("Stopped"), allow_restart=True, **change) == ["update"]
    assert actions(there(), state="stopped", allow_restart=True, **change) == ["update", "stop"]
    assert actions(there(), state="restarted", **change) == ["update", "restart"]


def test_restart_for_a_profile():
    profiles = ["default", "nesting"]
    assert planned(there(), profiles=profiles).notes["restart_required"] is True
    assert actions(there(), profiles=profiles, allow_restart=True) == ["update", "restart"]
    assert planned(there(), profiles=["default", "web"]).notes["restart_required"] is False


def test_a_state_is_saved_only_if_asked_and_resumed_unless_refused():
    (stop,) = planned(there(), state="stopped", stateful=True).steps
    assert stop.payload == {"action": "stop", "stateful": True} and "CRIU" in stop.advice
    (stop,) = planned(there(), state="stopped").steps
    assert "stateful" not in stop.payload
    (start,) = planned(there("Stopped", stateful=True), state="started").steps
    assert start.payload == {"action": "start", "stateful": True} and "stateful: false" in start.advice
    for found, wish in ((True, False), (False, None), (False, True)):
        (start,) = planned(there("Stopped", stateful=found), state="started", stateful=wish).steps
        assert start.payload == {"action": "start"}


def test_the_saved_state_is_in_the_diff():
    def held(found, **options):
        plan = planned(found, **options)
        return plan.before["stateful"], plan.after["stateful"]

    assert held(there(), state="stopped", stateful=True) == (False, True)
    assert held(there(), state="stopped") == (False, False)
    assert held(there("Stopped", stateful=True), state="started") == (True, False)
    assert held(there("Stopped", stateful=True), description="x") == (True, True)


def test_a_frozen_container_is_thawed_to_be_saved():
    assert actions(there("Frozen"), state="stopped", stateful=True) == ["unfreeze", "stop"]
    assert actions(there("Stopped"), state="stopped", stateful=True) == []


def test_stateful_goes_with_started_and_stopped():
    for state in ("present", "restarted", "frozen", "absent"):
        with pytest.raises(InvalidInput, match="stateful goes with"):
            planned(there(), state=state, stateful=True)
    with pytest.raises(InvalidInput, match="force cuts it off"):
        planned(there(), state="stopped", stateful=True, force=True)


def test_waiting_for_what_will_not_run_is_refused():
    assert actions(there(), wait_for=["ipv4"]) == []
    for found in (None, there("Stopped"), there("Frozen")):
        with pytest.raises(InvalidInput, match="state: started"):
            planned(found, image="aaa", wait_for=["ipv4"])


def test_rename_at_rest():
    old = there(name="old")
    assert actions(there("Stopped", name="old"), rename_from="old") == ["rename"]
    assert actions(old, rename_from="old", allow_restart=True) == ["stop", "rename", "start"]
    assert actions(old, rename_from="old", state="stopped") == ["stop", "rename"]
    assert actions(old, rename_from="old", state="restarted") == ["stop", "rename", "start"]
    with pytest.raises(InvalidInput, match="allow_restart"):
        actions(old, rename_from="old")


def test_frozen_container_is_renamed_and_frozen_again():
    old = there("Frozen", name="old")
    assert actions(old, rename_from="old", state="frozen", allow_restart=True) == [
        "unfreeze",
        "stop",
        "rename",
        "start",
        "freeze",
    ]


def test_present_leaves_the_run_state_also_through_a_rename():
    assert actions(there("Frozen", name="old"), rename_from="old", allow_restart=True)[-1] == "freeze"


def test_steps_after_a_rename_go_to_the_new_name():
    steps = planned(there(name="old"), rename_from="old", allow_restart=True).steps
    assert [step.path for step in steps] == [
        "/1.0/instances/old/state",
        "/1.0/instances/old",
        "/1.0/instances/c1/state",
    ]


def test_image_that_moved_on_is_reported_and_rebuilt_only_when_asked():
    plan = planned(there("Stopped"), image="bbb")
    assert plan.steps == () and plan.notes["image_moved_on"] is True
    assert planned(there(), image="aaa").notes["image_moved_on"] is False
    assert "image_moved_on" not in planned(there()).notes
    rebuild = {"image": "bbb", "rebuild": True}
    assert actions(there("Stopped"), can_rebuild=True, **rebuild) == ["rebuild"]
    assert actions(there(), can_rebuild=True, allow_restart=True, **rebuild) == ["stop", "rebuild", "start"]
    assert actions(there("Stopped"), image="aaa", rebuild=True) == []
    with pytest.raises(InvalidInput, match="allow_restart"):
        actions(there(), can_rebuild=True, **rebuild)
    with pytest.raises(InvalidInput, match="instances_rebuild"):
        actions(there("Stopped"), **rebuild)


def test_an_image_that_is_gone_matters_only_to_create_and_rebuild():
    gone = InvalidInput("there is no image img")
    plan = planned(there(), image_problem=gone)
    assert plan.steps == () and "there is no image img" in plan.warnings[0]
    for options in ({"found": None}, {"found": there(), "rebuild": True}):
        with pytest.raises(InvalidInput, match="there is no image img"):
            planned(image_problem=gone, **options)


def test_in_check_mode_what_is_missing_is_a_warning():
    plan = planned(None, predicting=True, profiles=["nope"], image_problem=InvalidInput("there is no image img"))
    assert [step.action for step in plan.steps] == ["create"]
    assert len(plan.warnings) == 2


@pytest.mark.parametrize(
    ("found", "wanted", "text"),
    [
        (None, {}, "image or source is needed"),
        (None, {"image": "aaa", "profiles": ["nope"]}, "there is no profile nope"),
        (there(), {"profiles": ["nope"]}, "there is no profile nope"),
        (there(), {"type": "virtual-machine"}, "cannot become virtual-machine"),
        (there(), {"architecture": "aarch64"}, "cannot become aarch64"),
        (there(), {"architecture": "arm64"}, "cannot become aarch64"),
        (there(), {"profiles": ["web", "web"]}, "named twice"),
        (there(), {"exact": frozenset({"config"})}, "no config of container c1"),
        (there(), {"devices": {"x": {"path": "/"}}}, "has no type"),
        (
            there(expanded_config={"security.protection.delete": "true"}),
            {"state": "absent"},
            "security.protection.delete",
        ),
    ],
)
def test_what_cannot_be_is_refused_when_planning(found, wanted, text):
    with pytest.raises(InvalidInput, match=text) as caught:
        planned(found, **wanted)
    assert "remote foo" in str(caught.value) and "c1" in str(caught.value)


@pytest.mark.parametrize("name", ["", "a_b", "-a", "a-", "1a", "a.b", "foo:c1", "a" * 64, "ä"])
def test_names_the_api_would_refuse(name):
    with pytest.raises(InvalidInput, match="is no name for a container"):
        check_name(name)


class Reading(Instance):
    """Reads from a list instead of a server."""

    def __init__(self, *states, **options):
        wanted = Wanted(**{"name": "c1", "state": "present", **options})
        super().__init__(FakeClient(), wanted, lambda _text, _kind: an_image("aaa"))
        self.states = [Observed("foo", state, image=an_image("aaa"), profiles=PROFILES) for state in states]

    def read(self):
        return self.states.pop(0)

    def read_again(self, state):
        return state


def test_somebody_elses_write_is_taken_in_once():
    lost = PreconditionFailed("foo", "update", 412, "ETag does not match")
    container = Reading(there(), there(config={"user.theirs": "1"}), there(), config={"user.ours": 1})
    container.client.trouble = [lost]
    outcome = planning.converge(container, deadline=None, check=False)
    ((_method, _path, payload, _etag),) = container.client.writes
    assert payload["config"] == {"user.theirs": "1", "user.ours": "1"} and outcome.changed
    container = Reading(there(), there(), config={"user.ours": 1})
    container.client.trouble = [lost, lost]
    with pytest.raises(PreconditionFailed):
        planning.converge(container, deadline=None, check=False)


def test_check_mode_writes_nothing():
    container = Reading(None, image="img", state="started")
    outcome = planning.converge(container, deadline=None, check=True)
    assert outcome.actions == ("create", "start") and outcome.changed and container.client.writes == []


def test_advice_is_added_to_the_servers_words():
    container = Reading(there(), state="stopped")
    container.client.trouble = [OperationFailed("foo", "stop container c1", 400, "timed out")]
    with pytest.raises(OperationFailed, match=r"timed out \(status 400\)\. .*force: true"):
        planning.converge(container, deadline=None, check=False)
