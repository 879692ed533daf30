# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing, locking, images, ports and statuses, rule by rule."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace

import pytest
from model_changes import published

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._model import expose, lock, process, removal
from ansible_collections.flotilla.lxd.plugins.module_utils._model.images import image_for
from ansible_collections.flotilla.lxd.plugins.module_utils._model.scaling import Scaling
from ansible_collections.flotilla.lxd.plugins.module_utils._model.servers import Servers
from ansible_collections.flotilla.lxd.plugins.module_utils._model.state import counted, from_json, to_json
from ansible_collections.flotilla.lxd.plugins.module_utils._model.status import describe, worst
from ansible_collections.flotilla.lxd.plugins.module_utils._model.store import Store
from ansible_collections.flotilla.lxd.plugins.module_utils._resources import power


@pytest.mark.parametrize(
    ("units", "applications", "expected"),
    [
        (["api/1"], [], {"api/1", "log/0"}),
        ([], ["api"], {"api/0", "api/1", "log/0", "log/1"}),
        ([], ["log"], {"log/0", "log/1"}),
        (["log/0", "api/1"], [], {"api/1", "log/0"}),
    ],
)
def test_what_leaves_with_what(state, units, applications, expected):
    assert removal.leave(state, units, applications).leaving == expected


@pytest.mark.parametrize(
    ("units", "applications", "text"),
    [
        (["api/9"], [], "no unit api/9"),
        ([], ["nope"], "no application nope: it has api, db, log"),
        (["log/0"], [], "goes with its principal api/1"),
    ],
)
def test_what_cannot_leave(state, units, applications, text):
    with pytest.raises(InvalidInput, match=text):
        removal.leave(state, units, applications)


def test_what_is_gone_already_may_be_removed_again(state):
    gone = removal.remove(removal.leave(counted(state), ["api/1"], ["db"])).state
    again = from_json("web", to_json(counted(gone)))
    again = replace(again, containers=gone.containers)
    for scaling in (
        Scaling(without_units=["api/1"]),
        Scaling(without_applications=["db"]),
        Scaling(without_units=["db/0"]),
    ):
        changes, after = scaling.plan(again)
        assert (changes, after) == ([], again)
    # Not what never was, of one that is there and of one that is not.
    for unit, there in (("api/2", "api/0"), ("db/1", "none")):
        with pytest.raises(InvalidInput, match=f"never had unit {unit}: of .*, it has {there}"):
            Scaling(without_units=[unit]).plan(again)
    with pytest.raises(InvalidInput, match="application db of model web is being removed, and not there to scale"):
        Scaling({"db": 2}).plan(removal.leave(state, [], ["db"]))


@pytest.mark.parametrize(
    "scaling",
    [
        Scaling(without_applications=["dbb"]),
        Scaling(without_units=["dbb/0"]),
        Scaling(without_units=["log/0", "dbb/0"]),
    ],
)
def test_what_was_never_there_cannot_be_removed(state, scaling):
    with pytest.raises(InvalidInput, match="model web never had application dbb: it has api, db, log"):
        scaling.plan(state)


def test_an_application_that_is_deployed_again_has_had_its_units_of_before(state):
    removed = replace(state, removed={"api": 7})
    assert Scaling(without_units=["api/6"]).plan(removed)[1].leaving == frozenset()
    with pytest.raises(InvalidInput, match="never had unit api/7: of api, it has api/0, api/1"):
        Scaling(without_units=["api/7"]).plan(removed)


@pytest.mark.parametrize("unit", ["api", "api-1", "api/", "api/one"])
def test_what_is_no_unit(state, unit):
    with pytest.raises(InvalidInput, match=f"{unit} is not the name of a unit"):
        Scaling(without_units=[unit]).plan(state)


@pytest.mark.parametrize("name", ["my_web", "my web", "a/b", "-web", ""])
def test_what_no_model_can_be_called(name):
    with pytest.raises(InvalidInput, match="may have letters, digits, hyphens and dots"):
        Store(Servers(name), ["one"])


def test_removing_what_is_leaving(state):
    after = removal.leave(state, [], ["db"])
    assert removal.texts(state, after) == [
        "remove application db",
        "remove unit db/0",
        "delete container db-0 of machine 2 on one",
    ]
    taken = removal.remove(after)
    assert [each.name for each in taken.containers] == ["db-0"]
    assert taken.state.applications.keys() == {"api", "log"} and taken.state.machines.keys() == {"0", "1"}
    assert taken.state.relations == (("log:host", "api:host"),) and taken.state.leaving == frozenset()
    # One that could not be stopped keeps all that is its own.
    kept = removal.remove(after, ["db/0"])
    assert kept.containers == () and kept.state.leaving == {"db/0"} and "db" in kept.state.applications


def test_a_subordinate_leaves_a_container_to_its_principal(state):
    taken = removal.remove(removal.leave(state, [], ["log"]))
    assert taken.containers == ()
    assert [(unit, container.name) for unit, container in taken.units] == [("log/1", "api-0"), ("log/0", "api-1")]


def test_the_lock():
    mine = lock.Lock("a", "me@here", 1000, 1000)
    config = lock.taken({"x": "y"}, "web", mine, take_over=False)
    assert lock.held(config) == mine and config["x"] == "y"
    other = lock.Lock("b", "you@there", 1010, 1010)
    with pytest.raises(InvalidInput, match="model web is being changed by me@here, since .* take_over: true; from "):
        lock.taken(config, "web", other, take_over=False)
    assert lock.held(lock.taken(config, "web", other, take_over=True)) == other
    late = replace(other, renewed=1000 + lock.SECONDS)
    assert lock.held(lock.taken(config, "web", late, take_over=False)) == late
    renewed = replace(mine, since=1500, renewed=1500)
    assert lock.held(lock.taken(config, "web", renewed, take_over=False)) == replace(mine, renewed=1500)
    assert lock.given_back(config, "b") == config
    assert lock.given_back(config, "a") == {"x": "y"}
    assert lock.held({lock.LOCK_KEY: "nonsense"}) is None


def test_the_lock_of_a_run_that_is_gone():
    with subprocess.Popen(["sleep", "60"]) as run:
        alive = process.name_of(run.pid)
        held = lock.Lock("a", "me@here", 1000, 1000, run=alive, step=process.name_of(os.getpid()))
        assert not process.is_gone(alive)
        run.kill()
        os.waitid(os.P_PID, run.pid, os.WEXITED | os.WNOWAIT)
        # It is not waited for yet, and dead all the same.
        assert process.is_gone(alive)
    assert process.is_gone(alive) and process.number_of(alive) == str(run.pid)
    # What it had started is at work.
    assert held.is_of_a_dead_run and not held.is_orphaned
    assert replace(held, step="").is_orphaned and replace(held, step=alive).is_orphaned
    assert not replace(held, run="", step="").is_orphaned
    renewed = lock.taken(
        {lock.LOCK_KEY: held.to_json()}, "web", replace(held, renewed=1500, run="", step="s"), take_over=False
    )
    assert lock.held(renewed) == replace(held, renewed=1500, step="s")


def test_processes_that_are_no_longer_the_same_or_elsewhere():
    mine = process.name_of(os.getpid())
    place, number, began = mine.split(" ")
    assert process.is_gone(f"{place} {number} {int(began) - 1}")
    assert not process.is_gone(f"elsewhere/{place} {number} {int(began) - 1}")
    assert process.name_of(2**31 - 1) == "" and not process.is_gone("")


@pytest.mark.parametrize(
    ("fields", "options", "expected"),
    [
        ({}, {"expose": ["api"]}, ["expose all endpoints of api and allow access from CIDRs 0.0.0.0/0 and ::/0"]),
        ({"exposed": True}, {"expose": ["api"]}, []),
        (
            {"exposed": True, "exposed_endpoints": {"db": ["10.0.0.0/8"]}},
            {"expose": ["api"]},
            ["expose all endpoints of api and allow access from CIDRs 0.0.0.0/0 and ::/0"],
        ),
        ({"exposed": True, "exposed_endpoints": {"db": []}}, {"unexpose": ["api"]}, ["unexpose application api"]),
        ({}, {"unexpose": ["api"]}, []),
    ],
)
def test_exposing(state, fields, options, expected):
    applications = {**state.applications, "api": replace(state.applications["api"], **fields)}
    changes, _after = Scaling(**options).plan(replace(state, applications=applications))
    assert [change.text for change in changes] == expected


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"expose": ["nope"]}, "no application nope to expose: it has api, db, log"),
        ({"unexpose": ["nope"]}, "no application nope to unexpose"),
        ({"expose": ["api"], "unexpose": ["api"]}, "expose and unexpose both name api"),
    ],
)
def test_what_cannot_be_exposed(state, options, text):
    with pytest.raises(InvalidInput, match=text):
        Scaling(**options).plan(state)


@pytest.mark.parametrize(
    ("series", "images", "expected"),
    [
        ("", {}, "debian/12"),
        ("", {"": "busybox"}, "busybox"),
        ("jammy", {}, "ubuntu/22.04"),
        ("ubuntu@22.04", {}, "ubuntu/22.04"),
        ("ubuntu@22.04/stable", {}, "ubuntu/22.04"),
        ("debian/12/stable", {}, "debian/12"),
        ("jammy", {"": "busybox"}, "busybox"),
        ("jammy", {"jammy": "a", "": "busybox"}, "a"),
        ("jammy", {"ubuntu@22.04": "b"}, "b"),
        ("ubuntu@22.04/stable", {"ubuntu/22.04": "c"}, "c"),
    ],
)
def test_images(series, images, expected):
    assert image_for(series, images) == expected


def test_a_series_that_nobody_knows():
    with pytest.raises(InvalidInput, match="series warty has no image"):
        image_for("warty", {"jammy": "a"})


def test_ports_that_are_opened(state):
    state = published(published(state, "api/0", ports=("80/tcp", "53/udp")), "api/1", ports=("80/tcp",))
    state = published(state, "db/0", ports=("80/tcp",))
    assert expose.devices(state) == ({}, [])
    assert expose.texts(state) == []
    exposed = {name: replace(each, exposed=True) for name, each in state.applications.items()}
    state = replace(state, applications=exposed)
    devices, closed = expose.devices(state)
    assert devices["api-0"]["flotilla-udp-53"] == {
        "type": "proxy",
        "listen": "udp:0.0.0.0:53",
        "connect": "udp:127.0.0.1:53",
    }
    assert [*devices["api-1"]] == ["flotilla-tcp-80"] and "db-0" not in devices
    assert closed == ["port 80/tcp of db/0 is not opened: api/0 has it on one"]
    assert "open port 53/udp of container api-0" in expose.texts(state)
    expected = ("api/0", "port 53/udp is not opened on one: address already in use")
    assert expose.still_closed(state) == {"api/0": ["80/tcp", "53/udp"], "api/1": ["80/tcp"]}
    messages = {unit: each["message"] for unit, each in describe(state)["applications"]["api"]["units"].items()}
    assert messages["api/0"] == "not open to the outside: 80/tcp, 53/udp"
    assert expose.refusal(state, "api-0", "flotilla-udp-53", "address already in use") == expected


def test_a_port_is_the_one_of_the_unit_that_is_exposed(state):
    state = published(published(state, "api/0", ports=("80/tcp",)), "log/1", ports=("80/tcp",))
    log = replace(state.applications["log"], exposed=True)
    state = replace(state, applications={**state.applications, "log": log})
    assert expose.still_closed(state) == {"log/1": ["80/tcp"]}
    assert expose.refusal(state, "api-0", "flotilla-tcp-80", "no")[0] == "log/1"


def test_ports_that_are_closed_again_or_never_opened(state):
    there = tuple(
        replace(each, devices={"flotilla-tcp-80": {"type": "proxy"}, "eth0": {"type": "nic"}})
        for each in state.containers[:1]
    )
    assert expose.devices(replace(state, containers=there)) == ({"api-0": {"flotilla-tcp-80": None}}, [])
    assert expose.texts(replace(state, containers=there)) == ["close port 80/tcp of container api-0"]
    # A port that goes to another container is closed in the first one before.
    changing = {
        "api-0": {"flotilla-tcp-80": None},
        "db-0": {"flotilla-tcp-80": {"type": "proxy"}, "flotilla-udp-1": None},
    }
    assert expose.to_close(changing) == {"api-0": {"flotilla-tcp-80": None}, "db-0": {"flotilla-udp-1": None}}
    assert expose.to_open(changing) == {"db-0": {"flotilla-tcp-80": {"type": "proxy"}}}
    some = replace(state.applications["db"], exposed=True, exposed_endpoints={"server": ["10.0.0.0/8"]})
    state = published(replace(state, applications={**state.applications, "db": some}), "db/0", ports=("80/tcp",))
    assert expose.devices(state) == ({}, ["db/0 is not opened: a proxy cannot tell 10.0.0.0/8 from others"])


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], "unknown"),
        (["active", "waiting"], "waiting"),
        (["maintenance", "waiting"], "maintenance"),
        (["blocked", "maintenance"], "blocked"),
        (["active", "error", "blocked"], "error"),
        (["blocked", "unknown"], "unknown"),
        (["unknown", "down", "lost"], "lost"),
    ],
)
def test_the_worst_status(statuses, expected):
    assert worst(statuses) == expected


def test_a_model_in_words(state):
    state = published(published(state, "db/0", status="active"), "api/1", failed="it broke", status="active")
    model = describe(state)
    assert model["applications"]["api"]["status"] == "error" and model["applications"]["api"]["message"] == "it broke"
    assert [*model["applications"]["api"]["units"]["api/0"]["subordinates"]] == ["log/1"]
    assert model["applications"]["log"]["subordinate_to"] == ["api"]
    assert model["relations"] == [
        {"provider": "db:server", "requirer": "api:db", "interface": "sql", "type": "regular"},
        {"provider": "api:host", "requirer": "log:host", "interface": "beside", "type": "subordinate"},
        {"provider": "db:ring", "requirer": "db:ring", "interface": "db-ring", "type": "peer"},
    ]
    assert "p" not in str(model["applications"]["db"].get("data", ""))


def test_where_units_were_is_kept(state):
    kept = counted(state)
    assert kept.placed == {"api/0": "0", "log/1": "0", "api/1": "1", "log/0": "1", "db/0": "2"}
    assert from_json("web", to_json(kept)).placed == kept.placed
    # What was removed is not missed, be it alone or with its container.
    assert counted(removal.remove(removal.leave(kept, ["api/1"], ["log"])).state).placed == {"api/0": "0", "db/0": "2"}


def test_what_is_not_to_be_seen_is_told_all_the_same(state):
    stopped, _deleted, _far = counted(state).containers
    there = replace(counted(state), containers=(replace(stopped, status="stopped"),))
    machines = {**there.machines, "2": replace(there.machines["2"], remote="far")}
    model = describe(replace(there, machines=machines), {"far": "x"})
    applications = model["applications"]
    assert {name: (each["status"], each["scale"]) for name, each in applications.items()} == {
        "api": ("lost", 2),
        "db": ("unknown", 1),
        "log": ("lost", 2),
    }
    api = applications["api"]["units"]
    assert (api["api/0"]["status"], api["api/1"]["status"]) == ("down", "lost")
    assert api["api/0"]["message"] == "container api-0 is stopped"
    assert api["api/1"]["subordinates"]["log/0"]["message"] == "its container is gone"
    assert applications["db"]["units"]["db/0"]["message"] == "remote far does not answer"
    machines = model["machines"]
    assert [each["status"] for each in machines.values()] == ["down", "lost", "unknown"]
    assert machines["1"]["units"] == ["api/1", "log/0"] and machines["2"]["remote"] == "far"
    assert model["unreachable"] == {"far": "x"}
    # One that was never seen there is still to be made.
    assert describe(replace(there, placed={}))["machines"]["1"]["status"] == "pending"


@pytest.mark.parametrize(
    ("status", "expected", "action"),
    [("frozen", "frozen", "unfreeze"), ("stopped", "down", "start"), ("error", "down", "start")],
)
def test_a_container_that_stands_still_is_shown_as_it_is(state, status, expected, action):
    containers = tuple(replace(each, status=status) for each in state.containers)
    model = describe(replace(state, containers=containers))
    [unit] = model["applications"]["db"]["units"].values()
    assert (unit["status"], unit["message"]) == (expected, f"container db-0 is {status}")
    assert {each["status"] for each in model["machines"].values()} == {expected}
    assert model["applications"]["api"]["status"] == worst([expected, "active"]) == expected
    assert power.to_start(status) == action


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"applications": 1}'])
def test_a_state_that_is_not_understood(text):
    with pytest.raises(InvalidInput, match="project web keeps"):
        from_json("web", text)
