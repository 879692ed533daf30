# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container of a server on its way: what it is called and how it is sent, from LXD or Incus to either."""

from __future__ import annotations

from typing import Any

from .._api.deadline import REQUEST_SECONDS, Deadline
from .._api.errors import ApiError, FlotillaError
from . import live, preflight, steps, transfer
from . import mark as marks
from .end import End, Seen, view
from .journey import Migration, Options, Report, Sight
from .snapshots import Adaptation, short_name
from .translate import translated


class ServerMigration(Migration):
    """source: on a server."""

    def __init__(self, source: End, target: End, options: Options, report: Report | None = None) -> None:
        super().__init__(source, target, options, report)
        self._origin = source

    def _body(self, source: Seen) -> dict[str, Any]:
        """The container as it is to be at the target."""
        options, content = self.options, source.content
        if self._snapshot:
            content = next((one for one in source.snapshots if short_name(one) == self._snapshot), content)
        content = {**content, "config": marks.before(content.get("config") or {})}
        kinds = self._origin.client.server.kind, self.target.client.server.kind
        body = translated(content, options.mode, *kinds, options.changes)
        copy_of = str(self.source.place) if options.mode != steps.MOVE else source.config.get(marks.COPY_OF)
        return {**body, "config": {**body["config"], **({marks.COPY_OF: copy_of} if copy_of else {})}}

    def _objections(self, source: Seen) -> list[str]:
        if self.is_local and self.options.mode == steps.MOVE and self.options.running == "live":
            return ["running: live is for a move to another server: within one, a container is moved stopped"]
        if self.options.mode == steps.MOVE and self.options.running == "live" and view(source).status == "running":
            return self._live_objections(source)
        return []

    def _live_objections(self, source: Seen) -> list[str]:
        found = live.findings(self._origin.client, self.target.client, source.content)
        self.report.warnings += [f"that it can be moved live is not certain: {each}" for each in found.doubtful]
        self.report.warnings += [f"it could not be found out {each}" for each in found.unknown]
        return [f"it cannot be moved live: {each}" for each in found.missing]

    def _send(self, parcel: transfer.Parcel, deadline: Deadline) -> str:
        """Send it, and return by which way it went."""
        sending = transfer.Transfer(self._origin, self.target, parcel, member=self.options.target)
        try:
            way = sending.send(transfer.LOCAL if self.is_local else self.options.transfer, deadline)
        except ApiError as error:
            if not parcel.live:
                raise
            raise self._with_log(error) from error
        if parcel.live:
            self._origin.wait_until_stopped(deadline)
        return way

    def _look_patiently(self) -> Sight:
        source, target = super()._look_patiently()
        mark = view(target).mark
        if mark and mark.live and view(source).is_up and view(target).is_up:
            # For the servers, a live move is over a moment before its source has stopped.
            self._origin.wait_until_stopped(Deadline(REQUEST_SECONDS))
            source = self._origin.look()
        return source, target

    def _with_log(self, error: ApiError) -> FlotillaError:
        """The error of a live transfer, with where CRIU says more about it."""
        log = self._origin.newest_log("dump")
        advice = f"CRIU's log is {log} on remote {self._origin.client.remote}" if log else ""
        return type(error)(error.remote, error.doing, error.status, error.text, advice)

    def _adapt(self, source: Seen) -> Adaptation | None:
        """How the snapshots have to change, if they have to."""
        adaptation = self._adaptation
        return adaptation if self._takes_snapshots and adaptation.is_needed(source.snapshots) else None

    def _expected_snapshots(self, source: Seen) -> list[dict[str, Any]]:
        return self._adaptation.expected(source)

    @property
    def _adaptation(self) -> Adaptation:
        dropped = {key for key, value in (self.options.changes.config or {}).items() if value is None}
        keep = self._origin.client.server.kind == self.target.client.server.kind
        return Adaptation(
            self._origin.client.server,
            self.target.client.server,
            frozenset() if keep else frozenset(dropped),
            self.options.changes.profiles,
        )

    @property
    def _takes_snapshots(self) -> bool:
        return self.options.snapshots == preflight.ALL and not self.is_local
