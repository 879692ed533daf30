# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model as a person asks for it: how its applications, units and machines are. Without what units tell each other. Pure.

What cannot be seen any more is told as far as it is known: a unit is ``frozen`` where its container is, ``down`` where that
does not run otherwise, ``lost`` where the container is gone, and ``unknown`` where the remote that it is on does not answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from .._bundle.charm import PEER, PROVIDER
from .._bundle.model import host_of
from .._bundle.names import natural
from .._resources import power
from . import expose
from .record import ERROR, STATUSES, UnitRecord
from .state import (
    Container,
    Placed,
    State,
    application_of,
    container_scoped,
    endpoint_of,
    number_of,
    peer_endpoints,
)
from .storage import describe as describe_storage

STARTED, PENDING, FROZEN, DOWN, LOST, UNKNOWN = "started", "pending", power.FROZEN, "down", "lost", "unknown"
# The worst first. What is not known is worse than what is said.
_ORDER = (ERROR, LOST, DOWN, FROZEN, UNKNOWN, *reversed(STATUSES))


def describe(state: State, unreachable: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    """applications, machines and relations by their names, in the order in which they are read.

    unreachable: by the remotes that could not be asked, why.
    """
    return _Description(state, unreachable).model()


def worst(statuses: Iterable[str]) -> str:
    """Of an application's units; ``unknown`` where it has none."""
    return min(statuses, key=severity, default=UNKNOWN)


def severity(status: str) -> int:
    """A unit's status as a key to sort by, the worst first."""
    return _ORDER.index(status)


class _Description:
    def __init__(self, state: State, unreachable: Mapping[str, str]) -> None:
        self._state = state
        self._unreachable = unreachable
        self._placed = {*state.placed.values()}
        self._closed = expose.still_closed(state)
        self._units = sorted(
            [*state.units(), *self._gone()], key=lambda placed: (application_of(placed[0]), number_of(placed[0]))
        )
        self._by_application: defaultdict[str, list[Placed]] = defaultdict(list)
        self._beside: defaultdict[str, list[Placed]] = defaultdict(list)
        for placed in self._units:
            self._by_application[application_of(placed[0])].append(placed)
            self._beside[placed[1].principal].append(placed)

    def model(self) -> dict[str, Any]:
        state = self._state
        names = sorted(state.applications, key=natural)
        return {
            "name": state.name,
            "remotes": list(state.remotes),
            "unreachable": dict(self._unreachable),
            "leaving": state.ends,
            "applications": {name: self._application(name) for name in names},
            "machines": dict(sorted(self._machines().items(), key=lambda one: natural(one[0]))),
            "relations": [
                *(_relation(state, pair) for pair in state.relations),
                *(_peers(state, name) for name in names if peer_endpoints(state.applications[name])),
            ],
        }

    def _application(self, name: str) -> dict[str, Any]:
        application = self._state.applications[name]
        units = self._by_application[name]
        status = worst(self._status(placed) for placed in units)
        messages = [self._message(placed) for placed in units if self._status(placed) == status]
        described = {
            "charm": application.charm,
            "series": application.series,
            "status": status,
            "message": next((message for message in messages if message), ""),
            "version": next((record.version for _unit, record, _container in units if record.version), ""),
            "scale": len(units),
            "exposed": application.exposed,
            "leaving": application.leaving,
        }
        if application.subordinate:
            return {**described, "subordinate_to": _principals(self._state, name)}
        return {**described, "units": {placed[0]: self._unit(placed) for placed in units}}

    def _unit(self, placed: Placed) -> dict[str, Any]:
        unit, record, container = placed
        described: dict[str, Any] = {
            "status": self._status(placed),
            "message": self._message(placed),
            "version": record.version,
            "leader": self._state.leader(application_of(unit)) == unit,
            "leaving": unit in self._state.leaving,
            "machine": container.machine,
            "container": container.name,
            "remote": container.remote,
            "address": container.address,
            "ports": list(record.ports),
            **({"storage": describe_storage(record.storage)} if record.storage else {}),
        }
        beside = self._beside[unit]
        return {**described, "subordinates": {each[0]: self._unit(each) for each in beside}} if beside else described

    def _status(self, placed: Placed) -> str:
        _unit, record, container = placed
        if not container.name:
            return UNKNOWN if container.remote in self._unreachable else LOST
        return record.shown_status if container.running else _standing_still(container)

    def _message(self, placed: Placed) -> str:
        status = self._status(placed)
        if status in (DOWN, FROZEN):
            return f"container {placed[2].name} is {placed[2].status}"
        if not placed[2].name:
            return f"remote {placed[2].remote} does not answer" if status == UNKNOWN else "its container is gone"
        closed = self._closed.get(placed[0])
        return placed[1].failed or ", ".join(
            part for part in (placed[1].message, closed and f"not open to the outside: {', '.join(closed)}") if part
        )

    def _gone(self) -> list[Placed]:
        """The units that were there, and whose containers are not to be seen. Such a container has no name."""
        state = self._state
        there = {unit for unit, _record, _container in state.units()} | state.leaving
        gone = {unit: machine for unit, machine in state.placed.items() if unit not in there}
        gone = {unit: machine for unit, machine in gone.items() if application_of(unit) in state.applications}
        principals: dict[str, str] = {}
        for unit in sorted(gone):
            if not state.applications[application_of(unit)].subordinate:
                principals.setdefault(gone[unit], unit)
        return [
            (
                unit,
                UnitRecord(principal=self._principal(unit, machine, principals)),
                Container("", self._remote(machine), machine, status=""),
            )
            for unit, machine in gone.items()
        ]

    def _principal(self, unit: str, machine: str, principals: Mapping[str, str]) -> str:
        is_subordinate = self._state.applications[application_of(unit)].subordinate
        return principals.get(machine, "") if is_subordinate else ""

    def _remote(self, machine: str) -> str:
        kept = self._state.machines.get(host_of(machine))
        return kept.remote if kept is not None else ""

    def _machines(self) -> dict[str, Any]:
        state = self._state
        found = {each.machine: self._machine(each) for each in state.containers}
        for unit, _record, container in self._units:
            if container.machine not in found:
                found[container.machine] = self._machine(container)
            if not container.name:
                found[container.machine]["units"].append(unit)
        hosts = {host_of(number) for number in found}
        for number in state.machines.keys() - hosts:
            found[number] = self._machine(Container("", self._remote(number), number, status=""))
        return found

    def _machine(self, container: Container) -> dict[str, Any]:
        kept = self._state.machines.get(container.machine)
        return {
            "status": self._machine_status(container),
            "container": container.name,
            "remote": container.remote,
            "location": container.location,
            "address": container.address,
            "bundle_machine": kept.bundle if kept is not None else "",
            "units": list(container.units),
        }

    def _machine_status(self, container: Container) -> str:
        if container.name:
            return STARTED if container.running else _standing_still(container)
        if container.remote in self._unreachable:
            return UNKNOWN
        return LOST if container.machine in self._placed else PENDING


def _standing_still(container: Container) -> str:
    return FROZEN if container.status == power.FROZEN else DOWN


def _relation(state: State, pair: tuple[str, str]) -> dict[str, Any]:
    first, second = pair
    known = endpoint_of(state, first)
    provider, requirer = (first, second) if known is None or known.role == PROVIDER else (second, first)
    known = known or endpoint_of(state, second)
    return {
        "provider": provider,
        "requirer": requirer,
        "interface": known.interface if known is not None else "",
        "type": "subordinate" if container_scoped(state, pair) else "regular",
    }


def _peers(state: State, name: str) -> dict[str, Any]:
    endpoint = peer_endpoints(state.applications[name])[0]
    end = f"{name}:{endpoint}"
    interface = state.applications[name].endpoints[endpoint].interface
    return {"provider": end, "requirer": end, "interface": interface, "type": PEER}


def _principals(state: State, name: str) -> list[str]:
    found = {other.partition(":")[0] for own, other in state.ends_of(name) if container_scoped(state, (own, other))}
    return sorted(found)
