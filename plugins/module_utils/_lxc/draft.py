# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container of LXD or Incus in the making, out of the lines of a classic one's configuration."""

from __future__ import annotations

from dataclasses import dataclass, field

from .configuration import Entry


@dataclass(frozen=True)
class Lost:
    """What has no counterpart, by its key; reason: the line, where it is, and why."""

    key: str
    reason: str


@dataclass
class Draft:
    """What has been translated so far.

    config, devices: as in the API; raw: lines of LXC's own that the servers take as they are (``raw.lxc``); lost: what has no
    counterpart; notes: what is still to be known, and changes nothing in the container.
    """

    name: str
    rootfs: str
    config: dict[str, str] = field(default_factory=dict)
    devices: dict[str, dict[str, str]] = field(default_factory=dict)
    raw: list[str] = field(default_factory=list)
    architecture: str = ""
    ephemeral: bool = False
    lost: list[Lost] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def lose(self, entry: Entry, reason: str = "neither LXD nor Incus has anything like it") -> None:
        self.lost.append(Lost(entry.key, f"{entry.key} = {entry.value} ({entry.where}): {reason}"))

    def keep_raw(self, entry: Entry) -> None:
        self.raw.append(f"{entry.key} = {entry.value}")
