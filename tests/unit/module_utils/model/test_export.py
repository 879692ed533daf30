# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models as bundles that make other models like them."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from model_changes import made

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.diff import differences
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.plan import plan
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.read import read
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.roles import Roles
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.text import as_text
from ansible_collections.flotilla.lxd.plugins.module_utils._model import removal
from ansible_collections.flotilla.lxd.plugins.module_utils._model.export import bundle_of
from ansible_collections.flotilla.lxd.plugins.module_utils._model.placing import Sites
from ansible_collections.flotilla.lxd.plugins.module_utils._model.state import Application, State, for_planner

ANYWHERE = Sites(["one", "two"])
ALL = """\
series: jammy
applications:
  api:
    charm: cs:api-7
    num_units: 2
    to: ['lxd:5', new]
    options: {b: '22:22', a: 1, c: "two\\nlines\\n", d: null, e: [x, {y: 1.5}]}
    annotations: {on: 'yes', day: '2020-01-01'}
  db: {charm: db, num_units: 2, to: [api/0, '5'], constraints: mem=1G, expose: true}
  log: {charm: log}
machines:
  '5': {constraints: cores=2, annotations: {rack: '1'}}
relations: [[log, api], ['api:db', db]]
"""
EXPORTED = """\
series: jammy
applications:
  api:
    charm: cs:api-7
    num_units: 2
    to:
    - lxd:5
    - '1'
    options:
      a: 1
      b: '22:22'
      c: |
        two
        lines
      d: null
      e:
      - x
      - y: 1.5
    annotations:
      day: '2020-01-01'
      'on': 'yes'
  db:
    charm: db
    num_units: 2
    to:
    - api/0
    - '5'
    expose: true
    constraints: mem=1G
  log:
    charm: log
machines:
  '1': {}
  '5':
    constraints: cores=2
    annotations:
      rack: '1'
relations:
- - api:db
  - db:server
- - log:host
  - api:host
"""


@pytest.fixture
def assert_made_again(tmp_path, grown):
    """That what is exported changes nothing where it comes from, and makes the same elsewhere; returns it."""
    file = tmp_path / "exported.yaml"

    def check(state):
        text = as_text(bundle_of(state))
        file.write_text(text)
        reading = read(str(file), [], Roles())
        assert reading.may_be_deployed, reading.findings
        model = for_planner(state)
        assert [change.text for change in plan(reading.bundle, model, Roles(), None)] == [], text
        assert differences(reading.bundle, model, None) == {}, text
        again = as_text(bundle_of(made(grown(text, sites=ANYWHERE))))
        assert again == text
        return text

    return check


def test_a_bundle_in_full(grown, assert_made_again):
    assert assert_made_again(made(grown(ALL, sites=ANYWHERE))) == EXPORTED


def test_what_would_choose_a_charm_in_a_store(grown, assert_made_again):
    first = (
        "applications:\n  db:\n    charm: db\n    channel: 14/stable\n    revision: 0\n    bindings: {server: inner}\n"
    )
    state = made(grown(first))
    assert assert_made_again(state) == (
        "applications:\n  db:\n    charm: db\n    channel: 14/stable\n    revision: 0\n    num_units: 0\n"
        "    bindings:\n      server: inner\n"
    )
    # What another bundle says goes before it, and what it does not say stays.
    growth = grown("applications: {db: {charm: db, channel: 16/edge, bindings: {'': outer}}}", state)
    db = growth.state.applications["db"]
    assert (db.channel, db.revision, db.bindings) == ("16/edge", 0, {"server": "inner", "": "outer"})
    assert_made_again(made(growth))
    model = for_planner(state)
    bundle = grown.read("applications: {db: {charm: db, channel: 16/edge, revision: 3, bindings: {'': outer}}}")
    assert [each.text for each in plan(bundle, model, Roles(), None)] == ["take down channel, revision, bindings of db"]
    assert differences(bundle, model, None) == {
        "applications": {
            "db": {"channel": {"bundle": "16/edge", "model": "14/stable"}, "revision": {"bundle": 3, "model": 0}}
        }
    }
    # Another charm has none of what was said of this one.
    other = grown("applications: {db: {charm: api}}", state).state.applications["db"]
    assert (other.channel, other.revision, other.bindings) == ("", None, {})


def test_whatever_has_become_of_a_model(grown, assert_made_again):
    """Over models made up at random, in which units and machines have come and gone."""
    chance = random.Random(1)
    placements = ["new", "lxd:new", "4", "lxd:4", "lxd:1", "1", "lxd:api", "db", "lxd:db", "api/0", "lxd:db/0"]
    seen = 0
    for _round in range(150):
        state = None
        for _time in range(2):
            text = _random_bundle(chance, placements)
            try:
                state = made(grown(text, state, ANYWHERE))
            except (AssertionError, InvalidInput):
                # Some are wrong, and with others it cannot be told which machine is which.
                continue
            there = [unit for unit, record, _container in state.units() if not record.principal]
            going = chance.sample(there, len(there) // 3)
            state = removal.remove(removal.leave(state, going, [])).state
        if state is not None:
            seen += 1
            assert_made_again(state)
    assert seen > 100


def _random_bundle(chance, placements):
    applications = []
    for name in ("api", "db"):
        count = chance.randint(1, 3)
        to = ", ".join(f"'{each}'" for each in chance.sample(placements, chance.randint(0, count)))
        applications.append(f"  {name}: {{charm: {name}, num_units: {count}, to: [{to}]}}\n")
    text = "applications:\n  log: {charm: log}\n" + "".join(applications) + "relations: [[api, db], [log, api]]\n"
    used = [number for number in "14" if f"'{number}'" in text or f":{number}'" in text]
    return text + f"machines: {{{', '.join(f'{number}: {{annotations: {{n: a{number}}}}}' for number in used)}}}\n"


def test_a_series_of_applications_and_not_of_machines(grown, assert_made_again):
    text = "applications: {db: {charm: db, series: jammy, num_units: 1, to: [0]}}\nmachines: {0: }"
    assert assert_made_again(made(grown(text))).startswith(
        "series: jammy\napplications:\n  db:\n    charm: db\n    num_"
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"series": "jammy"}, {"series": "jammy"}),
        ({"series": "ubuntu@22.04"}, {"default-base": "ubuntu@22.04"}),
        ({"series": "jammy", "charm": "cs:xenial/db-1"}, {"series": "jammy", "applications": {"series": "jammy"}}),
        ({"series": "xenial", "charm": "cs:xenial/db-1"}, {"series": "xenial"}),
        ({"exposed": True}, {"applications": {"expose": True}}),
        (
            {"exposed": True, "exposed_endpoints": {"x": ["b", "a"], "y": []}},
            {"overlay": {"exposed-endpoints": {"x": {"expose-to-cidrs": ["a", "b"]}, "y": {}}}},
        ),
        ({"subordinate": True}, {"applications": {"num_units": None}}),
    ],
)
def test_fields(fields, expected):
    state = State("web", ("one",), {"db": replace(Application("db"), **fields)})
    base, *overlays = bundle_of(state)
    found = base.pop("applications")["db"]
    assert found.pop("charm") == fields.get("charm", "db")
    wanted = {"num_units": 0, **expected.pop("applications", {})}
    assert found == {key: value for key, value in wanted.items() if value is not None}
    overlay = expected.pop("overlay", None)
    assert overlays == ([{"applications": {"db": overlay}}] if overlay else [])
    assert base == expected


def test_an_overlay_is_a_document_of_its_own():
    assert as_text([{"a": 1}, {"b": "x"}]) == "a: 1\n--- # overlay.yaml\nb: x\n"


def test_what_is_leaving_is_not_exported(state):
    (bundle,) = bundle_of(removal.leave(state, ["api/1"], ["log"]))
    assert bundle["applications"].keys() == {"api", "db"} and bundle["applications"]["api"]["to"] == ["0"]
    assert bundle["machines"].keys() == {"0", "2"} and bundle["relations"] == [["api:db", "db:server"]]
    with pytest.raises(InvalidInput, match="model web has nothing to export, as there are no applications"):
        bundle_of(removal.leave(state, [], ["api", "db", "log"]))
