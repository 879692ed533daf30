# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What it takes to have what a bundle says, given what is there. Source: core/bundle/changes of Juju.

Only ever more: a plan removes nothing, moves no unit, and resets nothing that the bundle does not name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from .._api.errors import InvalidInput
from . import charm_url, constraints
from .bundle import Application, Bundle
from .changes import (
    AddCharm,
    AddMachine,
    AddRelation,
    Change,
    Deploy,
    Expose,
    SetAnnotations,
    SetConstraints,
    SetOptions,
    UpgradeCharm,
)
from .charm import Charm
from .draft import Draft
from .endpoints import End, resolved
from .endpoints import parse as parse_end
from .findings import quoted
from .include import is_path
from .machines import matched
from .model import Deployed, Model, Numbers
from .names import natural
from .roles import Roles
from .series import series_of
from .units import UnitPlanner

_Access = Mapping[str, "tuple[tuple[str, ...], tuple[str, ...]]"]
_V = TypeVar("_V")


def plan(bundle: Bundle, model: Model, roles: Roles, charms: Mapping[str, Charm | None] | None) -> list[Change]:
    """The changes in an order in which they can be made. bundle: without problems.

    Raises InvalidInput where machines of the bundle cannot be told from those that are there.
    """
    return _Planner(bundle, model, roles, charms).plan()


def charm_name(charm: str) -> str:
    """What stands for a charm in a line: of a directory, all of it."""
    return charm if is_path(charm) else charm_url.parse(charm).name


class _Planner:
    def __init__(self, bundle: Bundle, model: Model, roles: Roles, charms: Mapping[str, Charm | None] | None) -> None:
        self._bundle = bundle
        self._model = model
        self._roles = roles
        self._charms = charms
        self._draft = Draft()
        self._numbers = Numbers(model)
        self._matched = matched(bundle, model)
        # Numbers of the changes that make them.
        self._deployed: dict[str, int] = {}
        self._machines: dict[str, int] = {}

    def plan(self) -> list[Change]:
        self._plan_applications()
        self._plan_machines()
        for relation in self._bundle.relations:
            self._plan_relation(resolved(relation, self._bundle, self._charms), (relation.ends[0], relation.ends[1]))
        UnitPlanner(
            self._bundle, self._model, self._draft, self._numbers, self._matched, self._deployed, self._machines
        ).plan()
        self._check_machines()
        return self._draft.ordered()

    def _plan_applications(self) -> None:
        charms: dict[tuple[str, str], int] = {}
        there = {(each.charm, each.series) for each in self._model.applications.values()}
        for name in sorted(self._bundle.applications, key=natural):
            application = self._bundle.applications[name]
            series = series_of(application, self._bundle)
            key = (application.charm, series)
            if key not in charms and key not in there:
                charm = AddCharm(charm_name(application.charm), self._roles.role(application.charm), series)
                charms[key] = self._draft.add(charm)
            requires = [charms[key]] if key in charms else []
            deployed = self._model.applications.get(name)
            if deployed is None:
                self._plan_new(application, series, requires)
            else:
                self._plan_changed(application, deployed, series, requires)

    def _plan_new(self, application: Application, series: str, requires: list[int]) -> None:
        name = application.name
        deploy = Deploy(application, charm_name(application.charm), series)
        self._deployed[name] = self._draft.add(deploy, *requires)
        if application.exposed:
            self._draft.add(Expose(name, application.exposed_endpoints), self._deployed[name])
        if application.annotations:
            self._draft.add(SetAnnotations(name, application.annotations), self._deployed[name])

    def _plan_changed(self, application: Application, deployed: Deployed, series: str, requires: list[int]) -> None:
        name = application.name
        if deployed.charm != application.charm:
            self._draft.add(UpgradeCharm(application, charm_name(application.charm), series), *requires)
        options = _changed(deployed.options, application.options)
        if options:
            self._draft.add(SetOptions(name, options))
        if constraints.parse(deployed.constraints) != constraints.parse(application.constraints):
            self._draft.add(SetConstraints(name, application.constraints))
        endpoints = {
            key: (each.expose_to_spaces, each.expose_to_cidrs) for key, each in application.exposed_endpoints.items()
        }
        if application.exposed and not (deployed.exposed and _same_access(endpoints, deployed.exposed_endpoints)):
            self._draft.add(Expose(name, application.exposed_endpoints))
        annotations = _changed(deployed.annotations, application.annotations)
        if annotations:
            self._draft.add(SetAnnotations(name, annotations))

    def _plan_machines(self) -> None:
        for number in sorted(self._bundle.machines, key=natural):
            machine = self._bundle.machines[number]
            there = self._matched.get(number)
            if there is None:
                new = self._numbers.machine()
                series = machine.series or machine.base or self._bundle.series or self._bundle.default_base
                self._machines[number] = self._draft.add(AddMachine(new, machine.constraints, series, number))
                target, requires = f"new machine {new}", [self._machines[number]]
            else:
                target, requires = f"existing machine {there}", []
            annotations = _changed(self._model.machines.get(there or "", {}), machine.annotations)
            if annotations:
                self._draft.add(SetAnnotations(target, annotations), *requires)

    def _plan_relation(self, ends: tuple[End, End], said: tuple[str, str]) -> None:
        if any(_is_same(ends, there) for there in self._model.relations):
            return
        requires = [self._deployed[end.application] for end in ends if end.application in self._deployed]
        self._draft.add(AddRelation(ends, said), *requires)

    def _check_machines(self) -> None:
        """A new machine on which nothing comes to stand is one that is there, under another number."""
        for number, adding in self._machines.items():
            if self._draft.is_required(adding):
                continue
            left = sorted({*self._model.machines} - {*self._matched.values()}, key=natural)
            perhaps = f", perhaps to one of the model's machines {', '.join(left)}" if left else ""
            hosts = sorted(name for name, each in self._bundle.applications.items() if number in each.to)
            raise InvalidInput(
                "bundle and machine mapping are inconsistent: need an explicit entry mapping bundle machine"
                f" {quoted(number)}{perhaps} - the target should host [{', '.join(hosts)}]"
            )


def _changed(there: Mapping[str, _V], wanted: Mapping[str, _V]) -> dict[str, _V]:
    return {key: value for key, value in wanted.items() if key not in there or there[key] != value}


def _same_access(one: _Access, other: _Access) -> bool:
    def by_name(access: _Access) -> dict[str, list[set[str]]]:
        return {name: [{*spaces}, {*cidrs}] for name, (spaces, cidrs) in access.items()}

    return by_name(one) == by_name(other)


def _is_same(ends: tuple[End, End], there: tuple[str, str]) -> bool:
    """Whether a relation that is there is this one. An end that names no endpoint is content with any."""
    first, second = (parse_end(text) or End(text) for text in there)
    return any(
        all(
            end.application == other.application and end.endpoint in ("", other.endpoint)
            for end, other in zip(ends, pair)
        )
        for pair in ((first, second), (second, first))
    )
