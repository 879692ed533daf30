# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the containers listed become hosts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from .container import Container

# A container says by itself, through its guest API, that it has become ready: it runs all the same.
_RUNNING = {"running", "ready"}


@dataclass(frozen=True)
class Selection:
    """What is asked for; nothing asked for is everything. states in lower case, names as shell patterns."""

    states: Sequence[str] = ()
    types: Sequence[str] = ()
    names: Sequence[str] = ()

    def takes(self, one: Container) -> bool:
        status = one.status.lower()
        state = "running" if status in _RUNNING else status
        return (
            (not self.states or state in self.states)
            and (not self.types or one.type in self.types)
            and (not self.names or any(fnmatchcase(one.name, pattern) for pattern in self.names))
        )
