# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The units that are missing, and the machine for each. Source: handlers.go in core/bundle/changes of Juju."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .applications import series_of
from .bundle import Application
from .changes import AddMachine, AddUnit
from .draft import Draft
from .model import host_of
from .names import natural
from .placement import NEW, Placement, parse
from .verify_placement import waiting_for


@dataclass(frozen=True)
class _Spot:
    """Where a unit goes. requires: the changes that have to come first."""

    machine: str
    existing: bool = False
    makes_machine: bool = False
    requires: tuple[int, ...] = ()
    directive: str = ""

    @property
    def host(self) -> str:
        return host_of(self.machine)


class UnitPlanner:
    """Adds the units, and the machines that are only theirs, to a draft that has everything else."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._bundle = draft.bundle
        self._model = draft.model
        # The changes that add units, by application, in the order of the units; and where the units come to stand.
        self._adding: dict[str, list[int]] = {}
        self._spots: dict[int, _Spot] = {}
        # What is still free beside an application, by the application to be placed there and that one.
        self._free_machines: dict[tuple[str, str], list[str]] = {}
        self._free_units: dict[tuple[str, str], list[int]] = {}

    def plan(self) -> None:
        for name in sorted(self._bundle.applications, key=natural):
            missing = self._bundle.applications[name].num_units - len(self._model.units(name))
            requires = [self._draft.deployed[name]] if name in self._draft.deployed else []
            self._adding[name] = [
                self._draft.add(AddUnit(name, self._draft.numbers.unit(name)), *requires) for _number in range(missing)
            ]
        left = sorted(self._bundle.applications)
        placed: set[str] = set()
        while left:
            for name in left:
                # What is placed earlier in this pass counts.
                if waiting_for(self._bundle.applications[name]) <= placed:
                    self._place_all(self._bundle.applications[name])
                    placed.add(name)
            if placed.isdisjoint(left):
                raise AssertionError("a bundle with a cycle of placements has a problem, and is not planned")
            left = [name for name in left if name not in placed]

    def _place_all(self, application: Application) -> None:
        directives = [text for text in application.to if not self._is_satisfied(application.name, text)]
        last = parse(application.to[-1]) if application.to else None
        repeated = application.to[-1] if last is not None and last.may_repeat else ""
        before: tuple[int, ...] = ()
        for adding in self._adding[application.name]:
            directive = directives.pop(0) if directives else repeated
            spot = self._spot(application, directive)
            self._spots[adding] = spot
            unit = self._draft.changes[adding]
            if not isinstance(unit, AddUnit):
                raise AssertionError("what is placed is a unit")
            self._draft.changes[adding] = replace(
                unit,
                machine=spot.machine,
                existing=spot.existing,
                makes_machine=spot.makes_machine,
                directive=spot.directive,
            )
            self._draft.requires[adding] += [*spot.requires, *before]
            before = (adding,)

    def _is_satisfied(self, name: str, text: str) -> bool:
        """Whether a unit stands already where the placement says."""
        placement = parse(text)
        if placement is None:
            return False
        machine = self._draft.matched.get(placement.machine, placement.machine)
        if placement.unit is not None:
            machine = self._model.machine_of(placement.application, placement.unit) or ""
        return self._model.unit_on(machine, name, placement.container) is not None

    def _spot(self, application: Application, directive: str) -> _Spot:
        placement = parse(directive)
        if placement is None:
            return self._new_machine()
        if placement.machine == NEW:
            return self._named_new_machine(application, placement.container)
        if placement.machine:
            return self._on_machine(application, placement)
        if placement.unit is not None:
            return self._beside_unit(application, placement, directive)
        return self._beside_application(application, placement, directive)

    def _new_machine(self) -> _Spot:
        return _Spot(self._draft.numbers.machine(), makes_machine=True)

    def _named_new_machine(self, application: Application, kind: str) -> _Spot:
        machine = self._draft.numbers.machine()
        container = self._draft.numbers.container(machine, kind) if kind else ""
        change = AddMachine(machine, application.constraints, series_of(application, self._bundle), container=container)
        return _Spot(container or machine, requires=(self._draft.add(change),))

    def _on_machine(self, application: Application, placement: Placement) -> _Spot:
        there = self._draft.matched.get(placement.machine)
        if there is not None:
            return self._on_existing(there, placement.container)
        adding = self._draft.machines[placement.machine]
        change = self._draft.changes[adding]
        if not isinstance(change, AddMachine):
            raise AssertionError("a unit is placed on a machine")
        return self._in_container(application, _Spot(change.machine, requires=(adding,)), placement.container)

    def _beside_unit(self, application: Application, placement: Placement, directive: str) -> _Spot:
        unit = placement.unit or 0
        there = self._model.machine_of(placement.application, unit)
        if there is not None:
            return replace(self._on_existing(there, placement.container), directive=directive)
        # Of units that are to be made, it is the place in the list that is meant.
        adding = self._adding[placement.application]
        index = unit - len(self._model.units(placement.application))
        if not 0 <= index < len(adding):
            return self._named_new_machine(application, placement.container)
        return self._beside_new(application, adding[index], placement.container, directive)

    def _beside_application(self, application: Application, placement: Placement, directive: str) -> _Spot:
        key = (application.name, placement.application)
        if key not in self._free_machines:
            self._free_machines[key] = self._model.machines_without(*key, placement.container)
            self._free_units[key] = list(self._adding[placement.application])
        if self._free_machines[key]:
            there = self._free_machines[key].pop(0)
            return replace(self._on_existing(there, placement.container), directive=directive)
        if self._free_units[key]:
            return self._beside_new(application, self._free_units[key].pop(0), placement.container, directive)
        return self._new_machine()

    def _beside_new(self, application: Application, adding: int, kind: str, directive: str) -> _Spot:
        beside = self._spots[adding]
        spot = replace(beside, makes_machine=False, requires=(adding,))
        return replace(self._in_container(application, spot, kind), directive=directive)

    def _on_existing(self, machine: str, kind: str) -> _Spot:
        if not kind:
            return _Spot(machine, existing=True)
        return _Spot(self._draft.numbers.container(host_of(machine), kind), makes_machine=True)

    def _in_container(self, application: Application, spot: _Spot, kind: str) -> _Spot:
        """A container on the machine of the spot, beside any container that the spot itself is."""
        if not kind:
            return spot
        change = AddMachine(
            spot.host,
            application.constraints,
            series_of(application, self._bundle),
            container=self._draft.numbers.container(spot.host, kind),
            existing=spot.existing or spot.host in self._model.machines,
        )
        adding = self._draft.add(change, *spot.requires)
        return _Spot(change.container, requires=(adding,))
