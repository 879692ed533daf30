# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model as a person asks for it: how its applications, units and machines are. Without what units tell each other. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._bundle.charm import PEER, PROVIDER
from .._bundle.names import natural
from .record import ERROR, STATUSES
from .state import Container, Placed, State, application_of, container_scoped, endpoint_of, peer_endpoints
from .storage import describe as describe_storage

_ORDER = (ERROR, *reversed(STATUSES))


def describe(state: State) -> dict[str, Any]:
    """applications, machines and relations by their names, in the order in which they are read."""
    names = sorted(state.applications, key=natural)
    return {
        "name": state.name,
        "remotes": list(state.remotes),
        "applications": {name: _application(state, name) for name in names},
        "machines": {
            each.machine: _machine(state, each)
            for each in sorted(state.containers, key=lambda one: natural(one.machine))
        },
        "relations": [
            *(_relation(state, pair) for pair in state.relations),
            *(_peers(state, name) for name in names if peer_endpoints(state.applications[name])),
        ],
    }


def worst(statuses: Iterable[str]) -> str:
    """Of an application's units; ``unknown`` where it has none."""
    return min(statuses, key=_ORDER.index, default="unknown")


def _application(state: State, name: str) -> dict[str, Any]:
    application = state.applications[name]
    units = [placed for placed in state.units() if application_of(placed[0]) == name]
    status = worst(record.shown_status for _unit, record, _container in units)
    described = {
        "charm": application.charm,
        "series": application.series,
        "status": status,
        "message": next(
            (_message(placed) for placed in units if placed[1].shown_status == status and _message(placed)), ""
        ),
        "version": next((record.version for _unit, record, _container in units if record.version), ""),
        "scale": len(units),
        "exposed": application.exposed,
        "leaving": application.leaving,
    }
    if application.subordinate:
        return {**described, "subordinate_to": _principals(state, name)}
    return {**described, "units": {placed[0]: _unit(state, placed) for placed in units}}


def _unit(state: State, placed: Placed) -> dict[str, Any]:
    unit, record, container = placed
    described: dict[str, Any] = {
        "status": record.shown_status,
        "message": _message(placed),
        "version": record.version,
        "leader": state.leader(application_of(unit)) == unit,
        "leaving": unit in state.leaving,
        "machine": container.machine,
        "container": container.name,
        "remote": container.remote,
        "address": container.address,
        "ports": list(record.ports),
        **({"storage": describe_storage(record.storage)} if record.storage else {}),
    }
    beside = [each for each in state.units() if each[1].principal == unit]
    return {**described, "subordinates": {each[0]: _unit(state, each) for each in beside}} if beside else described


def _message(placed: Placed) -> str:
    return placed[1].failed or placed[1].message


def _machine(state: State, container: Container) -> dict[str, Any]:
    kept = state.machines.get(container.machine)
    return {
        "status": "started" if container.running else "stopped",
        "container": container.name,
        "remote": container.remote,
        "location": container.location,
        "address": container.address,
        "bundle_machine": kept.bundle if kept is not None else "",
        "units": list(container.units),
    }


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
    found = {
        other.partition(":")[0]
        for pair in state.relations
        for own, other in (pair, pair[::-1])
        if own.partition(":")[0] == name and container_scoped(state, pair)
    }
    return sorted(found)
