# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which machine of a model stands for which of the bundle, when a bundle is deployed again."""

from __future__ import annotations

from .bundle import Bundle
from .model import Model, Unit, host_of
from .names import natural
from .placement import parse


def matched(bundle: Bundle, model: Model) -> dict[str, str]:
    """Machines of the model by the number that the bundle has for them.

    A machine of the same number is taken first, where a unit that the bundle places there stands. Else it is the machine of
    the first unit that is not taken yet, of an application that is placed there.
    """
    found: dict[str, str] = {}
    units = {name: model.units(name) for name in bundle.applications}
    placements = {name: _unmatched(name, bundle, model, found, units[name]) for name in sorted(bundle.applications)}
    same = set(found.values())
    for number in sorted(bundle.machines, key=natural):
        for name in sorted(bundle.applications) if number not in found else ():
            if number not in placements[name] or not units[name]:
                continue
            machine = host_of(units[name][0].machine)
            if machine not in same:
                found[number] = machine
                del units[name][0]
                break
    return found


def _unmatched(name: str, bundle: Bundle, model: Model, found: dict[str, str], units: list[Unit]) -> set[str]:
    """Matches machines of the same number; returns the bundle's machines of the placements that are left."""
    left = set()
    for text in bundle.applications[name].to:
        placement = parse(text)
        if placement is None or not placement.machine:
            continue
        unit = model.unit_on(placement.machine, name, placement.container)
        if placement.machine in found or unit is None:
            left.add(placement.machine)
            continue
        found[placement.machine] = placement.machine
        units.remove(unit)
    return left
