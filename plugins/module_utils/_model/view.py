# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a unit sees: the variable ``unit`` of its charm's role. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from .._bundle.charm import CONTAINER, GLOBAL, PEER, REQUIRER
from .charms import Role
from .record import Bag, UnitRecord
from .state import Container, State, application_of, container_scoped, endpoint_of, number_of, peer_endpoints
from .storage import describe as describe_storage

# What of it is others': when one of these changes, the unit is told.
_OF_OTHERS = ("address", "leader", "peers", "relations")


def view(state: State, unit: str, record: UnitRecord, container: Container, role: Role | None) -> dict[str, Any]:
    """role: None where options are of no interest."""
    name = application_of(unit)
    application = state.applications[name]
    return {
        "name": unit,
        "number": number_of(unit),
        "application": name,
        "charm": application.charm,
        "leader": state.leader(name) == unit,
        "machine": container.machine,
        "container": container.name,
        "remote": container.remote,
        "project": state.name,
        "address": container.address,
        "addresses": {family: list(each) for family, each in container.addresses.items()},
        "options": role.options(application) if role is not None else dict(application.options),
        "principal": record.principal or None,
        "storage": describe_storage(record.storage),
        "peers": _peers(state, unit),
        "relations": _relations(state, unit, record),
        "departed": _departed(state, unit, record),
    }


def when_new(seen: Mapping[str, Any]) -> dict[str, Any]:
    """What a unit sees the first time: no unit of the applications it requires, which have not been told of it, and may turn
    it away until they are.
    """
    relations = [
        {**each, "data": {}, "units": []} if each["role"] == REQUIRER and each["scope"] == GLOBAL else each
        for each in seen["relations"]
    ]
    return {**seen, "relations": relations}


def digest(seen: Mapping[str, Any]) -> str:
    """Of what a unit sees of others; empty where it sees nothing of any."""
    if not seen["relations"] and not seen["peers"]:
        return ""
    return digest_of({key: seen[key] for key in _OF_OTHERS})


def digest_of(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _peers(state: State, unit: str) -> list[dict[str, Any]]:
    name = application_of(unit)
    endpoints = peer_endpoints(state.applications[name])
    leader = state.leader(name)
    return [
        {
            "name": other,
            "address": container.address,
            "leader": other == leader,
            "data": {key: value for endpoint in endpoints for key, value in _bag(record, endpoint).items()},
        }
        for other, record, container in state.units_of(name)
        if other != unit
    ]


def _relations(state: State, unit: str, record: UnitRecord) -> list[dict[str, Any]]:
    name = application_of(unit)
    found = [_peer_relation(state, unit, endpoint) for endpoint in peer_endpoints(state.applications[name])]
    for relation in state.relations:
        for own, other in (relation, relation[::-1]):
            if own.partition(":")[0] == name and _is_there(state, other) and _concerns(state, relation, record):
                found.append(_relation(state, relation, own, other, unit, record))
    return found


def _relation(
    state: State, relation: tuple[str, str], own: str, other: str, unit: str, record: UnitRecord
) -> dict[str, Any]:
    other_name, _colon, other_endpoint = other.partition(":")
    known = endpoint_of(state, own)
    is_local = container_scoped(state, relation)
    return {
        "endpoint": own.partition(":")[2],
        "interface": known.interface if known is not None else "",
        "role": known.role if known is not None else _opposite(state, other),
        "scope": CONTAINER if is_local else GLOBAL,
        "application": other_name,
        "remote_endpoint": other_endpoint,
        "data": _application_data(state, other_name, other_endpoint),
        "units": [
            {"name": each, "address": container.address, "data": dict(_bag(theirs, other_endpoint))}
            for each, theirs, container in state.units_of(other_name)
            if not is_local or _are_together(unit, record, each, theirs)
        ],
    }


def _peer_relation(state: State, unit: str, endpoint: str) -> dict[str, Any]:
    name = application_of(unit)
    return {
        "endpoint": endpoint,
        "interface": state.applications[name].endpoints[endpoint].interface,
        "role": PEER,
        "scope": GLOBAL,
        "application": name,
        "remote_endpoint": endpoint,
        "data": _application_data(state, name, endpoint),
        "units": [
            {"name": each, "address": container.address, "data": dict(_bag(record, endpoint))}
            for each, record, container in state.units_of(name)
            if each != unit
        ],
    }


def _departed(state: State, unit: str, record: UnitRecord) -> list[dict[str, Any]]:
    """The units that are leaving and that this one was related to, by the own endpoint."""
    name = application_of(unit)
    ends = {
        other.partition(":")[0]: (own.partition(":")[2], container_scoped(state, relation))
        for relation in state.relations
        for own, other in (relation, relation[::-1])
        if own.partition(":")[0] == name
    }
    ends.update({name: (next(iter(peer_endpoints(state.applications[name])), ""), False)})
    return [
        {"name": each, "address": container.address, "endpoint": ends[application_of(each)][0]}
        for each, theirs, container in state.units()
        if each in state.leaving
        and each != unit
        and application_of(each) in ends
        and (not ends[application_of(each)][1] or _are_together(unit, record, each, theirs))
    ]


def _application_data(state: State, application: str, endpoint: str) -> dict[str, str]:
    leader = state.leader(application)
    records = {unit: record for unit, record, _container in state.units_of(application)}
    return dict(records[leader].application_data.get(endpoint) or {}) if leader in records else {}


def _is_there(state: State, end: str) -> bool:
    known = state.applications.get(end.partition(":")[0])
    return known is not None and not known.leaving


def _concerns(state: State, relation: tuple[str, str], record: UnitRecord) -> bool:
    """A subordinate has one principal; a relation with another application's units beside it is none of its own."""
    if not container_scoped(state, relation) or not record.principal:
        return True
    return application_of(record.principal) in {end.partition(":")[0] for end in relation}


def _are_together(unit: str, record: UnitRecord, other: str, theirs: UnitRecord) -> bool:
    return record.principal == other or theirs.principal == unit


def _bag(record: UnitRecord, endpoint: str) -> Bag:
    return record.relations.get(endpoint) or {}


def _opposite(state: State, end: str) -> str:
    known = endpoint_of(state, end)
    return "" if known is None else {"provider": "requirer", "requirer": "provider"}.get(known.role, "")
