# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a model is once the changes of a plan are made, and what there is to be made for it. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Callable

from .._bundle import constraints
from .._bundle.changes import (
    AddMachine,
    AddRelation,
    AddUnit,
    Change,
    Deploy,
    Expose,
    SetAnnotations,
    SetConstraints,
    SetOptions,
    SetOrigin,
    Unexpose,
    UpgradeCharm,
)
from .._bundle.limits import Limits, limits
from .._bundle.model import host_of
from .charms import Role
from .placing import Sites, place
from .record import UnitRecord
from .state import Application, Machine, State, application_of, container_scoped, number_of
from .storage import volumes

_LONGEST_NAME = 63
FindRoles = Callable[[Mapping[str, Application]], Mapping[str, Role]]


@dataclass(frozen=True)
class NewContainer:
    """One to be made. units: what it is to keep of them, from the beginning."""

    name: str
    machine: str
    remote: str
    target: str
    series: str
    limits: Limits
    units: dict[str, UnitRecord] = field(default_factory=dict)


@dataclass(frozen=True)
class AddSubordinate(Change):
    unit: str
    principal: str

    @property
    def text(self) -> str:
        return f"add unit {self.unit} beside {self.principal}"


@dataclass(frozen=True)
class Growth:
    """state: what is to be kept from now on; the numbers given out are counted once the containers are there.

    joining: units for containers that are there, by the container's name. subordinates: changes that follow from those of
    the plan.
    """

    state: State
    new: tuple[NewContainer, ...]
    joining: Mapping[str, Mapping[str, UnitRecord]]
    subordinates: tuple[AddSubordinate, ...]
    roles: Mapping[str, Role]


def grow(state: State, changes: Iterable[Change], find_roles: FindRoles, sites: Sites) -> Growth:
    """find_roles: from applications to their roles. Raises what that raises, and InvalidInput for a machine that can be
    nowhere.
    """
    grower = _Grower(state, sites)
    for change in changes:
        grower.make(change)
    return grower.grown(find_roles)


def container_name(model: str, unit: str) -> str:
    """A container is called like the model and the first unit on it: the names on one network have to differ, whatever the
    project. Those of both servers are names of hosts.
    """
    own = re.sub(r"[^a-zA-Z0-9-]", "-", unit)
    prefix = re.sub(r"[^a-zA-Z0-9-]", "-", model)
    room = _LONGEST_NAME - len(own) - 1
    name = f"{prefix[:room]}-{own}" if room > 0 else own[-_LONGEST_NAME:]
    return name.lstrip("-0123456789")


class _Grower:
    def __init__(self, state: State, sites: Sites) -> None:
        self._state = state
        self._sites = sites
        self._applications = dict(state.applications)
        self._machines = dict(state.machines)
        self._taken = Counter((each.remote, each.target) for each in state.machines.values())
        self._relations = list(state.relations)
        self._new: dict[str, NewContainer] = {}
        self._joining: dict[str, dict[str, UnitRecord]] = {}
        self._container_constraints: dict[str, str] = {}

    def make(self, change: Change) -> None:
        if isinstance(change, Deploy):
            wanted = change.application
            self._applications[wanted.name] = Application(
                wanted.charm,
                change.series,
                channel=wanted.channel,
                revision=wanted.revision,
                bindings=dict(wanted.bindings),
                options=dict(wanted.options),
                constraints=wanted.constraints,
                storage=dict(wanted.storage),
            )
        elif isinstance(change, UpgradeCharm):
            wanted = change.application
            self._set(
                wanted.name,
                charm=wanted.charm,
                series=change.series,
                channel=wanted.channel,
                revision=wanted.revision,
                bindings=dict(wanted.bindings),
            )
        elif isinstance(change, SetOrigin):
            there = self._applications[change.application]
            self._set(
                change.application,
                channel=change.channel or there.channel,
                revision=there.revision if change.revision is None else change.revision,
                bindings={**there.bindings, **change.bindings},
            )
        elif isinstance(change, Expose):
            cidrs = {name: list(each.expose_to_cidrs) for name, each in change.endpoints.items()}
            self._set(change.application, exposed=True, exposed_endpoints=cidrs)
        elif isinstance(change, Unexpose):
            self._set(change.application, exposed=False, exposed_endpoints={})
        elif isinstance(change, SetOptions):
            options = {**self._applications[change.application].options, **change.options}
            self._set(change.application, options=options)
        elif isinstance(change, SetConstraints):
            self._set(change.application, constraints=change.constraints)
        elif isinstance(change, SetAnnotations):
            self._annotate(change)
        elif isinstance(change, AddMachine):
            self._add_machine(change)
        elif isinstance(change, AddRelation):
            self._add_relation(change)
        elif isinstance(change, AddUnit):
            self._add_unit(change)

    def grown(self, find_roles: FindRoles) -> Growth:
        roles = find_roles(self._applications)
        for name, role in roles.items():
            self._set(name, endpoints=role.endpoints(), subordinate=role.subordinate)
        subordinates = self._add_subordinates()
        before = self._state.applications
        applications = {
            name: replace(each, next_unit=before[name].next_unit if name in before else 0)
            for name, each in self._applications.items()
        }
        state = replace(
            self._state, applications=applications, machines=self._machines, relations=tuple(self._relations)
        )
        joining = {name: self._stored(units, roles) for name, units in self._joining.items() if units}
        new = tuple(replace(each, units=self._stored(each.units, roles)) for each in self._new.values())
        return Growth(state, new, joining, tuple(subordinates), roles)

    def _stored(self, units: Mapping[str, UnitRecord], roles: Mapping[str, Role]) -> dict[str, UnitRecord]:
        """With the volumes that each unit is to have."""
        found = {}
        for unit, record in units.items():
            application = self._applications[application_of(unit)]
            charm = roles[application_of(unit)].charm
            found[unit] = replace(record, storage=volumes(self._state.name, unit, charm, application.storage))
        return found

    def _set(self, application: str, **fields: object) -> None:
        self._applications[application] = replace(self._applications[application], **fields)  # type: ignore[arg-type]

    def _annotate(self, change: SetAnnotations) -> None:
        if " machine " not in change.target:
            annotations = {**self._applications[change.target].annotations, **change.annotations}
            self._set(change.target, annotations=annotations)
            return
        number = change.target.rpartition(" ")[2]
        machine = self._machines[number]
        self._machines[number] = replace(machine, annotations={**machine.annotations, **change.annotations})

    def _add_machine(self, change: AddMachine) -> None:
        if change.container:
            self._container_constraints[change.container] = change.constraints
        if change.machine not in self._machines:
            self._place(
                change.machine, change.bundle_machine, "" if change.container else change.constraints, change.series
            )

    def _place(self, number: str, bundle: str, said: str, series: str) -> None:
        zones = constraints.parse(said).zones or ()
        remote, target = place(self._sites, self._taken, bundle, zones)
        self._machines[number] = Machine(remote, target, bundle, said, series)
        self._taken[remote, target] += 1

    def _add_relation(self, change: AddRelation) -> None:
        one, two = change.ends
        # Without a charm.yml nobody says what an endpoint is called: then it is called like the other one.
        first = f"{one.application}:{one.endpoint or two.endpoint or two.application}"
        second = f"{two.application}:{two.endpoint or one.endpoint or one.application}"
        self._relations.append((first, second))

    def _add_unit(self, change: AddUnit) -> None:
        application = self._applications[change.application]
        unit = f"{change.application}/{change.number}"
        self._count(unit)
        there = self._state.container_of(change.machine)
        if there is not None:
            self._joining.setdefault(there.name, {})[unit] = UnitRecord()
            return
        if change.machine not in self._new:
            host = host_of(change.machine)
            if host not in self._machines:
                self._place(host, "", application.constraints, application.series)
            self._new[change.machine] = self._container(unit, change.machine, application)
        self._new[change.machine].units[unit] = UnitRecord()

    def _container(self, unit: str, number: str, application: Application) -> NewContainer:
        machine = self._machines[host_of(number)]
        said = self._container_constraints.get(number, machine.constraints or application.constraints)
        if "/" in number:
            said = said or application.constraints
        series = machine.series if "/" not in number and machine.series else application.series
        return NewContainer(
            container_name(self._state.name, unit),
            number,
            machine.remote,
            machine.target,
            series,
            limits(constraints.parse(said)),
        )

    def _count(self, unit: str) -> None:
        name = application_of(unit)
        self._set(name, next_unit=max(self._applications[name].next_unit, number_of(unit) + 1))

    def _add_subordinates(self) -> list[AddSubordinate]:
        added = []
        state = replace(self._state, applications=self._applications, relations=tuple(self._relations))
        for relation in self._relations:
            for end, other in (relation, relation[::-1]):
                name, principal = end.partition(":")[0], other.partition(":")[0]
                if (
                    self._is_subordinate(name)
                    and not self._is_subordinate(principal)
                    and container_scoped(state, relation)
                ):
                    added += self._add_beside(name, principal)
        return added

    def _is_subordinate(self, name: str) -> bool:
        application = self._applications.get(name)
        return application is not None and application.subordinate and not application.leaving

    def _add_beside(self, name: str, principal: str) -> list[AddSubordinate]:
        added = []
        for units, joining in self._containers():
            joined = {record.principal for unit, record in units.items() if application_of(unit) == name}
            for unit in [unit for unit in units if application_of(unit) == principal and unit not in joined]:
                subordinate = f"{name}/{self._applications[name].next_unit}"
                self._count(subordinate)
                joining[subordinate] = UnitRecord(principal=unit)
                added.append(AddSubordinate(subordinate, unit))
        return added

    def _containers(self) -> list[tuple[dict[str, UnitRecord], dict[str, UnitRecord]]]:
        """The units of each container, with those that are to be on it, and where another one is put down."""
        found = []
        for container in self._state.containers:
            staying = {unit: record for unit, record in container.units.items() if unit not in self._state.leaving}
            joining = self._joining.setdefault(container.name, {})
            found.append(({**staying, **joining}, joining))
        return [*found, *((dict(each.units), each.units) for each in self._new.values())]
