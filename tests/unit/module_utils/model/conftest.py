# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model that stands, without servers: a database, two of an API, and what is beside these."""

from __future__ import annotations

import pytest
from model_changes import SITES

from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.charm import Charm, Option
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.charm import Endpoint as CharmEndpoint
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.plan import plan
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.read import read
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.roles import Roles
from ansible_collections.flotilla.lxd.plugins.module_utils._model.charms import Role, roles_of
from ansible_collections.flotilla.lxd.plugins.module_utils._model.growth import grow
from ansible_collections.flotilla.lxd.plugins.module_utils._model.record import UnitRecord
from ansible_collections.flotilla.lxd.plugins.module_utils._model.state import (
    Application,
    Container,
    Endpoint,
    Machine,
    State,
    for_planner,
)

ENDPOINTS = {
    "db": {"server": Endpoint("provider", "sql"), "ring": Endpoint("peer", "db-ring")},
    "api": {"db": Endpoint("requirer", "sql"), "host": Endpoint("provider", "beside", "container")},
    "log": {"host": Endpoint("requirer", "beside", "container")},
}


def role(name, *entries, digest="d", subordinate=False, options=None):
    endpoints = {
        each: CharmEndpoint(each, known.role, known.interface, known.scope) for each, known in ENDPOINTS[name].items()
    }
    charm = Charm(name, subordinate=subordinate, endpoints=endpoints, options=options)
    return Role(f"/roles/{name}", digest, frozenset(entries or ("main", "relation_changed", "stop")), charm, options)


@pytest.fixture
def roles():
    return {
        "db": role("db", options={"size": Option("db_size", "int", 1), "mode": Option("db_mode")}),
        "api": role("api"),
        "log": role("log", "main", subordinate=True),
    }


@pytest.fixture
def state():
    return State(
        name="web",
        remotes=("one", "two"),
        applications={
            "db": Application("db", options={"size": 5}, endpoints=ENDPOINTS["db"], next_unit=1),
            "api": Application("api", endpoints=ENDPOINTS["api"], next_unit=2),
            "log": Application("log", subordinate=True, endpoints=ENDPOINTS["log"], next_unit=2),
        },
        relations=(("api:db", "db:server"), ("log:host", "api:host")),
        machines={"0": Machine("one"), "1": Machine("two"), "2": Machine("one")},
        next_machine=3,
        containers=(
            container("api-0", "0", "one", {"api/0": UnitRecord(), "log/1": UnitRecord(principal="api/0")}),
            container("api-1", "1", "two", {"api/1": UnitRecord(), "log/0": UnitRecord(principal="api/1")}),
            container(
                "db-0",
                "2",
                "one",
                {
                    "db/0": UnitRecord(
                        relations={"server": {"port": "5432"}, "ring": {"id": "a"}},
                        application_data={"server": {"password": "p"}},
                    )
                },
            ),
        ),
    )


def container(name, machine, remote, units, **more):
    address = f"192.0.2.{machine.split('/')[-1]}"
    return Container(name, remote, machine, "running", {"ipv4": [address], "ipv6": []}, units, **more)


@pytest.fixture
def grown(tmp_path):
    """What a bundle of the charms db, api and log (a subordinate of api) makes of a model."""
    for name, charm in {
        "db": "provides: {server: sql}",
        "api": "{requires: {db: sql}, provides: {host: {interface: beside, scope: container}}}",
        "log": "{subordinate: true, requires: {host: {interface: beside, scope: container}}}",
    }.items():
        (tmp_path / "roles" / name / "meta").mkdir(parents=True)
        (tmp_path / "roles" / name / "meta" / "charm.yml").write_text(charm)
        (tmp_path / "roles" / name / "tasks").mkdir()
        (tmp_path / "roles" / name / "tasks" / "main.yml").write_text("[]")
    roles = Roles({}, (str(tmp_path / "roles"),))

    def grow_by(text, state=None, sites=SITES):
        state = state or State("web", ("one", "two"))
        (tmp_path / "bundle.yaml").write_text(text)
        reading = read(str(tmp_path / "bundle.yaml"), [], roles)
        assert reading.may_be_deployed, reading.findings
        changes = plan(reading.bundle, for_planner(state), roles, reading.charms)
        return grow(state, changes, lambda applications: roles_of(applications, roles), sites)

    def read_it(text):
        (tmp_path / "bundle.yaml").write_text(text)
        return read(str(tmp_path / "bundle.yaml"), [], roles).bundle

    grow_by.read = read_it
    return grow_by
