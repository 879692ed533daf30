# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is broken: every mode of a migration, of a container at rest, one that runs and one that goes alive, by every way."""

from __future__ import annotations

from dataclasses import dataclass

STOPPED, RUNNING, LIVE = "stopped", "running", "live"
MOVE, COPY, REFRESH = "move", "copy", "refresh"
WAYS = ("pull", "push", "relay")

_PAIRS = (("lxd-a", "lxd-b"), ("incus-a", "incus-b"), ("lxd-a", "incus-a"), ("incus-a", "lxd-a"))


@dataclass(frozen=True)
class Flow:
    """mode and way as the module has them; state: of the source, where LIVE is one that runs and is not to be stopped."""

    mode: str
    state: str
    way: str

    @property
    def kind(self) -> str:
        return f"{self.mode} {self.state}"

    @property
    def title(self) -> str:
        return f"{self.kind}, {self.way}"

    @property
    def is_up(self) -> bool:
        return self.state != STOPPED

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Between which servers it is possible: LXD 5.0 moves nothing alive."""
        return _PAIRS[1:2] if self.state == LIVE else _PAIRS

    def takes_snapshots(self, pair: tuple[str, str]) -> bool:
        """Those of Incus have notes that LXD 5.0 refuses, and only a relay can leave them out."""
        return self.way == "relay" or pair != _PAIRS[-1]


ALL = tuple(
    Flow(mode, state, way)
    for mode, states in ((MOVE, (STOPPED, RUNNING, LIVE)), (COPY, (RUNNING,)), (REFRESH, (RUNNING,)))
    for state in states
    for way in WAYS
)
