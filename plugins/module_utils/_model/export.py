# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model as a bundle that makes another one like it. Source: the facade Bundle of Juju's controller.

What a bundle cannot say is left out: which remotes machines are on, images, profiles, and the numbers of units.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import count
from typing import Any

from .._api.errors import InvalidInput
from .._bundle import charm_url
from .._bundle.model import container_kind, host_of
from .._bundle.names import is_base, natural
from .state import Application, Container, Machine, State, application_of, staying_relations


def bundle_of(state: State) -> list[dict[str, Any]]:
    """The documents of the bundle, with their keys in Juju's order: the base, and if need be an overlay for what only an
    overlay may say. Raises InvalidInput where there is nothing to export.
    """
    names = [name for name in sorted(state.applications, key=natural) if not state.applications[name].leaving]
    if not names:
        raise InvalidInput(f"model {state.name} has nothing to export, as there are no applications")
    common = _common_series(state, names)
    numbers = _numbers(state)
    base = {
        **_series(common, "series", "default-base"),
        "applications": {name: _application(state, name, numbers, common) for name in names},
        "machines": {
            numbers[host]: _machine(state.machines.get(host), common)
            for host in sorted(numbers, key=lambda host: natural(numbers[host]))
        },
        "relations": sorted(list(pair) for pair in staying_relations(state)),
    }
    overlay = {name: each for name in names if (each := _overlay(state.applications[name]))}
    documents = [{key: value for key, value in base.items() if value}]
    return [*documents, {"applications": overlay}] if overlay else documents


def _application(state: State, name: str, numbers: Mapping[str, str], common: str) -> dict[str, Any]:
    application = state.applications[name]
    units = state.units_of(name)
    # That of the charm's URL goes before the bundle's.
    own = application.series if {application.series, charm_url.parse(application.charm).series} - {common, ""} else ""
    content = {
        "charm": application.charm,
        "channel": application.channel,
        "revision": application.revision,
        **_series(own, "series", "base"),
        "num_units": None if application.subordinate else len(units),
        "to": None
        if application.subordinate
        else [_placement(state, name, each, numbers) for _unit, _record, each in units],
        # Said beside exposed-endpoints it would open the others too.
        "expose": application.exposed and not application.exposed_endpoints,
        "options": dict(sorted(application.options.items())),
        "annotations": dict(sorted(application.annotations.items())),
        "bindings": dict(sorted(application.bindings.items())),
        "constraints": application.constraints,
        "storage": dict(sorted(application.storage.items())),
    }
    may_be_nought = ("num_units", "revision")
    return {key: value for key, value in content.items() if value or (key in may_be_nought and value is not None)}


def _overlay(application: Application) -> dict[str, Any]:
    if not application.exposed or not application.exposed_endpoints:
        return {}
    return {
        "exposed-endpoints": {
            name: {"expose-to-cidrs": sorted(cidrs)} if cidrs else {}
            for name, cidrs in sorted(application.exposed_endpoints.items())
        }
    }


def _machine(machine: Machine | None, common: str) -> dict[str, Any]:
    if machine is None:
        return {}
    content = {"constraints": machine.constraints, "annotations": dict(sorted(machine.annotations.items()))}
    series = {} if machine.series == common else _series(machine.series, "series", "base")
    return {**{key: value for key, value in content.items() if value}, **series}


def _placement(state: State, application: str, container: Container, numbers: Mapping[str, str]) -> str:
    """A number; ``lxd:0``; or where another unit is in that container already, ``api/0``: which of its application's."""
    number = numbers[host_of(container.machine)]
    kind = container_kind(container.machine)
    if not kind:
        return number
    first = min(application_of(unit) for unit in _principals(state, container))
    if first == application:
        return f"{kind}:{number}"
    beside = [each.name for _unit, _record, each in state.units_of(first)].index(container.name)
    return f"{first}/{beside}"


def _numbers(state: State) -> dict[str, str]:
    """What the bundle calls machines that have units: as that bundle did from which they were made, so that the model that
    is made of this one has the same numbers, whatever its own are; else their own, or where that is taken, a free one.
    """
    hosts = sorted({host_of(each.machine) for each in state.containers if _principals(state, each)}, key=natural)
    said = {
        host: state.machines[host].bundle for host in hosts if host in state.machines and state.machines[host].bundle
    }
    often = Counter(said.values())
    numbers = {host: number for host, number in said.items() if often[number] == 1}
    for host in hosts:
        if host not in numbers:
            taken = {*numbers.values()}
            free = (str(number) for number in count() if str(number) not in {*taken, *hosts})
            numbers[host] = host if host not in taken else next(free)
    return numbers


def _principals(state: State, container: Container) -> list[str]:
    """The units on it that stay, but for those beside others."""
    return [unit for unit, record in container.units.items() if unit not in state.leaving and not record.principal]


def _common_series(state: State, names: list[str]) -> str:
    found = {state.applications[name].series for name in names}
    return found.pop() if len(found) == 1 else ""


def _series(value: str, series: str, base: str) -> dict[str, str]:
    """Under the key that such a value has."""
    return {base if is_base(value) else series: value} if value else {}
