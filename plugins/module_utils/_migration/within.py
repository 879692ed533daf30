# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container that stays in its project and goes to another storage pool, or to another member of the cluster.

Two containers of one name there cannot be, so what arrives has a provisional name until the one it replaces is gone. The
servers have a request that does all of it at once. It is not used, for it compares nothing before it deletes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .._api.client import path
from .._api.deadline import Deadline
from .._resources.root import root_disk
from . import mark as marks
from .end import End, Seen, view
from .journey import Options, Report
from .mark import Mark
from .server_journey import ServerMigration

_PREFIX = "arriving-"
_LONGEST_NAME = 63


def provisional(name: str) -> str:
    """What a container is called until it can have its name."""
    if len(_PREFIX + name) <= _LONGEST_NAME:
        return _PREFIX + name
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{_PREFIX}{name[: _LONGEST_NAME - len(_PREFIX) - 13]}-{digest}"


class Goal:
    """Where the container is to be. pool, member: None if it does not matter; a member may be ``@group``."""

    def __init__(self, end: End, pool: str | None, member: str | None) -> None:
        self._end = end
        self._pool = pool
        self._member = member

    def __str__(self) -> str:
        named = {"storage pool": self._pool, "member": self._member}
        return ", ".join(f"{what} {name}" for what, name in named.items() if name)

    def is_reached(self, content: Mapping[str, Any]) -> bool:
        pool = root_disk(content.get("expanded_devices") or {})[1].get("pool")
        return self._pool in (None, pool) and (self._member is None or content.get("location") in self._members())

    def _members(self) -> list[str]:
        name = str(self._member)
        if not name.startswith("@"):
            return [name]
        doing = f"read cluster group {name[1:]}"
        return list(
            self._end.client.get(path("cluster", "groups", name[1:]), doing=doing).metadata.get("members") or ()
        )


class Leaving(End):
    """The container as long as it is not where it is to be."""

    def __init__(self, end: End, goal: Goal) -> None:
        super().__init__(end.client, end.name)
        self._goal = goal
        self._successor = End(end.client, provisional(end.name))

    def look(self) -> Seen | None:
        seen = super().look()
        if seen is None or has_arrived(seen):
            return None
        if not seen.config.get(marks.KEY) and self._goal.is_reached(seen.content) and self._successor.look() is None:
            return None
        return seen


class Arriving(End):
    """The container where it is to be, by its provisional name, or by its own once nothing else has that."""

    def __init__(self, end: End, goal: Goal) -> None:
        super().__init__(end.client, provisional(end.name))
        self._goal = goal
        self._home = end

    def look(self) -> Seen | None:
        self.name = provisional(self._home.name)
        seen = super().look()
        if seen is not None:
            return seen
        seen = self._home.look()
        if seen is None or not (has_arrived(seen) or self._is_done(seen)):
            return None
        self.name = self._home.name
        return seen

    def _is_done(self, seen: Seen) -> bool:
        return not seen.config.get(marks.KEY) and self._goal.is_reached(seen.content)


def has_arrived(seen: Seen) -> bool:
    """Whether it is not the one that leaves, whose mark says no such thing, but the one in its place."""
    return view(seen).phase == marks.VERIFIED


class WithinMigration(ServerMigration):
    """source: its place is the one it is to have again."""

    def __init__(self, source: End, options: Options, report: Report | None = None) -> None:
        goal = Goal(source, options.changes.pool, options.target)
        super().__init__(
            Leaving(source, goal), Arriving(source, goal), options, report or Report(source.name, source.name)
        )
        self._home = source
        self._goal = goal
        self._journey = replace(
            self._journey, destination=f"{self._journey.destination} ({goal})", home=source.name, live=False
        )

    @property
    def _destination(self) -> str:
        return str(self._goal)

    def _require_two_places(self) -> None:
        """It is the same place, in another pool or on another member."""

    def _objections(self, source: Seen) -> list[str]:
        found = super()._objections(source)
        if source.content.get("stateful") or self.options.running == "stateful":
            found.append(
                "the saved state of its processes does not go along to another pool or member: start it first, or say"
                " running: move"
            )
        return found

    def _settle(self, body: Mapping[str, Any], mark: Mark, deadline: Deadline) -> None:
        """It must not be started by a server that is restarted, until it has its name."""
        config = body["config"]
        mark = replace(mark, autostart=config.get(marks.AUTOSTART, ""))
        super()._settle({**body, "config": {**config, marks.AUTOSTART: "false"}}, mark, deadline)

    def _arrived(self, target: Seen) -> dict[str, Any]:
        return {**target.content, "config": marks.before(target.config)}

    def _unmark(self, target: Seen, deadline: Deadline) -> None:
        mark = view(target).mark
        if mark:
            self.target.unmark_as_source(mark, deadline)

    def _places(self, target: Seen | None) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"place": str(self._home)}, {"place": f"{self._home}, {self._goal}"}
