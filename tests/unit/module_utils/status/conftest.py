# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model with something of everything: an exposed application in error, a subordinate, a remote that does not answer."""

from __future__ import annotations

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._model.record import UnitRecord
from ansible_collections.flotilla.lxd.plugins.module_utils._model.state import (
    Application,
    Container,
    Endpoint,
    Machine,
    State,
)
from ansible_collections.flotilla.lxd.plugins.module_utils._model.status import describe


@pytest.fixture
def state():
    api = {"db": Endpoint("requirer", "sql"), "host": Endpoint("provider", "beside", "container")}
    return State(
        name="web",
        remotes=("one", "two"),
        applications={
            "api": Application("node-api", exposed=True, endpoints=api),
            "db": Application("postgresql", endpoints={"server": Endpoint("provider", "sql")}),
            "log": Application(
                "log", subordinate=True, endpoints={"host": Endpoint("requirer", "beside", "container")}
            ),
        },
        relations=(("api:db", "db:server"), ("log:host", "api:host")),
        machines={"0": Machine("one"), "1": Machine("one"), "2": Machine("two"), "3": Machine("one")},
        placed={"api/0": "0", "log/0": "0", "api/1": "1", "db/0": "2"},
        containers=(
            Container(
                "web-api-0",
                "one",
                "0",
                "running",
                {"ipv4": ["192.0.2.17"]},
                {
                    "api/0": UnitRecord(
                        "active", "ready", "1.2", ("80/tcp", "443/tcp"), failed="Start it: no\nsuch <file>"
                    ),
                    "log/0": UnitRecord("waiting", "for\x1b[31m api", principal="api/0"),
                },
            ),
            Container("web-api-1", "one", "1", "stopped", units={"api/1": UnitRecord("active", "ready")}),
        ),
    )


@pytest.fixture
def model(state):
    return describe(state, {"two": "remote two: nobody answers"})
