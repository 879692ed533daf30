# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which volumes units have, where, and what becomes of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.charm import Charm
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.charm_storage import CharmStorage
from ansible_collections.flotilla.lxd.plugins.module_utils._model import record, removal
from ansible_collections.flotilla.lxd.plugins.module_utils._model.record import UnitRecord
from ansible_collections.flotilla.lxd.plugins.module_utils._model.state import from_json, to_json
from ansible_collections.flotilla.lxd.plugins.module_utils._model.status import describe
from ansible_collections.flotilla.lxd.plugins.module_utils._model.storage import (
    Volume,
    device_name,
    refuse_shared_places,
    volumes,
)
from ansible_collections.flotilla.lxd.plugins.module_utils._model.view import view

CHARM = Charm(
    "db",
    storage={
        "data": CharmStorage("filesystem", "/srv/data", size=64),
        "logs": CharmStorage("filesystem", "/srv/", least=0, most=None),
        "spool": CharmStorage("filesystem", least=0, read_only=True),
    },
)
DATA = Volume("web-db-0-data-0", "/srv/data", 64, "fast")


def test_volumes_of_a_unit():
    assert volumes("web", "db/0", CHARM, {}) == {"data/0": Volume("web-db-0-data-0", "/srv/data", 64)}
    found = volumes("web", "db/3", CHARM, {"data": "fast,2G", "logs": "2,1G", "spool": "1"})
    assert {key: (each.location, each.size, each.pool) for key, each in found.items()} == {
        "data/0": ("/srv/data", 2048, "fast"),
        "logs/0": ("/srv/logs/0", 1024, ""),
        "logs/1": ("/srv/logs/1", 1024, ""),
        "spool/0": ("/var/lib/flotilla/storage/db-3/spool/0", 1024, ""),
    }
    assert found["spool/0"].device["readonly"] == "true" and "readonly" not in found["data/0"].device
    assert volumes("web", "db/0", None, {"data": "1G"}) == {}


def test_long_names_stay_apart():
    names = {device_name(f"{'a' * 70}/{number}", "data/0") for number in range(3)}
    assert len(names) == 3 and {len(each) for each in names} == {63}
    found = [volumes("m_x", f"{'a' * 70}/{number}", CHARM, {})["data/0"].name for number in range(2)]
    assert found[0] != found[1] and all(len(each) == 63 and each.startswith("m-x-") for each in found)


def test_two_at_one_place_of_a_container():
    refuse_shared_places("c", {"db/0": {"data/0": DATA}, "api/0": {"data/0": replace(DATA, location="/srv")}})
    with pytest.raises(InvalidInput, match="container c: storage data/0 of db/1 and data/0 of db/0 would both be"):
        refuse_shared_places("c", {"db/0": {"data/0": DATA}, "db/1": {"data/0": DATA}})


def test_it_is_kept_with_the_unit():
    kept = UnitRecord(storage={"data/0": DATA})
    assert record.from_json(kept.to_json(), "db/0") == kept


@pytest.fixture
def stored(state):
    """The model with storage of db/0."""
    containers = tuple(
        replace(each, units={"db/0": replace(each.units["db/0"], storage={"data/0": DATA})})
        if each.name == "db-0"
        else each
        for each in state.containers
    )
    return replace(state, containers=containers)


def test_roles_and_people_are_told(stored, roles):
    told = {
        "id": "data/0",
        "name": "data",
        "location": "/srv/data",
        "size": "64MiB",
        "pool": "fast",
        "volume": "web-db-0-data-0",
    }
    seen = {
        unit: view(stored, unit, kept, container, roles[unit.partition("/")[0]])
        for unit, kept, container in stored.units()
    }
    assert seen["db/0"]["storage"] == [told] and seen["api/0"]["storage"] == []
    applications = describe(stored)["applications"]
    assert applications["db"]["units"]["db/0"]["storage"] == [told]
    assert "storage" not in applications["api"]["units"]["api/0"]


def test_what_goes_with_a_unit_and_what_is_kept(stored):
    line = "storage data/0 of db/0, volume web-db-0-data-0 of pool fast on one"
    assert f"delete {line}" in removal.texts(stored, removal.leave(stored, ["db/0"], []))
    kept = removal.leave(stored, [], ["db"], keep_storage=True)
    assert f"keep {line}" in removal.texts(stored, kept)
    assert from_json("web", to_json(kept)).keeping == {"db/0"}
    # What was once to be kept stays so, whoever carries the removal on.
    assert removal.leave(kept, [], ["api"]).keeping == {"db/0"}
    assert removal.leave(kept, [], ["api"], keep_storage=True).keeping == kept.keeping | {
        "api/0",
        "api/1",
        "log/0",
        "log/1",
    }
