# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which user of the host a user of a classic container is: ``lxc.idmap``.

Source: lxc.container.conf(5), "User namespaces".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .._api.errors import InvalidInput
from .configuration import Entry

_KINDS = {"u": "uid", "g": "gid"}


@dataclass(frozen=True)
class Range:
    """So many numbers from inside on are, on the host, those from outside on."""

    kind: str
    inside: int
    outside: int
    size: int


@dataclass(frozen=True)
class IdMap:
    """Nothing in it: the numbers are the host's, and the container is privileged."""

    ranges: tuple[Range, ...] = ()

    @classmethod
    def parse(cls, entries: Iterable[Entry]) -> IdMap:
        """Raises InvalidInput for a line that is not understood."""
        ranges: list[Range] = []
        for entry in entries:
            if entry.key != "lxc.idmap":
                continue
            fields = entry.value.split()
            if len(fields) != 4 or fields[0] not in _KINDS or not all(field.isdigit() for field in fields[1:]):
                raise InvalidInput(
                    f"lxc.idmap = {entry.value} ({entry.where}) is not understood: it is u or g, and three numbers"
                )
            inside, outside, size = map(int, fields[1:])
            ranges.append(Range(_KINDS[fields[0]], inside, outside, size))
        return cls(tuple(ranges))

    @property
    def is_empty(self) -> bool:
        return not self.ranges

    def inside(self, kind: str, outside: int) -> int | None:
        """The container's number (kind: ``uid``, ``gid``) for one of the host; None: it has none for it."""
        if self.is_empty:
            return outside
        for each in self.ranges:
            if each.kind == kind and each.outside <= outside < each.outside + each.size:
                return outside - each.outside + each.inside
        return None

    def shared(self) -> list[str]:
        """Lines for ``raw.idmap``: numbers that are on purpose the same inside and outside, as of a shared directory."""
        return [
            f"{each.kind} {_span(each.outside, each.size)} {_span(each.inside, each.size)}"
            for each in self.ranges
            if each.inside == each.outside
        ]


def _span(first: int, size: int) -> str:
    return str(first) if size == 1 else f"{first}-{first + size - 1}"
