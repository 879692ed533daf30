# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan is made of. The texts are Juju's, but that a role plays the charm and no store has it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .bundle import Application, ExposedEndpoint
from .endpoints import End


class Change(ABC):
    @property
    @abstractmethod
    def text(self) -> str:
        """What a person reads of it, usually one line."""


@dataclass(frozen=True)
class AddCharm(Change):
    charm: str
    role: str
    series: str

    @property
    def text(self) -> str:
        return f"use role {self.role} as charm {self.charm}{_for_series(self.series)}"


@dataclass(frozen=True)
class Deploy(Change):
    """charm: its name. application: with all that the bundle says of it."""

    application: Application
    charm: str
    series: str

    @property
    def text(self) -> str:
        series = f" on {self.series}" if self.series else ""
        using = f" using {self.charm}" if self.charm != self.application.name else ""
        return f"deploy application {self.application.name}{series}{using}"


@dataclass(frozen=True)
class UpgradeCharm(Change):
    application: Application
    charm: str
    series: str

    @property
    def text(self) -> str:
        return f"upgrade {self.application.name} using charm {self.charm}{_for_series(self.series)}"


@dataclass(frozen=True)
class SetOrigin(Change):
    """What would choose a charm in a store, and networks: nothing here, but what is made of the model says it again.

    channel: empty and revision: None where they stay; bindings: those that change.
    """

    application: str
    channel: str
    revision: int | None
    bindings: Mapping[str, str]

    @property
    def text(self) -> str:
        parts = [("channel", self.channel), ("revision", self.revision is not None), ("bindings", self.bindings)]
        return f"take down {', '.join(name for name, value in parts if value)} of {self.application}"


@dataclass(frozen=True)
class Expose(Change):
    """endpoints: an empty name stands for all of them; none at all opens all of them to everyone."""

    application: str
    endpoints: Mapping[str, ExposedEndpoint]

    @property
    def text(self) -> str:
        if not self.endpoints:
            return f"expose all endpoints of {self.application} and allow access from {_EVERYWHERE}"
        alike: dict[str, list[str]] = {}
        for name in sorted(self.endpoints):
            # What holds for all is a line of its own.
            alike.setdefault(_from(self.endpoints[name]) if name else "", []).append(name)
        return "\n".join(self._exposing(names) for names in alike.values())

    def _exposing(self, names: list[str]) -> str:
        what = "expose all endpoints"
        if names[0]:
            what = f"override expose settings for endpoint{'s' if len(names) > 1 else ''} {','.join(names)}"
        return f"{what} of {self.application} and allow access from {_from(self.endpoints[names[0]])}"


@dataclass(frozen=True)
class Unexpose(Change):
    """No plan for a bundle has it: as in Juju, leaving ``expose`` out closes nothing."""

    application: str

    @property
    def text(self) -> str:
        return f"unexpose application {self.application}"


@dataclass(frozen=True)
class SetAnnotations(Change):
    """target: an application, or ``new machine 0``; annotations: those that change."""

    target: str
    annotations: Mapping[str, str]

    @property
    def text(self) -> str:
        return f"set annotations for {self.target}"


@dataclass(frozen=True)
class SetOptions(Change):
    """options: those that change."""

    application: str
    options: Mapping[str, Any]

    @property
    def text(self) -> str:
        return f"set application options for {self.application}"


@dataclass(frozen=True)
class SetConstraints(Change):
    application: str
    constraints: str

    @property
    def text(self) -> str:
        return f'set constraints for {self.application} to "{self.constraints}"'


@dataclass(frozen=True)
class AddMachine(Change):
    """A machine, or a container on one. machine: the number of the machine in either case.

    bundle_machine: its number in the bundle, if it is there. container: ``0/lxd/0``, or empty; existing: its machine is there
    already.
    """

    machine: str
    constraints: str
    series: str
    bundle_machine: str = ""
    container: str = ""
    existing: bool = False

    @property
    def text(self) -> str:
        machine = f"{'existing' if self.existing else 'new'} machine {self.machine}"
        if self.bundle_machine not in ("", self.machine):
            machine += f" (bundle machine {self.bundle_machine})"
        if self.container:
            return f"add {self.container.split('/')[1]} container {self.container} on {machine}"
        return f"add {machine}"


@dataclass(frozen=True)
class AddRelation(Change):
    """ends: with the endpoints that the charms have for it. said: as the bundle has it."""

    ends: tuple[End, End]
    said: tuple[str, str]

    @property
    def text(self) -> str:
        return f"add relation {self.said[0]} - {self.said[1]}"


@dataclass(frozen=True)
class AddUnit(Change):
    """machine: a number, or ``0/lxd/0``. existing: it is there already.

    makes_machine: no other change makes it. directive: the placement that this satisfies, if that is worth telling.
    """

    application: str
    number: int
    machine: str = ""
    existing: bool = False
    makes_machine: bool = False
    directive: str = ""

    @property
    def text(self) -> str:
        where = f"{'existing' if self.existing else 'new'} machine {self.machine}"
        if "/" in self.machine and not self.existing:
            where = self.machine
        why = f" to satisfy [{self.directive}]" if self.directive else ""
        return f"add unit {self.application}/{self.number} to {where}{why}"


_EVERYWHERE = "CIDRs 0.0.0.0/0 and ::/0"


def _for_series(series: str) -> str:
    return f" for series {series}" if series else ""


def _from(exposed: ExposedEndpoint) -> str:
    parts = [
        f"{noun}{'s' if len(values) > 1 else ''} {','.join(sorted(values))}"
        for noun, values in (("space", exposed.expose_to_spaces), ("CIDR", exposed.expose_to_cidrs))
        if values
    ]
    return " and ".join(parts) or _EVERYWHERE
