# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing, locking, images, ports and statuses, rule by rule."""

from __future__ import annotations

from dataclasses import replace

import pytest
from model_changes import published

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._model import expose, lock, removal
from ansible_collections.flotilla.lxd.plugins.module_utils._model.images import image_for
from ansible_collections.flotilla.lxd.plugins.module_utils._model.scaling import Scaling
from ansible_collections.flotilla.lxd.plugins.module_utils._model.servers import Servers
from ansible_collections.flotilla.lxd.plugins.module_utils._model.state import from_json
from ansible_collections.flotilla.lxd.plugins.module_utils._model.status import describe, worst
from ansible_collections.flotilla.lxd.plugins.module_utils._model.store import Store


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
    exposed = {name: replace(each, exposed=True) for name, each in state.applications.items()}
    devices, closed = expose.devices(replace(state, applications=exposed))
    assert devices["api-0"]["flotilla-udp-53"] == {
        "type": "proxy",
        "listen": "udp:0.0.0.0:53",
        "connect": "udp:127.0.0.1:53",
    }
    assert [*devices["api-1"]] == ["flotilla-tcp-80"] and "db-0" not in devices
    assert closed == ["port 80/tcp of db/0 is not opened: api/0 has it on one"]


def test_ports_that_are_closed_again_or_never_opened(state):
    there = tuple(
        replace(each, devices={"flotilla-tcp-80": {"type": "proxy"}, "eth0": {"type": "nic"}})
        for each in state.containers[:1]
    )
    assert expose.devices(replace(state, containers=there)) == ({"api-0": {"flotilla-tcp-80": None}}, [])
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


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"applications": 1}'])
def test_a_state_that_is_not_understood(text):
    with pytest.raises(InvalidInput, match="project web keeps"):
        from_json("web", text)
