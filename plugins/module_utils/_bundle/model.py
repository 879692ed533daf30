# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model as it is: what is deployed already. It is read from elsewhere; nothing here asks a server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from .names import natural


@dataclass(frozen=True)
class Unit:
    """machine: the number of the machine it stands on, or of the container on one, ``0/lxd/1``."""

    number: int
    machine: str


@dataclass(frozen=True)
class Deployed:
    """An application that is there. exposed_endpoints: the CIDRs from which each may be reached, by its name. storage: as
    the bundle had it.

    subordinate: its units are beside those of others, and nobody says how many there are.
    """

    charm: str
    series: str = ""
    channel: str = ""
    revision: int | None = None
    bindings: Mapping[str, str] = field(default_factory=dict)
    units: tuple[Unit, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    constraints: str = ""
    exposed: bool = False
    exposed_endpoints: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    subordinate: bool = False
    storage: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Model:
    """machines: their annotations, by number. relations: pairs of ``application:endpoint``. next_numbers: the next unit's by
    the application's name, as far as it is known; of a unit that is gone, no other gets the number. next_machine likewise.
    bundle_numbers and machine_series: by the machine's number, as far as they are known, the number that the bundle had for
    it from which it was made, and its series or base.
    """

    applications: Mapping[str, Deployed] = field(default_factory=dict)
    machines: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    relations: tuple[tuple[str, str], ...] = ()
    next_numbers: Mapping[str, int] = field(default_factory=dict)
    next_machine: int = 0
    bundle_numbers: Mapping[str, str] = field(default_factory=dict)
    machine_series: Mapping[str, str] = field(default_factory=dict)

    def units(self, application: str) -> list[Unit]:
        """By their numbers."""
        return self._units.get(application, [])

    def machine_of(self, application: str, number: int) -> str | None:
        return self._machines.get((application, number))

    def unit_on(self, machine: str, application: str, container: str) -> Unit | None:
        """The application's unit that stands on a machine, or in a container of that kind on it."""
        return self._standing.get((application, host_of(machine) if container else machine, container))

    def machines_without(self, application: str, beside: str, container: str) -> list[str]:
        """Machines that have a unit of the other application and none of this one, in a container of that kind if need be."""
        own = [unit.machine for unit in self.units(application)]
        others = [unit.machine for unit in self.units(beside)]
        if container:
            own = [host_of(machine) for machine in own if container_kind(machine) == container]
            others = [host_of(machine) for machine in others]
        return sorted({*others} - {*own}, key=natural)

    # Each unit of a bundle asks for these, and there may be hundreds.
    @cached_property
    def _units(self) -> dict[str, list[Unit]]:
        return {name: sorted(each.units, key=lambda unit: unit.number) for name, each in self.applications.items()}

    @cached_property
    def _machines(self) -> dict[tuple[str, int], str]:
        return {(name, unit.number): unit.machine for name, units in self._units.items() for unit in units}

    @cached_property
    def _standing(self) -> dict[tuple[str, str, str], Unit]:
        """The first unit by its application, machine and kind of container; by the container itself without a kind."""
        found: dict[tuple[str, str, str], Unit] = {}
        for name, units in self._units.items():
            for unit in units:
                found.setdefault((name, unit.machine, ""), unit)
                found.setdefault((name, host_of(unit.machine), container_kind(unit.machine)), unit)
        return found


class Numbers:
    """Hands out the numbers of what is to be made. None is used twice, not even of what has been removed."""

    def __init__(self, model: Model) -> None:
        self._units = dict(model.next_numbers)
        self._machines = model.next_machine
        self._containers: dict[tuple[str, str], int] = {}
        for name in model.applications:
            for unit in model.units(name):
                self._units[name] = max(self._units.get(name, 0), unit.number + 1)
                self._seen(unit.machine)
        for machine in model.machines:
            self._seen(machine)

    def unit(self, application: str) -> int:
        number = self._units.get(application, 0)
        self._units[application] = number + 1
        return number

    def machine(self) -> str:
        self._machines += 1
        return str(self._machines - 1)

    def container(self, host: str, kind: str) -> str:
        number = self._containers.get((host, kind), 0)
        self._containers[host, kind] = number + 1
        return f"{host}/{kind}/{number}"

    def _seen(self, machine: str) -> None:
        host, _slash, inner = machine.partition("/")
        self._machines = max(self._machines, int(host) + 1)
        kind, _slash, number = inner.partition("/")
        if number:
            self._containers[host, kind] = max(self._containers.get((host, kind), 0), int(number) + 1)


def host_of(machine: str) -> str:
    """The machine a container is on, or itself."""
    return machine.partition("/")[0]


def container_kind(machine: str) -> str:
    """``lxd`` for ``0/lxd/1``; empty for a machine."""
    return machine.split("/")[1] if "/" in machine else ""
