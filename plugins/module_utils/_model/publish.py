# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a charm's role publishes of its unit, laid over what the unit has published before. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .._api.errors import InvalidInput
from .._resources.values import as_stored
from .record import Bag, UnitRecord

_PORT = re.compile(r"(\d+)(?:-(\d+))?/(tcp|udp)")


@dataclass(frozen=True)
class Published:
    """The options of the action unit. None: not named, so left as it is."""

    status: str | None = None
    message: str | None = None
    version: str | None = None
    ports: list[str] | None = None
    relations: Mapping[str, Any] | None = None
    application_data: Mapping[str, Any] | None = None


def check(unit: str, leader: bool, published: Published) -> None:
    """Refuse what cannot be, before anything is asked of a server. No value is told. Raises InvalidInput."""
    for port in published.ports or ():
        parse_port(port)
    if published.application_data and not leader:
        raise InvalidInput(
            f"unit {unit} is not the leader, and only the leader publishes application_data: ask unit.leader"
        )


def publish(unit: str, record: UnitRecord, published: Published) -> UnitRecord:
    """What is kept of the unit from now on. Raises InvalidInput for a value that is no text."""
    said = {name: getattr(published, name) for name in ("status", "message", "version")}
    return replace(
        record,
        **{name: value for name, value in said.items() if value is not None},
        ports=record.ports if published.ports is None else tuple(sorted({*published.ports}, key=parse_port)),
        relations=_merged(record.relations, published.relations, f"relations of unit {unit}"),
        application_data=_merged(
            record.application_data, published.application_data, f"application_data of unit {unit}"
        ),
    )


def parse_port(text: str) -> tuple[str, int, int]:
    """``80/tcp`` or ``80-82/tcp`` as protocol, first and last port. Raises InvalidInput."""
    match = _PORT.fullmatch(str(text))
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if match is None or not 1 <= first <= last <= 65535:
        raise InvalidInput(f"ports: {text} is none: it is 80/tcp, 53/udp, or 8000-8010/tcp, up to 65535")
    return match[3], first, last


def _merged(bags: Mapping[str, Bag], wanted: Mapping[str, Any] | None, owner: str) -> dict[str, dict[str, str]]:
    merged: dict[str, dict[str, str]] = {endpoint: dict(bag) for endpoint, bag in bags.items()}
    for endpoint, values in (wanted or {}).items():
        if values is None:
            merged.pop(endpoint, None)
            continue
        if not isinstance(values, Mapping):
            raise InvalidInput(f"{owner}: {endpoint} has to be a map of texts, or null to remove it")
        bag = merged.setdefault(endpoint, {})
        for key, value in values.items():
            if value is None or value == "":
                bag.pop(str(key), None)
            else:
                bag[str(key)] = _text(value, f"{owner}: {endpoint}.{key}")
        if not bag:
            del merged[endpoint]
    return merged


def _text(value: Any, owner: str) -> str:
    if isinstance(value, (Mapping, list, tuple)):
        raise InvalidInput(f"{owner}: it has to be a text, and not a list or a map: the filter to_json makes one of it")
    return as_stored(value)
