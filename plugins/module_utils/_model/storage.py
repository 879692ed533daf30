# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage of units: which volumes each has, and where they are found in its container.

Nothing is asked of a server here; volumes.py does that.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .._api.errors import InvalidInput
from .._bundle.charm import Charm
from .._bundle.charm_storage import CharmStorage, wanted

# Where storage is whose charm does not say.
_DIRECTORY = "/var/lib/flotilla/storage"
_LONGEST_NAME = 63


@dataclass(frozen=True)
class Volume:
    """pool: empty until it is known which is the usual one. location: its path in the container. size in MiB."""

    name: str
    location: str
    size: int
    pool: str = ""
    read_only: bool = False

    @property
    def device(self) -> dict[str, str]:
        """The disk by which a container has it. Source: doc/reference/devices_disk of LXD and Incus."""
        read_only = {"readonly": "true"} if self.read_only else {}
        return {"type": "disk", "pool": self.pool, "source": self.name, "path": self.location, **read_only}


def volumes(model: str, unit: str, charm: Charm | None, said: Mapping[str, str]) -> dict[str, Volume]:
    """Those of a unit, by ``data/0``. said: what the bundle says of the storage of its application."""
    found = {}
    for name, declared in charm.storage.items() if charm is not None else ():
        asked = wanted(declared, said.get(name))
        for number in range(asked.count):
            key = f"{name}/{number}"
            volume = _short(f"{model}-{unit}-{key}")
            location = _location(declared, unit, key)
            found[key] = Volume(volume, location, asked.size, asked.pool, declared.read_only)
    return found


def device_name(unit: str, key: str) -> str:
    return _short(f"storage-{unit}-{key}")


def describe(found: Mapping[str, Volume]) -> list[dict[str, Any]]:
    """For people and for roles."""
    return [
        {
            "id": key,
            "name": key.partition("/")[0],
            "location": each.location,
            "size": f"{each.size}MiB",
            "pool": each.pool,
            "volume": each.name,
        }
        for key, each in found.items()
    ]


def refuse_shared_places(container: str, units: Mapping[str, Mapping[str, Volume]]) -> None:
    """Two volumes at one path of a container, by its units. Raises InvalidInput."""
    taken: dict[str, str] = {}
    for owner, each in _owned(units):
        if each.location in taken:
            raise InvalidInput(
                f"container {container}: storage {owner} and {taken[each.location]} would both be at {each.location}:"
                " place their units on different machines"
            )
        taken[each.location] = owner


def _owned(units: Mapping[str, Mapping[str, Volume]]) -> Iterator[tuple[str, Volume]]:
    for unit, found in units.items():
        for key, each in found.items():
            yield f"{key} of {unit}", each


def _location(declared: CharmStorage, unit: str, key: str) -> str:
    if declared.location and declared.most == 1:
        return declared.location
    return f"{declared.location.rstrip('/') or _DIRECTORY + '/' + unit.replace('/', '-')}/{key}"


def _short(text: str) -> str:
    """A name that servers take, another for each text."""
    name = re.sub(r"[^a-zA-Z0-9-]", "-", text)
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[: _LONGEST_NAME - 9]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
