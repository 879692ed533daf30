# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a unit sees: the variable ``unit`` of its charm's role. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._bundle.charm import CONTAINER, GLOBAL, PEER, REQUIRER
from .charms import Role
from .record import UnitRecord
from .shown import Listing, digest_of, entry
from .state import Container, State, application_of, container_scoped, endpoint_of, number_of, peer_endpoints
from .storage import describe as describe_storage


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
        "peers": _peers(state, name).but(unit),
        "relations": [each.shown() for each in _relations(state, unit, record, container)],
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


def digest(state: State, unit: str, record: UnitRecord, container: Container) -> str:
    """Of what of a unit's view is others': when it changes, the unit is told. Empty where it sees nothing of any."""
    name = application_of(unit)
    peers, relations = _peers(state, name), _relations(state, unit, record, container)
    if not relations and not peers.but(unit):
        return ""
    return digest_of(
        {
            "address": container.address,
            "leader": state.leader(name) == unit,
            "peers": peers.digest(unit),
            "relations": [each.digested() for each in relations],
        }
    )


@dataclass(frozen=True)
class _Relation:
    """As a unit sees it: what there is to say of it, and the other units in it."""

    unit: str
    said: Mapping[str, Any]
    units: Listing

    def shown(self) -> dict[str, Any]:
        return {**self.said, "units": self.units.but(self.unit)}

    def digested(self) -> dict[str, Any]:
        return {**self.said, "units": self.units.digest(self.unit)}


def _peers(state: State, application: str) -> Listing:
    return state.shown(application).as_peers(peer_endpoints(state.applications[application]))


def _relations(state: State, unit: str, record: UnitRecord, container: Container) -> list[_Relation]:
    name = application_of(unit)
    peers = [_peer_relation(state, unit, endpoint) for endpoint in peer_endpoints(state.applications[name])]
    others = [
        _relation(state, own, other, unit, record, container)
        for own, other in state.ends_of(name)
        if _is_there(state, other) and _concerns(state, (own, other), record)
    ]
    return [*peers, *others]


def _relation(state: State, own: str, other: str, unit: str, record: UnitRecord, container: Container) -> _Relation:
    application, _colon, endpoint = other.partition(":")
    known = endpoint_of(state, own)
    is_local = container_scoped(state, (own, other))
    shown = state.shown(application)
    said = {
        "endpoint": own.partition(":")[2],
        "interface": known.interface if known is not None else "",
        "role": known.role if known is not None else _opposite(state, other),
        "scope": CONTAINER if is_local else GLOBAL,
        "application": application,
        "remote_endpoint": endpoint,
        "data": shown.data(endpoint),
    }
    units = _beside(state, unit, record, container, application, endpoint) if is_local else shown.at(endpoint)
    return _Relation(unit, said, units)


def _beside(
    state: State, unit: str, record: UnitRecord, container: Container, application: str, endpoint: str
) -> Listing:
    """The units of another application that are a unit's own: its subordinates, or its principal."""
    return Listing(
        entry(other, theirs, container.address, endpoint)
        for other, theirs in container.units.items()
        if application_of(other) == application
        and other not in state.leaving
        and _are_together(unit, record, other, theirs)
    )


def _peer_relation(state: State, unit: str, endpoint: str) -> _Relation:
    name = application_of(unit)
    shown = state.shown(name)
    said = {
        "endpoint": endpoint,
        "interface": state.applications[name].endpoints[endpoint].interface,
        "role": PEER,
        "scope": GLOBAL,
        "application": name,
        "remote_endpoint": endpoint,
        "data": shown.data(endpoint),
    }
    return _Relation(unit, said, shown.at(endpoint))


def _departed(state: State, unit: str, record: UnitRecord) -> list[dict[str, Any]]:
    """The units that are leaving and that this one was related to, by the own endpoint."""
    name = application_of(unit)
    ends = {
        other.partition(":")[0]: (own.partition(":")[2], container_scoped(state, (own, other)))
        for own, other in state.ends_of(name)
    }
    ends.update({name: (next(iter(peer_endpoints(state.applications[name])), ""), False)})
    return [
        {"name": other, "address": container.address, "endpoint": endpoint}
        for application, (endpoint, is_local) in sorted(ends.items())
        for other, theirs, container in state.departing_of(application)
        if other != unit and (not is_local or _are_together(unit, record, other, theirs))
    ]


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


def _opposite(state: State, end: str) -> str:
    known = endpoint_of(state, end)
    return "" if known is None else {"provider": "requirer", "requirer": "provider"}.get(known.role, "")
