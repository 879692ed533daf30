# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What units show to others, made once for all of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from model_changes import published

from ansible_collections.flotilla.lxd.plugins.module_utils._model import shown
from ansible_collections.flotilla.lxd.plugins.module_utils._model.charms import Role
from ansible_collections.flotilla.lxd.plugins.module_utils._model.record import UnitRecord
from ansible_collections.flotilla.lxd.plugins.module_utils._model.rounds import to_tell
from ansible_collections.flotilla.lxd.plugins.module_utils._model.shown import Listing, Shown
from ansible_collections.flotilla.lxd.plugins.module_utils._model.state import Application, Container, Endpoint, State

ENTRIES = [{"name": "a/0", "data": {}}, {"name": "a/1", "data": {"k": "v"}}, {"name": "a/2", "data": {}}]


def test_a_unit_does_not_see_itself():
    listing = Listing(ENTRIES)
    assert listing.but("a/1") == [ENTRIES[0], ENTRIES[2]]
    assert listing.but("b/0") == ENTRIES


def test_a_digest_is_of_the_others():
    changed = [ENTRIES[0], {"name": "a/1", "data": {"k": "w"}}, ENTRIES[2]]
    one, other = Listing(ENTRIES), Listing(changed)
    assert [one.digest(unit) == other.digest(unit) for unit in ("a/0", "a/1", "a/2", "b/0")] == [
        False,
        True,
        False,
        False,
    ]
    less = Listing(ENTRIES[:2])
    assert [one.digest(unit) == less.digest(unit) for unit in ("a/0", "a/1", "b/0")] == [False, False, False]
    assert Listing([]).digest("b/0") != one.digest("b/0")


def test_the_first_one_is_the_leader():
    units = Shown([("a/3", UnitRecord(application_data={"e": {"k": "v"}}), "::1"), ("a/4", UnitRecord(), "::2")])
    assert [each["leader"] for each in units.as_peers([]).but("")] == [True, False]
    assert units.data("e") == {"k": "v"} and units.data("f") == {}
    assert Shown([]).data("e") == {}


def many(units):
    """A model of two applications that are related, of so many units each, and of as many others that are not."""
    endpoints = {"a": {"e": Endpoint("requirer"), "p": Endpoint("peer")}, "b": {"e": Endpoint("provider")}}
    applications = {name: Application(name, endpoints=each) for name, each in endpoints.items()}
    applications.update({f"other{number}": Application("a", endpoints=endpoints["b"]) for number in range(units)})
    names = [*(f"{name}/{number}" for name in endpoints for number in range(units))]
    names += [f"other{number}/0" for number in range(units)]
    containers = tuple(
        Container(unit.replace("/", "-"), "one", str(number), True, {}, {unit: UnitRecord(installed="x")})
        for number, unit in enumerate(names)
    )
    return State("web", ("one",), applications, (("a:e", "b:e"),), containers=containers)


@pytest.mark.parametrize("told", [False, True])
def test_no_unit_is_read_by_each_of_the_others(monkeypatch, told):
    made = []
    monkeypatch.setattr(shown, "_bag", lambda record, endpoint: made.append(endpoint) or {})
    state = many(50)
    roles = dict.fromkeys(state.applications, Role("r", "d", frozenset({"main", "relation_changed"}), None))
    if told:
        for run in to_tell(state, roles):
            state = published(state, run.unit, seen=run.digest)
        made.clear()
    # Each once for its peers, once for its peers' endpoint, and once for the other application.
    assert len(to_tell(replace(state), roles)) == (0 if told else 100)
    assert len(made) == 50 + 50 + 2 * 50
