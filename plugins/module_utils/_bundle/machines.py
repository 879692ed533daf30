# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which machine of a model stands for which of the bundle, when a bundle is deployed again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Callable

from .._api.errors import InvalidInput
from .bundle import Bundle
from .findings import quoted
from .model import Model, Unit, container_kind, host_of
from .names import NUMBER, natural
from .placement import Placement, parse

EXISTING = "existing"
_PAIR = re.compile(f"({NUMBER})=({NUMBER})")


@dataclass(frozen=True)
class MachineMap:
    """What the user says, as with Juju's ``--map-machines``. numbers: of the model's machine by the bundle's number for it.

    existing: machines of the bundle are those of the same number, as far as the model has them.
    """

    existing: bool = False
    numbers: Mapping[str, str] = field(default_factory=dict)

    def matches(self, bundle: Bundle, model: Model) -> dict[str, str]:
        """Raises InvalidInput for a machine that is not there."""
        for number, there in self.numbers.items():
            _check(number, bundle.machines, "the bundle")
            _check(there, model.machines, "the model")
        same = {number: number for number in bundle.machines if self.existing and number in model.machines}
        return {**same, **self.numbers}


NO_MAP = MachineMap()


def parse_map(texts: Iterable[str]) -> MachineMap:
    """``["existing", "0=3"]``. Raises InvalidInput for what is neither."""
    numbers: dict[str, str] = {}
    existing = False
    for text in texts:
        pair = _PAIR.fullmatch(text)
        if text == EXISTING:
            existing = True
        elif pair is None:
            raise InvalidInput(
                f"map_machines: {quoted(text)} is neither existing nor a pair of numbers, 0=3 for machine 0 of the bundle and"
                " machine 3 of the model"
            )
        elif numbers.setdefault(pair[1], pair[2]) != pair[2]:
            raise InvalidInput(
                f"map_machines: machine {pair[1]} of the bundle is to be both {numbers[pair[1]]} and {pair[2]}"
            )
    return MachineMap(existing, numbers)


def matched(bundle: Bundle, model: Model, said: MachineMap) -> dict[str, str]:
    """Machines of the model by the number that the bundle has for them.

    What the user says comes first. Then it is the machine that was made for this number, and after that the one of the same
    number, where a unit that the bundle places there stands; then that of the unit at the same place in the list, of an
    application that has as many as the list. Else it is the machine of the first unit that is not taken yet, of an
    application that is placed there.
    """
    matching = _Matching(bundle, model, said.matches(bundle, model))
    often = Counter(model.bundle_numbers.values())
    made = {number: there for there, number in model.bundle_numbers.items() if often[number] == 1}
    matching.by_number(lambda number: made.get(number, ""))
    matching.by_number(lambda number: number)
    matching.by_place_in_list()
    matching.by_units()
    return matching.found


class _Matching:
    def __init__(self, bundle: Bundle, model: Model, found: dict[str, str]) -> None:
        self.found = found
        self._bundle = bundle
        self._model = model
        self._taken = set(found.values())
        # Those that are not taken, by their numbers.
        self._units: dict[str, dict[int, Unit]] = {
            name: {unit.number: unit for unit in model.units(name) if host_of(unit.machine) not in self._taken}
            for name in bundle.applications
        }
        self._to: dict[str, list[Placement | None]] = {
            name: [parse(text) for text in each.to] for name, each in bundle.applications.items()
        }
        self._placements: dict[str, list[Placement]] = {
            name: [placement for placement in to if placement is not None and placement.machine]
            for name, to in self._to.items()
        }

    def by_number(self, candidate: Callable[[str], str]) -> None:
        for name, placement in self._left():
            there = candidate(placement.machine)
            unit = self._model.unit_on(there, name, placement.container)
            if unit is not None:
                self._take(placement, there, name, unit)

    def by_place_in_list(self) -> None:
        for name, placement in self._left():
            to, units = self._to[name], self._model.units(name)
            for each, unit in zip(to, units) if len(to) == len(units) else ():
                if each == placement and container_kind(unit.machine) == placement.container:
                    self._take(placement, host_of(unit.machine), name, unit)

    def _left(self) -> Iterator[tuple[str, Placement]]:
        for name in sorted(self._placements):
            for placement in self._placements[name]:
                if placement.machine not in self.found:
                    yield name, placement

    def _take(self, placement: Placement, there: str, name: str, unit: Unit) -> None:
        if placement.machine not in self.found and there not in self._taken:
            self.found[placement.machine] = there
            self._taken.add(there)
            del self._units[name][unit.number]

    def by_units(self) -> None:
        names: dict[str, list[str]] = {}
        for name in sorted(self._placements):
            for machine in {placement.machine for placement in self._placements[name]}:
                names.setdefault(machine, []).append(name)
        for number in sorted(self._bundle.machines, key=natural):
            for name in names.get(number, ()) if number not in self.found else ():
                first = next(iter(self._units[name].values()), None)
                if first is not None and host_of(first.machine) not in self._taken:
                    self.found[number] = host_of(first.machine)
                    del self._units[name][first.number]
                    break


def _check(number: str, known: Iterable[str], whose: str) -> None:
    known = sorted(known, key=natural)
    if number not in known:
        raise InvalidInput(f"map_machines: {whose} has no machine {number}: it has {', '.join(known) or 'none'}")
