# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the changes of a plan make of a model, and how long that takes."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from model_changes import SITES, made

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.plan import unheeded
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.read import read
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.roles import Roles
from ansible_collections.flotilla.lxd.plugins.module_utils._model import rounds
from ansible_collections.flotilla.lxd.plugins.module_utils._model.growth import container_name
from ansible_collections.flotilla.lxd.plugins.module_utils._model.placing import place, require_possible
from ansible_collections.flotilla.lxd.plugins.module_utils._model.scaling import Scaling
from ansible_collections.flotilla.lxd.plugins.module_utils._model.state import (
    Application,
    Machine,
    State,
    for_planner,
    from_json,
    to_json,
)

FIRST = """
applications:
  db: {charm: db, num_units: 1, constraints: mem=1G}
  api: {charm: api, num_units: 2, to: [db, new]}
  log: {charm: log}
relations: [[api, db], [log, api]]
"""


def test_the_first_time(grown):
    growth = grown(FIRST)
    assert {each.name: (each.machine, each.remote, [*each.units]) for each in growth.new} == {
        "web-db-0": ("0", "one", ["db/0", "api/0", "log/0"]),
        "web-api-1": ("1", "two", ["api/1", "log/1"]),
    }
    assert growth.new[0].limits.config == {"limits.memory": "1024MiB"}
    assert [change.text for change in growth.subordinates] == [
        "add unit log/0 beside api/0",
        "add unit log/1 beside api/1",
    ]
    assert growth.state.relations == (("api:db", "db:server"), ("log:host", "api:host"))
    # Numbers count once the containers are there: what could not be made is not skipped the next time.
    assert growth.state.applications["api"].next_unit == 0
    after = made(growth)
    assert {name: each.next_unit for name, each in after.applications.items()} == {"db": 1, "api": 2, "log": 2}
    assert after.next_machine == 2


def test_again_and_more(grown):
    after = made(grown(FIRST))
    again = grown(FIRST, after)
    assert (again.new, again.joining, again.subordinates) == ((), {}, ())
    assert to_json(again.state) == to_json(after)
    assert from_json("web", to_json(after)) == replace(after, containers=())

    more = grown(FIRST.replace("num_units: 1", "num_units: 2"), after)
    assert [(each.name, each.machine) for each in more.new] == [("web-db-1", "2")]


def test_a_subordinate_that_comes_later_joins(grown):
    without = FIRST.replace("  log: {charm: log}\n", "").replace(", [log, api]", "")
    growth = grown(FIRST, made(grown(without)))
    assert growth.new == ()
    assert {name: [*units] for name, units in growth.joining.items()} == {"web-db-0": ["log/0"], "web-api-1": ["log/1"]}


def test_containers_on_a_machine_are_beside_it(grown):
    growth = grown(
        """
        applications:
          db: {charm: db, num_units: 2, to: ["lxd:5", "lxd:5"]}
        machines: {"5": {}}
        """
    )
    assert [(each.name, each.machine, each.remote, each.target) for each in growth.new] == [
        ("web-db-0", "0/lxd/0", "two", "west"),
        ("web-db-1", "0/lxd/1", "two", "west"),
    ]


def test_scaling(grown):
    state = made(grown(FIRST))
    changes, after = Scaling({"api": 3, "db": "0"}).plan(state)
    assert [change.text for change in changes] == ["add unit api/2 to new machine 2"]
    assert after.leaving == {"db/0"}
    _changes, after = Scaling({"api": 1}).plan(state)
    assert after.leaving == {"api/1", "log/1"}
    for wanted, text in [
        ({"nope": 1}, "no application nope to scale: it has api, db, log"),
        ({"log": 1}, "log is subordinate"),
        ({"api": -1}, "-1 units, which is no number"),
        ({"api": "many"}, "many units, which is no number"),
        ({"api": True}, "True units, which is no number"),
    ]:
        with pytest.raises(InvalidInput, match=text):
            Scaling(wanted).plan(state)


@pytest.mark.parametrize(
    ("bundle", "zones", "expected"),
    [
        ("", (), ("two", "")),
        ("", ("one",), ("one", "")),
        ("", ("west",), ("two", "west")),
        ("", ("moon", "east", "west"), ("two", "east")),
        ("5", ("one",), ("two", "west")),
    ],
)
def test_places(bundle, zones, expected):
    assert place(SITES, {("one", ""): 1}, bundle, zones) == expected


@pytest.mark.parametrize(
    ("bundle", "zones", "text"),
    [
        ("", ("moon",), "zones=moon: none of these"),
        ("6", (), "machine 6 is to be on three"),
        ("7", (), "member north of remote two"),
    ],
)
def test_places_that_are_not_there(bundle, zones, text):
    with pytest.raises(InvalidInput, match=text):
        place(SITES, {}, bundle, zones)


@pytest.mark.parametrize("said", [{}, {"0": "one", "2": "two:west"}, {"5": "anywhere"}, {"1": "two"}])
def test_places_that_machines_can_be_at(state, said):
    state = replace(state, machines={**state.machines, "9": Machine("two", "west")})
    require_possible(said, ["0", "1", "2", "5"], {"0": "0", "1": "1", "2": "9"}, state)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"7": "one"}, "machines: the bundle has no machine 7: it has 0, 2, 10"),
        ({"0": "two"}, "machine 0 of the bundle is to be on two, and it is machine 1 of model web and on far already"),
        ({"2": "two:east"}, "is to be on two:east, and it is machine 9 of model web and on two:west already"),
    ],
)
def test_places_that_machines_cannot_be_at(state, said, text):
    # Where it was made is not where it is.
    containers = tuple(replace(each, remote="far") if each.machine == "1" else each for each in state.containers)
    state = replace(state, containers=containers, machines={**state.machines, "9": Machine("two", "west")})
    with pytest.raises(InvalidInput, match=text):
        require_possible(said, ["10", "0", "2"], {"0": "1", "2": "9"}, state)


def test_storage_that_is_said_too_late(tmp_path):
    file = tmp_path / "bundle.yaml"
    file.write_text(
        "applications:\n  db:\n    charm: db\n    num_units: 1\n    storage: {data: 10G, same: '1024M', more: 1G}\n"
    )
    bundle = read(str(file), [], Roles()).bundle
    assert unheeded(bundle, for_planner(State("web", ("one",)))) == []
    there = State("web", ("one",), {"db": Application("db", storage={"data": "5G", "same": "1G", "gone": "1G"})})
    data, more = unheeded(bundle, for_planner(there))
    assert data.text.startswith('storage "data" of application "db" stays as it is') and data.place.line == 5
    assert 'it was deployed as "5G", and "10G" comes too late' in data.text
    assert 'storage "more" of application "db"' in more.text and "deployed without a word of it" in more.text


def test_names_of_containers():
    assert container_name("web", "api/0") == "web-api-0"
    assert container_name("7_we.b", "api/0") == "we-b-api-0"
    for model, unit in [("w" * 80, "api/12"), ("web", "a" * 80 + "/12"), ("web", "a" * 61 + "/1")]:
        name = container_name(model, unit)
        assert len(name) == 63 and re.fullmatch("[a-z][a-z-]+-12?", name)


def test_two_hundred_units(grown):
    text = FIRST.replace("num_units: 2, to: [db, new]", "num_units: 200")
    state = made(grown(text))
    growth = grown(text, state)
    assert growth.new == () and len(state.containers) == 201

    installed = {
        name: replace(role, entries=role.entries | {"relation_changed"}) for name, role in growth.roles.items()
    }
    containers = tuple(
        replace(each, units={unit: replace(record, installed="x") for unit, record in each.units.items()})
        for each in state.containers
    )
    assert len(rounds.to_tell(replace(state, containers=containers), installed)) == 401
