# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model as it is: what is kept of it in its project, and the containers that are there.

What is kept and cannot be seen from the containers: applications, relations, where machines are, which numbers were given
out. Units and what they published are kept in their containers, so that a container that is gone takes its units with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import Any, TypeVar

from .._api.errors import InvalidInput
from .._bundle import model as planner
from .._bundle.charm import PEER
from .._resources import power
from .record import UnitRecord
from .shown import Shown

MODEL_KEY = "user.flotilla.model"
MACHINE_KEY = "user.flotilla.machine"

_T = TypeVar("_T")


@dataclass(frozen=True)
class Endpoint:
    """As the charm has it: role is provider, requirer or peer; scope, global or container."""

    role: str
    interface: str = ""
    scope: str = "global"


@dataclass(frozen=True)
class Application:
    """options: those set. storage: as the bundle has it. next_unit: the number of the next unit. leaving: it is being
    removed. channel, revision and bindings choose nothing here, and are kept for bundles that are made of the model.
    """

    charm: str
    series: str = ""
    channel: str = ""
    revision: int | None = None
    bindings: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    constraints: str = ""
    storage: Mapping[str, str] = field(default_factory=dict)
    exposed: bool = False
    exposed_endpoints: Mapping[str, list[str]] = field(default_factory=dict)
    next_unit: int = 0
    subordinate: bool = False
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    leaving: bool = False


@dataclass(frozen=True)
class Machine:
    """remote and target: where it is; target is a cluster member, or empty. bundle: its number in the bundle."""

    remote: str
    target: str = ""
    bundle: str = ""
    constraints: str = ""
    series: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """How containers are made: images by series or base, with ``""`` for all others; None for the usual profiles."""

    images: Mapping[str, str] = field(default_factory=dict)
    profiles: list[str] | None = None

    @property
    def profiles_of_new(self) -> list[str]:
        return self.profiles if self.profiles is not None else ["default"]


@dataclass(frozen=True)
class Container:
    """One that is there. machine: its number, ``0`` or ``0/lxd/1``. status: as power.status() has it. units: in the order
    they came.
    """

    name: str
    remote: str
    machine: str
    status: str
    addresses: Mapping[str, list[str]] = field(default_factory=dict)
    units: Mapping[str, UnitRecord] = field(default_factory=dict)
    devices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    location: str = ""

    @property
    def running(self) -> bool:
        return self.status == power.RUNNING

    @property
    def address(self) -> str:
        """The first global IPv4 address, else IPv6; empty where there is none."""
        return next(iter([*self.addresses.get("ipv4", ()), *self.addresses.get("ipv6", ())]), "")


# A unit with what is kept of it, and where it is.
Placed = tuple[str, UnitRecord, Container]


@dataclass(frozen=True)
class State:
    """remotes: by their names, the first has what is kept.

    relations: pairs of ``application:endpoint``. leaving: units that are being removed, and keeping, those of them whose
    storage is kept; ends: the whole model is. placed: units by the machine they were on when this was last kept, for the
    containers of some may be gone since. removed: of applications that were removed, the number of the next unit then.
    """

    name: str
    remotes: tuple[str, ...]
    applications: Mapping[str, Application] = field(default_factory=dict)
    relations: tuple[tuple[str, str], ...] = ()
    machines: Mapping[str, Machine] = field(default_factory=dict)
    next_machine: int = 0
    settings: Settings = field(default_factory=Settings)
    leaving: frozenset[str] = frozenset()
    keeping: frozenset[str] = frozenset()
    ends: bool = False
    placed: Mapping[str, str] = field(default_factory=dict)
    removed: Mapping[str, int] = field(default_factory=dict)
    containers: tuple[Container, ...] = ()

    def units(self) -> tuple[Placed, ...]:
        """All units, by application and number."""
        return self._units

    def units_of(self, application: str) -> tuple[Placed, ...]:
        """Those of an application that stay, by their numbers."""
        return self._staying.get(application, ())

    def leader(self, application: str) -> str | None:
        """The unit with the lowest number of those that stay."""
        return next((unit for unit, _record, _container in self.units_of(application)), None)

    def departing(self) -> tuple[Placed, ...]:
        """Those that are leaving, by application and number."""
        return tuple(placed for units in self._departing.values() for placed in units)

    def departing_of(self, application: str) -> tuple[Placed, ...]:
        return self._departing.get(application, ())

    def shown(self, application: str) -> Shown:
        """What the units of an application that stay show to others."""
        return self._shown.get(application) or Shown(())

    def ends_of(self, application: str) -> tuple[tuple[str, str], ...]:
        """The relations of an application, each with its own end first."""
        return self._ends.get(application, ())

    def container_of(self, machine: str) -> Container | None:
        return self._by_machine.get(machine)

    # A model with hundreds of units is asked for all this by every one of them.
    @cached_property
    def _units(self) -> tuple[Placed, ...]:
        found = [(unit, record, each) for each in self.containers for unit, record in each.units.items()]
        return tuple(sorted(found, key=lambda one: (application_of(one[0]), number_of(one[0]))))

    @cached_property
    def _staying(self) -> dict[str, tuple[Placed, ...]]:
        return _by_application(placed for placed in self._units if placed[0] not in self.leaving)

    @cached_property
    def _departing(self) -> dict[str, tuple[Placed, ...]]:
        return _by_application(placed for placed in self._units if placed[0] in self.leaving)

    @cached_property
    def _shown(self) -> dict[str, Shown]:
        return {
            name: Shown([(unit, record, container.address) for unit, record, container in units])
            for name, units in self._staying.items()
        }

    @cached_property
    def _ends(self) -> dict[str, tuple[tuple[str, str], ...]]:
        found: dict[str, list[tuple[str, str]]] = {}
        for first, second in self.relations:
            for own, other in ((first, second), (second, first)):
                found.setdefault(own.partition(":")[0], []).append((own, other))
        return {name: tuple(each) for name, each in found.items()}

    @cached_property
    def _by_machine(self) -> dict[str, Container]:
        return {each.machine: each for each in reversed(self.containers)}


def _by_application(units: Iterable[Placed]) -> dict[str, tuple[Placed, ...]]:
    found: dict[str, list[Placed]] = {}
    for placed in units:
        found.setdefault(application_of(placed[0]), []).append(placed)
    return {name: tuple(each) for name, each in found.items()}


def application_of(unit: str) -> str:
    return unit.rpartition("/")[0]


def number_of(unit: str) -> int:
    return int(unit.rpartition("/")[2])


def container_scoped(state: State, relation: tuple[str, str]) -> bool:
    """Whether a relation is between a unit and a subordinate beside it only."""
    endpoints = [endpoint_of(state, end) for end in relation]
    return any(each is not None and each.scope == "container" for each in endpoints)


def endpoint_of(state: State, end: str) -> Endpoint | None:
    """The endpoint of ``application:endpoint``; None where the charm does not say."""
    application, _colon, name = end.partition(":")
    known = state.applications.get(application)
    return known.endpoints.get(name) if known is not None else None


def peer_endpoints(application: Application) -> list[str]:
    return sorted(name for name, endpoint in application.endpoints.items() if endpoint.role == PEER)


def counted(state: State) -> State:
    """With where units are, and the numbers that are given out by now: what is there is not to be called the same as what
    comes after it.
    """
    placed = {unit: container.machine for unit, _record, container in state.units()}
    applications = dict(state.applications)
    for unit, _record, _container in state.units():
        name = application_of(unit)
        if name in applications:
            following = max(applications[name].next_unit, number_of(unit) + 1)
            applications[name] = replace(applications[name], next_unit=following)
    machines = [int(planner.host_of(each.machine)) + 1 for each in state.containers]
    return replace(state, applications=applications, next_machine=max([state.next_machine, *machines]), placed=placed)


def for_planner(state: State) -> planner.Model:
    """In the terms in which a bundle is compared with it. What is leaving is not there any more."""
    return planner.Model(
        applications={
            name: planner.Deployed(
                charm=each.charm,
                series=each.series,
                channel=each.channel,
                revision=each.revision,
                bindings=each.bindings,
                units=tuple(
                    planner.Unit(number_of(unit), container.machine)
                    for unit, _record, container in state.units_of(name)
                ),
                options=each.options,
                annotations=each.annotations,
                constraints=each.constraints,
                exposed=each.exposed,
                exposed_endpoints={endpoint: tuple(cidrs) for endpoint, cidrs in each.exposed_endpoints.items()},
                subordinate=each.subordinate,
                storage=each.storage,
            )
            for name, each in state.applications.items()
            if not each.leaving
        },
        machines={number: each.annotations for number, each in state.machines.items()},
        relations=staying_relations(state),
        next_numbers={name: each.next_unit for name, each in state.applications.items()},
        next_machine=state.next_machine,
        bundle_numbers={number: each.bundle for number, each in state.machines.items() if each.bundle},
        machine_series={number: each.series for number, each in state.machines.items()},
    )


def staying_relations(state: State) -> tuple[tuple[str, str], ...]:
    """Those of applications that stay."""
    leaving = {name for name, each in state.applications.items() if each.leaving}
    return tuple(pair for pair in state.relations if leaving.isdisjoint(end.partition(":")[0] for end in pair))


def to_json(state: State) -> str:
    """What is kept in the project."""
    content = {
        "applications": {name: _short(each) for name, each in state.applications.items()},
        "relations": state.relations,
        "machines": {number: _short(each) for number, each in state.machines.items()},
        "next_machine": state.next_machine,
        "settings": _short(state.settings),
        "leaving": sorted(state.leaving),
        "keeping": sorted(state.keeping),
        "remotes": state.remotes,
        "ends": state.ends,
        "placed": state.placed,
        "removed": state.removed,
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def from_json(name: str, text: str) -> State:
    """Without containers. Raises InvalidInput for what this collection has not written."""
    try:
        content = json.loads(text)
        applications = {key: _made(Application, each) for key, each in content["applications"].items()}
        return State(
            name=name,
            remotes=tuple(content["remotes"]),
            applications={
                key: _with_endpoints(each, content["applications"][key].get("endpoints") or {})
                for key, each in applications.items()
            },
            relations=tuple((first, second) for first, second in content["relations"]),
            machines={number: _made(Machine, each) for number, each in content["machines"].items()},
            next_machine=int(content["next_machine"]),
            settings=_made(Settings, content["settings"]),
            leaving=frozenset(content["leaving"]),
            keeping=frozenset(content.get("keeping", ())),
            ends=bool(content["ends"]),
            placed=dict(content.get("placed") or {}),
            removed={key: int(each) for key, each in (content.get("removed") or {}).items()},
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidInput(
            f"what project {name} keeps of its model in {MODEL_KEY} is not understood: it was changed by hand, or written by"
            " a newer version of this collection"
        ) from error


def _with_endpoints(application: Application, endpoints: Mapping[str, Any]) -> Application:
    return replace(application, endpoints={name: _made(Endpoint, each) for name, each in endpoints.items()})


def _made(kind: type[_T], content: Mapping[str, Any]) -> _T:
    known = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    return kind(**{key: value for key, value in content.items() if key in known})


def _short(part: Any) -> dict[str, Any]:
    """Without what is as it is anyway."""
    usual = {
        one.name: one.default_factory() if one.default_factory is not MISSING else one.default for one in fields(part)
    }
    return {key: value for key, value in asdict(part).items() if value != usual[key]}
