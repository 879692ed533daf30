# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What units see of each other, and whom that has run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from model_changes import published

from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.charm import Option
from ansible_collections.flotilla.lxd.plugins.module_utils._model import rounds
from ansible_collections.flotilla.lxd.plugins.module_utils._model.charms import Role
from ansible_collections.flotilla.lxd.plugins.module_utils._model.removal import leave
from ansible_collections.flotilla.lxd.plugins.module_utils._model.state import Application
from ansible_collections.flotilla.lxd.plugins.module_utils._model.view import digest, view, when_new


@pytest.fixture
def seen(state, roles):
    def look(unit, of=state):
        record, container = next((record, container) for name, record, container in of.units() if name == unit)
        return view(of, unit, record, container, roles[unit.partition("/")[0]])

    return look


def digest_of(state, unit):
    return next(digest(state, *placed) for placed in state.units() if placed[0] == unit)


def test_a_requirer_sees_its_provider(seen):
    unit = seen("api/0")
    assert unit["leader"] is True and unit["machine"] == "0" and unit["address"] == "192.0.2.0"
    assert unit["peers"] == [{"name": "api/1", "address": "192.0.2.1", "leader": False, "data": {}}]
    db, beside = unit["relations"]
    assert db == {
        "endpoint": "db",
        "interface": "sql",
        "role": "requirer",
        "scope": "global",
        "application": "db",
        "remote_endpoint": "server",
        "data": {"password": "p"},
        "units": [{"name": "db/0", "address": "192.0.2.2", "data": {"port": "5432"}}],
    }
    assert beside["scope"] == "container" and [each["name"] for each in beside["units"]] == ["log/1"]


def test_a_subordinate_sees_its_principal_only(seen):
    unit = seen("log/0")
    assert unit["principal"] == "api/1" and unit["container"] == "api-1" and unit["leader"] is True
    assert [each["name"] for relation in unit["relations"] for each in relation["units"]] == ["api/1"]


def test_a_provider_sees_options_peers_and_requirers(seen):
    unit = seen("db/0")
    assert unit["options"] == {"size": 5} and unit["principal"] is None
    ring, server = unit["relations"]
    assert (ring["role"], ring["units"], ring["application"]) == ("peer", [], "db")
    assert [each["name"] for each in server["units"]] == ["api/0", "api/1"] and server["data"] == {}


def test_a_new_unit_does_not_see_its_providers_before_they_know_of_it(seen):
    db, beside = when_new(seen("api/0"))["relations"]
    assert db["application"] == "db" and (db["units"], db["data"]) == ([], {})
    assert beside == seen("api/0")["relations"][1]
    assert when_new(seen("db/0")) == seen("db/0")


def test_who_leaves_is_departed_and_seen_no_more(seen, state):
    after = leave(state, ["api/0"], [])
    unit = seen("db/0", after)
    assert [each["name"] for each in unit["relations"][1]["units"]] == ["api/1"]
    assert unit["departed"] == [{"name": "api/0", "address": "192.0.2.0", "endpoint": "server"}]
    assert seen("api/1", after)["leader"] is True
    assert digest_of(after, "db/0") != digest_of(state, "db/0")


def test_a_relation_with_an_application_that_leaves_is_gone_at_once(seen, state):
    after = leave(state, [], ["db"])
    unit = seen("api/0", after)
    assert [relation["endpoint"] for relation in unit["relations"]] == ["host"]
    assert unit["departed"] == [{"name": "db/0", "address": "192.0.2.2", "endpoint": "db"}]


def test_a_unit_that_is_alone_has_nothing_to_be_told(seen, state):
    alone = replace(state, relations=(), containers=state.containers[2:])
    with_ring = seen("db/0", alone)
    assert [relation["endpoint"] for relation in with_ring["relations"]] == ["ring"]
    db = replace(alone.applications["db"], endpoints={})
    without = replace(alone, applications={**alone.applications, "db": db})
    assert digest_of(alone, "db/0") and digest_of(without, "db/0") == ""


def test_rounds_until_nothing_changes(state, roles):
    assert [unit for unit, *_rest in rounds.to_install(state, roles)] == ["api/0", "api/1", "db/0", "log/0", "log/1"]
    assert rounds.to_tell(state, roles) == []

    for unit, _record, _container in rounds.to_install(state, roles):
        done = rounds.digest_of_main(state, unit, roles[unit.partition("/")[0]])
        state = published(state, unit, installed=done)
    assert rounds.to_install(state, roles) == []
    # log has no relation_changed; db provides what api requires, and comes first.
    told = rounds.to_tell(state, roles)
    assert [run.unit for run in told] == ["api/0", "api/1", "db/0"]
    assert [run.unit for run in rounds.providers_first(state, told)] == ["db/0"]

    for run in told:
        state = published(state, run.unit, seen=run.digest)
    assert rounds.to_tell(state, roles) == []
    state = published(state, "db/0", relations={"server": {"port": "5433"}})
    assert [run.unit for run in rounds.to_tell(state, roles)] == ["api/0", "api/1"]


@pytest.mark.parametrize("changed", ["options", "role", "failed"])
def test_what_has_main_run_again(state, roles, changed):
    for unit, _record, _container in rounds.to_install(state, roles):
        done = rounds.digest_of_main(state, unit, roles[unit.partition("/")[0]])
        state = published(state, unit, installed=done)
    if changed == "options":
        db = replace(state.applications["db"], options={"size": 6})
        state = replace(state, applications={**state.applications, "db": db})
    elif changed == "role":
        roles = {**roles, "db": replace(roles["db"], digest="other")}
    else:
        state = published(state, "db/0", failed="x")
    assert [unit for unit, *_rest in rounds.to_install(state, roles)] == ["db/0"]


def test_a_circle_of_providers_runs_at_once(state, roles):
    endpoints = {name: replace(each, role="provider") for name, each in state.applications["api"].endpoints.items()}
    api = replace(state.applications["api"], endpoints=endpoints)
    state = replace(state, applications={**state.applications, "api": api})
    for unit, _record, _container in rounds.to_install(state, roles):
        state = published(state, unit, installed="x")
    runs = rounds.to_tell(state, roles)
    assert rounds.providers_first(state, runs) == runs


def test_who_is_stopped(state, roles):
    state = published(leave(state, ["api/0"], []), "api/0", installed="x")
    assert [unit for unit, *_rest in rounds.to_stop(state, roles)] == ["api/0"]
    assert rounds.to_stop(published(state, "api/0", installed=""), roles) == []


@pytest.mark.parametrize("takes", [None, {"big_port": Option("plain_big_port")}])
def test_a_role_that_is_no_charm_has_options_too(takes):
    plain = Role("acme.web.plain", "d", frozenset(["main"]), None, takes)
    application = Application("plain", options={"big-port": 80})
    assert plain.variables(application) == {"plain_big_port": 80} and plain.options(application) == {"big_port": 80}


def test_what_a_role_calls_a_secret():
    takes = {"key": Option("plain_key", no_log=True), "key_id": Option("plain_key_id", "int", no_log=True)}
    plain = Role("plain", "d", frozenset(["main"]), None, {**takes, "port": Option("plain_port", "int")})
    assert plain.secrets(Application("plain", options={"key": "hush", "key-id": 47110, "port": 80})) == [
        "47110",
        "hush",
    ]
    assert plain.secrets(Application("plain", options={"key": "", "other": "x"})) == []


@pytest.mark.parametrize(
    ("unit", "fields", "told"),
    [
        ("db/0", {"relations": {"server": {"port": "1"}, "ring": {"id": "a"}}}, ["api/0", "api/1"]),
        ("db/0", {"relations": {"server": {"port": "5432"}, "ring": {"id": "b"}}}, []),
        ("db/0", {"application_data": {"server": {"password": "q"}}}, ["api/0", "api/1"]),
        ("api/1", {"relations": {"db": {"name": "b"}}}, ["db/0"]),
        ("log/1", {"relations": {"host": {"path": "/x"}}}, ["api/0"]),
        ("api/0", {"message": "at work", "ports": ("80/tcp",)}, []),
    ],
)
def test_whom_it_concerns_what_a_unit_publishes(state, unit, fields, told):
    after = published(state, unit, **fields)
    units = [each for each, _record, _container in state.units()]
    assert [each for each in units if digest_of(state, each) != digest_of(after, each)] == told


def test_whom_another_address_concerns(state):
    moved = replace(state.containers[0], addresses={"ipv4": ["192.0.2.77"]})
    after = replace(state, containers=(moved, *state.containers[1:]))
    units = [each for each, _record, _container in state.units()]
    # The unit itself too, and those beside it in the container.
    changed = [each for each in units if digest_of(state, each) != digest_of(after, each)]
    assert changed == ["api/0", "api/1", "db/0", "log/0", "log/1"]
