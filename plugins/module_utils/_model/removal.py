# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Less of a model: units and applications that are to go. Pure.

It goes in two steps. First they are marked as leaving, and the units that stay are told; then, when they have been stopped,
they are removed. A run that is cut short in between is carried on by the next one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from .._api.errors import InvalidInput
from .._bundle.model import host_of
from .state import Container, State, application_of, counted, number_of


def to_scale_down(state: State, application: str, units: int) -> list[str]:
    """The units that are too many: the youngest go, so that the leader stays."""
    there = [unit for unit, _record, _container in state.units_of(application)]
    return there[units:]


def still_there(state: State, units: Iterable[str], applications: Iterable[str]) -> tuple[list[str], list[str]]:
    """Those of them that are to be removed yet: what was there once and is gone is no error, so that it may be said twice.

    Raises InvalidInput for what has never been there.
    """
    state = counted(state)
    ever = {**state.removed}
    for name, each in state.applications.items():
        ever[name] = max(each.next_unit, ever.get(name, 0))
    there = [unit for unit, _record, _container in state.units()]
    for name in [*applications, *map(application_of, units)]:
        if name not in ever:
            raise InvalidInput(
                f"model {state.name} never had application {name}: it has {_all(sorted(state.applications))}"
            )
    for unit in units:
        name = application_of(unit)
        if unit not in there and number_of(unit) >= ever[name]:
            known = [each for each in there if application_of(each) == name]
            raise InvalidInput(f"model {state.name} never had unit {unit}: of {name}, it has {_all(known)}")
    return [unit for unit in units if unit in there], [name for name in applications if name in state.applications]


def leave(state: State, units: Iterable[str], applications: Iterable[str], *, keep_storage: bool = False) -> State:
    """The state with these marked as leaving, and with them what cannot be without them.

    keep_storage: of all that are leaving then. What was once to be kept stays so.
    Raises InvalidInput for a unit or an application that is not there, and for a subordinate's unit by itself.
    """
    applications = set(applications)
    unknown = sorted(applications - state.applications.keys())
    if unknown:
        raise InvalidInput(
            f"model {state.name} has no application {', '.join(unknown)}: it has {_all(sorted(state.applications))}"
        )
    there = {unit: record for unit, record, _container in state.units()}
    going = set(units)
    missing = sorted(going - there.keys())
    if missing:
        raise InvalidInput(f"model {state.name} has no unit {', '.join(missing)}: it has {_all(there)}")
    for unit in sorted(going):
        principal = there[unit].principal
        if principal and principal not in going:
            raise InvalidInput(
                f"unit {unit} is a subordinate, and goes with its principal {principal}, or with application"
                f" {application_of(unit)} as a whole"
            )
    going |= {unit for unit in there if application_of(unit) in applications}
    going |= {unit for unit, record in there.items() if record.principal in going}
    return replace(
        state,
        leaving=state.leaving | going,
        keeping=state.keeping | state.leaving | going if keep_storage else state.keeping,
        applications={
            name: replace(each, leaving=True) if name in applications else each
            for name, each in state.applications.items()
        },
    )


@dataclass(frozen=True)
class Removal:
    """state: what is kept afterwards. containers: those to be deleted. units: others to be taken off their containers."""

    state: State
    containers: tuple[Container, ...]
    units: tuple[tuple[str, Container], ...]


def remove(state: State, kept: Iterable[str] = ()) -> Removal:
    """What it takes to be rid of what is leaving. kept: units that could not be stopped, and stay in that state."""
    kept = set(kept)
    going = {unit for unit in state.leaving if unit not in kept}
    containers: list[Container] = []
    staying: list[Container] = []
    for each in state.containers:
        (containers if each.units and going >= each.units.keys() else staying).append(each)
    units = tuple((unit, each) for each in staying for unit in each.units if unit in going)
    needed = {application_of(unit) for unit in kept}
    applications = {name: each for name, each in state.applications.items() if not each.leaving or name in needed}
    gone = {host_of(each.machine) for each in containers}
    left = {host_of(each.machine) for each in staying}
    after = replace(
        state,
        applications=applications,
        relations=tuple(pair for pair in state.relations if all(end.partition(":")[0] in applications for end in pair)),
        machines={number: each for number, each in state.machines.items() if number not in gone - left},
        leaving=frozenset(state.leaving & kept),
        removed={
            **state.removed,
            **{
                name: max(each.next_unit, state.removed.get(name, 0))
                for name, each in state.applications.items()
                if name not in applications
            },
        },
        containers=tuple(_without(going, each) for each in staying),
    )
    return Removal(after, tuple(containers), units)


def texts(before: State, after: State) -> list[str]:
    """What a person reads of a state in which more is leaving."""
    applications = [
        name for name, each in after.applications.items() if each.leaving and not before.applications[name].leaving
    ]
    going = after.leaving - before.leaving
    units = sorted(going, key=lambda unit: (application_of(unit), number_of(unit)))
    removal = remove(after)
    return [
        *(f"remove application {name}" for name in sorted(applications)),
        *(f"remove unit {unit}" for unit in units),
        *(
            f"{'keep' if unit in after.keeping else 'delete'} storage {key} of {unit}, volume {each.name} of pool {each.pool}"
            f" on {container.remote}"
            for unit, record, container in after.departing()
            if unit in going
            for key, each in record.storage.items()
        ),
        *(f"delete container {each.name} of machine {each.machine} on {each.remote}" for each in removal.containers),
    ]


def _all(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def _without(units: set[str], container: Container) -> Container:
    return replace(container, units={unit: record for unit, record in container.units.items() if unit not in units})
