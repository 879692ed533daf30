# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a unit has told of itself, kept as JSON in its container's config: under one key for each unit.

Whoever may read the container may read it: passwords that charms hand to each other are among it, as in Juju.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace

from .._api.errors import InvalidInput
from .storage import Volume

PREFIX = "user.flotilla.unit."
ERROR, WAITING = "error", "waiting"
# What a unit may say of itself, the worst last.
STATUSES = ("active", "waiting", "maintenance", "blocked")

Bag = Mapping[str, str]


@dataclass(frozen=True)
class UnitRecord:
    """relations and application_data: bags by the unit's own endpoint; the latter only of a leader.

    installed and seen: digests of what ``main`` was last run with, and of what the unit saw of others when it was last told
    of them. failed: what went wrong when it last ran; empty when it went well. storage: its volumes, by ``data/0``.
    """

    status: str = WAITING
    message: str = ""
    version: str = ""
    ports: tuple[str, ...] = ()
    relations: Mapping[str, Bag] = field(default_factory=dict)
    application_data: Mapping[str, Bag] = field(default_factory=dict)
    principal: str = ""
    installed: str = ""
    seen: str = ""
    failed: str = ""
    storage: Mapping[str, Volume] = field(default_factory=dict)

    @property
    def shown_status(self) -> str:
        """With ``error``, which a unit does not say itself."""
        return ERROR if self.failed else self.status

    def to_json(self) -> str:
        """Without what is empty, always in the same order."""
        content = {key: value for key, value in asdict(self).items() if value}
        return json.dumps(content, sort_keys=True, separators=(",", ":"))


def key_of(unit: str) -> str:
    """The config key of unit ``api/0``."""
    return PREFIX + unit.replace("/", "-")


def unit_of(key: str) -> str:
    """The unit of a config key."""
    return "/".join(key[len(PREFIX) :].rsplit("-", 1))


def from_json(text: str, owner: str) -> UnitRecord:
    """owner: whose it is, for the message. Raises InvalidInput for what this collection has not written."""
    try:
        content = json.loads(text)
        known = {one.name for one in fields(UnitRecord)}
        record = UnitRecord(**{key: value for key, value in content.items() if key in known})
        storage = {key: Volume(**each) for key, each in (content.get("storage") or {}).items()}
        return replace(record, ports=tuple(record.ports), storage=storage)
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidInput(f"what is kept of {owner} in its container's config is not understood") from error
