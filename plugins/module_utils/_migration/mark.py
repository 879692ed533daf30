# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a migration writes on a container, so that whoever finds it later knows what it is.

Both ends bear the same key in their config. The mark on the target comes with the request that creates it, so there is no
moment at which a half container is not known for one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

KEY = "user.flotilla.migration"
# While it is marked, a server that is restarted must not start a source that waits, nor a half.
AUTOSTART = "boot.autostart"
# Stays on a copy: only what says that it is a copy of the source is ever brought up to date from it.
COPY_OF = "user.flotilla.copy_of"

# How far the target is. Nothing but a finished request of ours takes it from one to the next.
COPYING = "copying"  # being made: a half
REFRESHING = "refreshing"  # a copy that is being brought up to date: neither the old one nor the new
ARRIVED = "arrived"  # all of it is there
VERIFIED = "verified"  # and it has been compared with the source


@dataclass(frozen=True)
class Place:
    """A container of this name in this project of this server, known by the fingerprint of its certificate."""

    server: str
    project: str
    name: str

    def __str__(self) -> str:
        return f"{self.server}/{self.project}/{self.name}"


@dataclass(frozen=True)
class Mark:
    """id: of this one migration; origin, destination: its places as text; was: the run state the container had before;
    live: it is moved while it runs; autostart: what the source's own config said of that before.
    """

    id: str
    origin: str
    destination: str
    mode: str
    phase: str
    was: str
    live: bool = False
    autostart: str = ""

    def at(self, phase: str) -> Mark:
        return replace(self, phase=phase)

    def text(self) -> str:
        content = {
            "id": self.id,
            "from": self.origin,
            "to": self.destination,
            "mode": self.mode,
            "phase": self.phase,
            "was": self.was,
            "live": self.live,
            "autostart": self.autostart,
        }
        return json.dumps(content, separators=(",", ":"))


def read(config: Mapping[str, Any]) -> Mark | None:
    """The mark in a container's config. One that cannot be read is somebody else's: it belongs to no migration of ours."""
    text = config.get(KEY)
    if not text:
        return None
    try:
        content = json.loads(text)
        number, origin, destination, mode, phase, was = (
            str(content[key]) for key in ("id", "from", "to", "mode", "phase", "was")
        )
        autostart = str(content.get("autostart") or "")
        return Mark(number, origin, destination, mode, phase, was, content.get("live") is True, autostart)
    except (ValueError, TypeError, KeyError):
        return Mark("", "", "", "", "", "")


def before(config: Mapping[str, str]) -> dict[str, str]:
    """The config of a source as it was before it was marked."""
    mark = read(config)
    changed = {AUTOSTART: mark.autostart} if mark else {}
    return {key: value for key, value in {**config, **changed}.items() if value and key != KEY}
