# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a container's snapshots the target can take, and how their config keys have to change for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._api.server import Server
from .end import Seen
from .known_keys import knows_volatile
from .translate import other_name


def short_name(snapshot: Mapping[str, Any]) -> str:
    """Its name alone: old servers give CONTAINER/SNAPSHOT."""
    return str(snapshot["name"]).rpartition("/")[2]


def size(snapshots: Sequence[Mapping[str, Any]]) -> int:
    """Bytes that they take besides the container, as far as its server can tell (it says -1 or nothing where it cannot)."""
    return sum(max(0, int(one.get("size") or 0)) for one in snapshots)


@dataclass(frozen=True)
class Adaptation:
    """How a key of a snapshot of the source is called at the target. dropped: keys that are left behind."""

    source: Server
    target: Server
    dropped: frozenset[str] = frozenset()

    def __call__(self, key: str) -> str | None:
        if key in self.dropped or not knows_volatile(self.target, key):
            return None
        return other_name(key, self.source.kind, self.target.kind)

    def config(self, config: Mapping[str, str]) -> dict[str, str]:
        return {name: value for key, value in config.items() if (name := self(key)) is not None}

    def is_needed(self, snapshots: Sequence[Mapping[str, Any]]) -> bool:
        """Whether the target would refuse one of them as it is."""
        return any(self(key) != key for one in snapshots for key in one.get("config") or {})

    def expected(self, seen: Seen) -> list[dict[str, Any]]:
        """The snapshots as they are to be at the target."""
        return [{**one, "config": self.config(one.get("config") or {})} for one in seen.snapshots]
