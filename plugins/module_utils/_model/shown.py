# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the units of an application show to others. Pure.

In a model of hundreds of units each of them is looked at by hundreds of others: what all of these see alike is made once
for them, and its digest too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any

from .record import UnitRecord

Entry = Mapping[str, Any]


def digest_of(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class Listing:
    """Units as others see them, in order: maps with ``name``, which whoever gets them leaves as they are."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = tuple(entries)

    def but(self, unit: str) -> list[Entry]:
        """Without one that looks at the others; all of them for one that is not among them."""
        return [each for each in self._entries if each["name"] != unit]

    def digest(self, unit: str) -> str:
        """Of what but() returns, for a unit that stands where it does: there may be others before and after it."""
        place = self._places.get(unit)
        if place is None:
            return self._before[-1]
        return digest_of([self._before[place], self._after[place + 1]])

    @cached_property
    def _places(self) -> dict[str, int]:
        return {each["name"]: place for place, each in enumerate(self._entries)}

    @cached_property
    def _before(self) -> list[str]:
        """Digests of the first entries: of none, of one, of two."""
        return _chained(self._entries)

    @cached_property
    def _after(self) -> list[str]:
        """Digests of the entries from each one on; at last of none."""
        return _chained(self._entries[::-1])[::-1]


class Shown:
    """What an application's units show. units: with their addresses, the leader first."""

    def __init__(self, units: Sequence[tuple[str, UnitRecord, str]]) -> None:
        self._units = units
        self._at: dict[str, Listing] = {}
        self._as_peers: dict[tuple[str, ...], Listing] = {}

    def at(self, endpoint: str) -> Listing:
        """To those that are related to an endpoint."""
        if endpoint not in self._at:
            self._at[endpoint] = Listing(
                entry(unit, record, address, endpoint) for unit, record, address in self._units
            )
        return self._at[endpoint]

    def as_peers(self, endpoints: Sequence[str]) -> Listing:
        """To each other, by the endpoints that they have for that."""
        key = tuple(endpoints)
        if key not in self._as_peers:
            self._as_peers[key] = Listing(
                {
                    "name": unit,
                    "address": address,
                    "leader": place == 0,
                    "data": {name: value for endpoint in key for name, value in _bag(record, endpoint).items()},
                }
                for place, (unit, record, address) in enumerate(self._units)
            )
        return self._as_peers[key]

    def data(self, endpoint: str) -> dict[str, str]:
        """What the leader has published for all of the application."""
        return dict(self._units[0][1].application_data.get(endpoint) or {}) if self._units else {}


def entry(unit: str, record: UnitRecord, address: str, endpoint: str) -> Entry:
    """A unit for those that are related to an endpoint of its application."""
    return {"name": unit, "address": address, "data": _bag(record, endpoint)}


def _bag(record: UnitRecord, endpoint: str) -> dict[str, str]:
    return dict(record.relations.get(endpoint) or {})


def _chained(entries: Iterable[Entry]) -> list[str]:
    return list(accumulate(entries, lambda before, each: digest_of([before, each]), initial=""))
