# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes to what a container keeps of its units, so that nobody else's write is lost."""

from __future__ import annotations

from typing import Callable

from .._api.client import Client, path
from .._api.deadline import REQUEST_SECONDS, Deadline
from .._api.errors import InvalidInput, PreconditionFailed
from .record import UnitRecord, from_json, key_of

_ATTEMPTS = 5


def update(
    client: Client, container: str, unit: str, change: Callable[[UnitRecord], UnitRecord], *, check: bool = False
) -> bool:
    """Change what is kept of a unit; return whether anything differs. check: write nothing.

    Reads and changes again when somebody else has written in between. Raises InvalidInput for a container or a unit that is
    not there, and what change raises.
    """
    key = key_of(unit)
    for attempt in range(_ATTEMPTS):
        found = client.find(path("instances", container), doing=f"read container {container}")
        config = (found.metadata.get("config") or {}) if found else {}
        if found is None or key not in config:
            raise InvalidInput(
                f"remote {client.remote}: there is no unit {unit} in container {container} of project {client.project}:"
                " playbooks/deploy.yml deploys it"
            )
        text = change(from_json(config[key], f"unit {unit}")).to_json()
        if text == config[key] or check:
            return bool(text != config[key])
        try:
            client.write(
                "PATCH",
                path("instances", container),
                {"config": {key: text}},
                doing=f"keep what unit {unit} says",
                deadline=Deadline(REQUEST_SECONDS),
                etag=found.etag,
            )
            return True
        except PreconditionFailed:
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("the last attempt has returned or raised")
