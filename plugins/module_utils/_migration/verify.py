# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the container at the target is the one at the source: what stands between a copy and the end of its original."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .snapshots import short_name
from .translate import plain

_FIELDS = ("architecture", "description", "devices", "ephemeral", "profiles")
_SNAPSHOT_FIELDS = ("profiles", "ephemeral", "stateful")


def differences(expected: Mapping[str, Any], content: Mapping[str, Any]) -> list[str]:
    """How the target differs from what was to arrive, in words; values are left out, for they may be secrets.

    expected: from translate.translated(). Of the server's own keys only those are compared that were to be carried over.
    """
    found = [f"its {field} is not the source's" for field in _FIELDS if _value(content, field) != expected[field]]
    config = content.get("config") or {}
    there = {**plain(config), **{key: value for key, value in config.items() if key in expected["config"]}}
    found += [f"its {key} {how}" for key, how in _changed(expected["config"], there)]
    return found


def snapshot_differences(expected: Sequence[Mapping[str, Any]], snapshots: Sequence[Mapping[str, Any]]) -> list[str]:
    """The same for its snapshots. expected: those of the source that were to come along, config keys as here."""
    there = {short_name(one): one for one in snapshots}
    wanted = {short_name(one): one for one in expected}
    found = [f"its snapshot {name} is missing" for name in wanted if name not in there]
    found += [f"it has a snapshot {name} that the source has not" for name in there if name not in wanted]
    for name in wanted.keys() & there.keys():
        one, other = wanted[name], there[name]
        found += [
            f"the {field} of its snapshot {name} is not the source's"
            for field in _SNAPSHOT_FIELDS
            if _value(one, field) != _value(other, field)
        ]
        if _devices(one) != _devices(other):
            found.append(f"the devices of its snapshot {name} are not the source's")
        changes = _changed(plain(one.get("config") or {}), plain(other.get("config") or {}))
        found += [f"{key} of its snapshot {name} {how}" for key, how in changes]
    return sorted(found)


def _changed(expected: Mapping[str, str], there: Mapping[str, str]) -> list[tuple[str, str]]:
    return [
        (key, "is missing" if key not in there else "is not set at the source" if key not in expected else "differs")
        for key in sorted({*expected, *there})
        if expected.get(key) != there.get(key)
    ]


def _devices(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """Without the root disk: a server has a snapshot's say which of its own pools it is in."""
    devices = snapshot.get("devices") or {}
    return {name: options for name, options in devices.items() if options.get("path") != "/"}


def _value(content: Mapping[str, Any], field: str) -> Any:
    return content.get(field) or _EMPTY[field]


_EMPTY: Mapping[str, Any] = {
    "architecture": "",
    "description": "",
    "devices": {},
    "ephemeral": False,
    "profiles": [],
    "stateful": False,
}
