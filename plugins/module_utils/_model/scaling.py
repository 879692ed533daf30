# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""More or fewer units of what is deployed, without a bundle. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .._api.errors import InvalidInput
from .._bundle.changes import AddUnit, Change, Expose, Unexpose
from .._bundle.model import Numbers
from .._bundle.names import APPLICATION, NUMBER
from . import removal
from .state import Application, State, for_planner


@dataclass(frozen=True)
class Scaling:
    """units: how many, by application. expose and unexpose: applications. without_…: what is to go. ends: all of it is.
    keep_storage: of what goes.
    """

    units: Mapping[str, Any] = field(default_factory=dict)
    expose: Sequence[str] = ()
    unexpose: Sequence[str] = ()
    without_units: Sequence[str] = ()
    without_applications: Sequence[str] = ()
    ends: bool = False
    keep_storage: bool = False

    def plan(self, state: State) -> tuple[list[Change], State]:
        """The units to be added, and the state with those marked that are to leave. Raises InvalidInput."""
        for unit in self.without_units:
            if not re.fullmatch(rf"{APPLICATION}/{NUMBER}", unit):
                raise InvalidInput(f"{unit} is not the name of a unit: they are called like api/1")
        units, applications = removal.still_there(state, self.without_units, self.without_applications)
        if self.ends:
            applications = list(state.applications)
        changes: list[Change] = []
        numbers = Numbers(for_planner(state))
        for name, wanted in self.units.items():
            count = _count(state, name, wanted)
            units += removal.to_scale_down(state, name, count)
            for _missing in range(count - len(state.units_of(name))):
                changes.append(AddUnit(name, numbers.unit(name), numbers.machine(), makes_machine=True))
        changes += self._exposing(state)
        after = removal.leave(state, units, applications, keep_storage=self.keep_storage)
        return changes, replace(after, ends=state.ends or self.ends)

    def _exposing(self, state: State) -> list[Change]:
        both = sorted({*self.expose} & {*self.unexpose})
        if both:
            raise InvalidInput(f"expose and unexpose both name {', '.join(both)}")
        opening = {name: _staying(state, name, "expose") for name in self.expose}
        closing = {name: _staying(state, name, "unexpose") for name in self.unexpose}
        return [
            *(Expose(name, {}) for name, each in opening.items() if not each.exposed or each.exposed_endpoints),
            *(Unexpose(name) for name, each in closing.items() if each.exposed),
        ]


def _staying(state: State, name: str, doing: str) -> Application:
    application = state.applications.get(name)
    if application is None or application.leaving:
        known = ", ".join(sorted(each for each, other in state.applications.items() if not other.leaving)) or "none"
        if application is not None:
            raise InvalidInput(
                f"application {name} of model {state.name} is being removed, and not there to {doing}: what stays is {known}"
            )
        raise InvalidInput(f"model {state.name} has no application {name} to {doing}: it has {known}")
    return application


def _count(state: State, name: str, wanted: Any) -> int:
    application = _staying(state, name, "scale")
    if application.subordinate:
        raise InvalidInput(f"application {name} is subordinate: it has a unit beside each unit that it is related to")
    text = str(wanted)
    if isinstance(wanted, bool) or not text.isdecimal():
        raise InvalidInput(f"application {name} is to have {text} units, which is no number of units")
    return int(text)
