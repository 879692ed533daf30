# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes to what a container keeps of its units, so that nobody else's write is lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Callable

from .._api.client import Client, path
from .._api.deadline import REQUEST_SECONDS, Deadline
from .._api.errors import ApiError, InvalidInput, PreconditionFailed
from .record import UnitRecord, from_json, key_of

_ATTEMPTS = 5
Change = Callable[[UnitRecord], UnitRecord]


def update(client: Client, container: str, changes: Mapping[str, Change], *, check: bool = False) -> bool:
    """Change what is kept of units of one container, by their names; return whether anything differs.

    All of them in one write: servers refuse a second one to a container while the first is under way. check: write nothing.
    Reads and changes again when somebody else has written in between. Raises InvalidInput for a container or a unit that is
    not there, and what a change raises.
    """
    refused = False
    for attempt in range(_ATTEMPTS):
        found = client.find(path("instances", container), doing=f"read container {container}")
        config = (found.metadata.get("config") or {}) if found else {}
        changed = {}
        for unit, change in changes.items():
            key = key_of(unit)
            if found is None or key not in config:
                raise InvalidInput(
                    f"remote {client.remote}: there is no unit {unit} in container {container} of project"
                    f" {client.project}: the playbook flotilla.lxd.deploy deploys it"
                )
            text = change(from_json(config[key], f"unit {unit}")).to_json()
            if text != config[key]:
                changed[key] = text
        if found is None or not changed or check:
            return bool(changed) or refused
        try:
            client.write(
                "PATCH",
                path("instances", container),
                {"config": changed},
                doing=f"keep what {', '.join(changes)} in container {container} say",
                deadline=Deadline(REQUEST_SECONDS),
                etag=found.etag,
            )
            return True
        except PreconditionFailed:
            if attempt == _ATTEMPTS - 1:
                raise
        except ApiError:
            # Where a container's disk is full, servers fail to write their copy of its configuration into it, and tell so;
            # what they were asked to keep they have kept. Source: lxd/instance/drivers/driver_lxc.go, Update().
            if refused:
                raise
            refused = True
    raise AssertionError("the last attempt has returned or raised")
