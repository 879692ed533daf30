# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan in the making: what it is made from, and its changes while they are thought of."""

from __future__ import annotations

from collections import deque

from .bundle import Bundle
from .changes import Change
from .machines import MachineMap, matched
from .model import Model, Numbers


class Draft:
    """Changes by a number each, in the order they were thought of, with the numbers of what each requires.

    By the bundle's names: matched has the machines that are there already; deployed and machines, the changes that make
    applications and machines.
    """

    def __init__(self, bundle: Bundle, model: Model, machine_map: MachineMap) -> None:
        self.bundle = bundle
        self.model = model
        self.numbers = Numbers(model)
        self.matched = matched(bundle, model, machine_map)
        self.deployed: dict[str, int] = {}
        self.machines: dict[str, int] = {}
        self.changes: list[Change] = []
        self.requires: list[list[int]] = []

    def add(self, change: Change, *requires: int) -> int:
        """Returns its number."""
        self.changes.append(change)
        self.requires.append(list(requires))
        return len(self.changes) - 1

    def ordered(self) -> list[Change]:
        """What a change requires comes before it. One that has to wait goes to the end of the line, as Juju does it."""
        waiting = deque(range(len(self.changes)))
        done: dict[int, Change] = {}
        while waiting:
            number = waiting.popleft()
            if all(each in done for each in self.requires[number]):
                done[number] = self.changes[number]
            else:
                waiting.append(number)
        return list(done.values())
