# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes while they are thought of, and their order: what a change requires comes before it."""

from __future__ import annotations

from collections import deque

from .changes import Change


class Draft:
    """Changes by a number each, in the order they were thought of, with the numbers of what each requires."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.requires: list[list[int]] = []

    def add(self, change: Change, *requires: int) -> int:
        """Returns its number."""
        self.changes.append(change)
        self.requires.append(list(requires))
        return len(self.changes) - 1

    def is_required(self, number: int) -> bool:
        return any(number in requires for requires in self.requires)

    def ordered(self) -> list[Change]:
        """As they were thought of; one that has to wait goes to the end of the line, as Juju does it."""
        waiting = deque(range(len(self.changes)))
        done: dict[int, Change] = {}
        while waiting:
            number = waiting.popleft()
            if all(each in done for each in self.requires[number]):
                done[number] = self.changes[number]
            else:
                waiting.append(number)
        return list(done.values())
