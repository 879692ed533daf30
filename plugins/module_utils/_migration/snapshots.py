# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a container's snapshots the target can take, and how their config keys and profiles have to change for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
    """How keys and profiles of a snapshot of the source are called at the target.

    dropped: keys that are left behind; profiles: old name to new, None for none. The servers keep no profiles with a
    snapshot: it has those of its container.
    """

    source: Server
    target: Server
    dropped: frozenset[str] = frozenset()
    profiles: Mapping[str, str | None] = field(default_factory=dict)

    def key(self, name: str) -> str | None:
        if name in self.dropped or not knows_volatile(self.target, name):
            return None
        return other_name(name, self.source.kind, self.target.kind)

    def profile(self, name: str) -> str | None:
        return self.profiles.get(name, name)

    def of(self, snapshot: Mapping[str, Any]) -> dict[str, Any]:
        """The snapshot as it is to be at the target."""
        config = {name: value for key, value in _config(snapshot).items() if (name := self.key(key)) is not None}
        profiles = [name for profile in _profiles(snapshot) if (name := self.profile(profile))]
        return {**snapshot, "config": config, "profiles": profiles}

    def is_needed(self, snapshots: Sequence[Mapping[str, Any]]) -> bool:
        """Whether the target would refuse one of them as it is."""
        keys = {key for one in snapshots for key in _config(one)}
        profiles = {name for one in snapshots for name in _profiles(one)}
        return any(self.key(key) != key for key in keys) or any(self.profile(name) != name for name in profiles)

    def expected(self, seen: Seen) -> list[dict[str, Any]]:
        """The snapshots as they are to be at the target."""
        return [self.of(one) for one in seen.snapshots]


def _config(snapshot: Mapping[str, Any]) -> Mapping[str, str]:
    return snapshot.get("config") or {}


def _profiles(snapshot: Mapping[str, Any]) -> Sequence[str]:
    return snapshot.get("profiles") or ()
