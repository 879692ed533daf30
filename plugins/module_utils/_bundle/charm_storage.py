# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Storage as a charm declares it. Source: meta.go of Juju's charm library; what is not said is as in its state/storage.go."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from .._api.errors import InvalidInput
from .document import Value
from .findings import Findings, quoted
from .storage import Storage, parse_size, parse_storage

BLOCK, FILESYSTEM = "block", "filesystem"
_USUAL_SIZE = 1024


@dataclass(frozen=True)
class CharmStorage:
    """least, most: how many of it a unit has; most is None where there is no end. size: of each at least, in MiB."""

    kind: str
    location: str = ""
    least: int = 1
    most: int | None = 1
    size: int = 0
    shared: bool = False
    read_only: bool = False


def wanted(declared: CharmStorage, said: str | None) -> Storage:
    """What a unit gets. said: the bundle's text for it. Raises InvalidInput for one that cannot be understood."""
    asked = parse_storage(said) if said is not None else Storage(count=declared.least)
    return replace(asked, size=asked.size or declared.size or _USUAL_SIZE)


def read(name: str, value: Value, charm: str, findings: Findings) -> CharmStorage:
    """What an entry of a charm's storage says, with a problem for what it cannot say."""
    return _Reader(name, value.entries, charm, findings).storage(value)


class _Reader:
    def __init__(self, name: str, items: Mapping[str, Value], charm: str, findings: Findings) -> None:
        self._name = name
        self._items = items
        self._charm = charm
        self._findings = findings

    def storage(self, value: Value) -> CharmStorage:
        kind, location = self._items.get("type"), self._items.get("location")
        if kind is None or kind.data not in (BLOCK, FILESYSTEM):
            text = quoted(kind.text) if kind is not None else "nothing"
            place = value.at("type")
            self._findings.problem(f"metadata: storage.{self._name}.type: unexpected value {text}", place)
        elif location is not None and kind.data == BLOCK:
            self._refuse('location may not be specified for "type: block"', location)
        if location is not None and not location.text.startswith("/"):
            self._refuse(f"location {quoted(location.text)} is no absolute path", location)
        least, most = self._range()
        return CharmStorage(
            kind.text if kind is not None else "",
            location.text if location is not None else "",
            least,
            most,
            self._size(),
            self._flag("shared"),
            self._flag("read-only"),
        )

    def _range(self) -> tuple[int, int | None]:
        multiple = self._items.get("multiple")
        counted = multiple.entries.get("range") if multiple is not None else None
        if counted is None:
            return 1, 1
        match = re.fullmatch(r"(-?\d+)(?:-(\d+)|(\+))?", counted.text)
        where = f"metadata: storage.{self._name}.multiple.range"
        if match is None:
            text = f"{where}: value {quoted(counted.text)} does not match 'm', 'm-n', or 'm+'"
            self._findings.problem(text, counted.place)
            return 1, 1
        least = int(match.group(1))
        if least < 0 or (counted.text == match.group(1) and least == 0):
            self._findings.problem(f"{where}: invalid count {match.group(1)}", counted.place)
        return least, None if match.group(3) else int(match.group(2) or least)

    def _size(self) -> int:
        value = self._items.get("minimum-size")
        if value is None:
            return 0
        try:
            return int(value.text) if value.text.isdecimal() else parse_size(value.text)
        except InvalidInput as error:
            self._findings.problem(f"metadata: storage.{self._name}.minimum-size: {error}", value.place)
            return 0

    def _flag(self, key: str) -> bool:
        value = self._items.get(key)
        if value is not None and not isinstance(value.data, bool):
            self._findings.problem(
                f"metadata: storage.{self._name}.{key}: expected bool, got {value.kind}", value.place
            )
        return value is not None and value.data is True

    def _refuse(self, text: str, value: Value) -> None:
        self._findings.problem(f"charm {quoted(self._charm)} storage {quoted(self._name)}: {text}", value.place)
