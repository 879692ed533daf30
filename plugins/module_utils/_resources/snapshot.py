# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of a container. Source: doc/rest-api.yaml, /1.0/instances/NAME/snapshots, of LXD and Incus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from .._api.client import Client, Reply, path
from .._api.deadline import Deadline
from .._api.errors import InvalidInput
from . import expiry, instance
from .plan import Plan, Step, write
from .snapshot_plan import Observed, Wanted, check, expiry_from, plan


class Snapshot:
    """A snapshot of a container, and which others it keeps beside it, as the user wants them.

    predicting: check mode, in which what is missing may yet be made by an earlier task.
    """

    def __init__(self, client: Client, wanted: Wanted, *, predicting: bool = False) -> None:
        instance.check_name(wanted.container)
        check(wanted)
        self.client = client
        self.wanted = wanted
        self._predicting = predicting

    def read(self) -> Observed:
        """The container, its snapshots, and of them the one of the name, or else the one to be renamed."""
        wanted = self.wanted
        container = self.client.find(path("instances", wanted.container), doing=f"read container {wanted.container}")
        seen = Observed(self.client.remote, container.metadata if container else None, datetime.now(timezone.utc))
        if container is None:
            return seen
        found = self._meant()
        seen = replace(seen, snapshots=in_order_of_time(self._listing()))
        return replace(seen, content=found.metadata, etag=found.etag) if found else seen

    def read_again(self, state: Observed) -> Observed:
        found = self._find(self.wanted.name)
        return replace(
            state,
            snapshots=in_order_of_time(self._listing()),
            content=found.metadata if found else None,
            etag=found.etag if found else None,
        )

    def plan(self, state: Observed) -> Plan:
        return plan(self.wanted, state, predicting=self._predicting)

    def perform(self, step: Step, deadline: Deadline) -> None:
        write(self.client, step, deadline)
        span = self.wanted.expires_at
        if step.action == "create" and span is not None and expiry.is_span(span):
            self._let_expire((step.payload or {})["name"], span, deadline)

    def _let_expire(self, name: str, span: str, deadline: Deadline) -> None:
        """Count the span from when the snapshot was taken by the server's clock, which need not agree with ours."""
        where = path("instances", self.wanted.container, "snapshots", name)
        taken = self.client.get(where, doing=f"read snapshot {name}")
        payload = {"expires_at": expiry_from(span, taken.metadata)}
        doing = f"update snapshot {name} of container {self.wanted.container}"
        self.client.write("PUT", where, payload, doing=doing, deadline=deadline, etag=taken.etag)

    def _meant(self) -> Reply | None:
        wanted = self.wanted
        found = self._find(wanted.name)
        old = self._find(wanted.rename_from) if wanted.rename_from != wanted.name else None
        if found and old:
            raise InvalidInput(
                f"remote {self.client.remote}: snapshot {wanted.rename_from} of container {wanted.container} cannot be"
                f" renamed to {wanted.name}: there is a snapshot of that name already"
            )
        return found or old

    def _find(self, name: str | None) -> Reply | None:
        if name is None:
            return None
        where = path("instances", self.wanted.container, "snapshots", name)
        return self.client.find(where, doing=f"read snapshot {name} of container {self.wanted.container}")

    def _listing(self) -> list[Mapping[str, Any]]:
        where = path("instances", self.wanted.container, "snapshots")
        doing = f"list snapshots of container {self.wanted.container}"
        return list(self.client.get(where, doing=doing, recursion="1").metadata or ())


def in_order_of_time(snapshots: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The oldest first."""
    return sorted(snapshots, key=lambda snapshot: expiry.moment(snapshot["created_at"]))
