# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers on their way into files. Source: doc/rest-api.yaml, /1.0/instances/NAME/backups, of LXD and Incus."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from .._api.chunks import chunks
from .._api.client import Client, path
from .._api.deadline import REQUEST_SECONDS, Deadline
from .._api.errors import DeadlineExceeded, FlotillaError, InvalidInput
from .._images.whole_file import whole_file
from . import expiry, instance
from .backup_file import BackupFile, inspect
from .backup_plan import Export, ExportObserved, plan_export
from .plan import Plan, Step

# The backup that a server keeps until it is fetched is removed at once. If that fails, the server does it a day later.
_LIFE = timedelta(days=1)


class BackupExport:
    """A container that is to be in a file. predicting: check mode, in which one that is missing may yet be made."""

    def __init__(self, client: Client, wanted: Export, *, predicting: bool = False) -> None:
        instance.check_name(wanted.name)
        if wanted.compression == "squashfs":
            raise InvalidInput("compression squashfs makes files that nothing here looks into: choose another")
        self.client = client
        self.wanted = wanted
        self._predicting = predicting
        self._exported: BackupFile | None = None

    def read(self) -> ExportObserved:
        wanted = self.wanted
        found = self.client.find(path("instances", wanted.name), doing=f"read container {wanted.name}")
        return self._with_file(ExportObserved(self.client.remote, found.metadata if found else None))

    def read_again(self, state: ExportObserved) -> ExportObserved:
        return replace(state, file=self._exported, problem=None)

    def plan(self, state: ExportObserved) -> Plan:
        return plan_export(self.wanted, state, predicting=self._predicting)

    def perform(self, step: Step, deadline: Deadline) -> None:
        # Whether there is room for the file's name is known before the server begins.
        with whole_file(self.wanted.dest) as file, self._backup(step, deadline) as where:
            with self.client.stream("GET", where, doing=step.doing, deadline=deadline) as answer:
                length = answer.headers.get("Content-Length")
                total = int(length) if length else None
                for chunk in self.client.progress.counted(chunks(answer), step.doing, total):
                    file.write(chunk)
                    if deadline.passed:
                        raise DeadlineExceeded(
                            f"remote {self.client.remote}: {step.doing}: not done within {deadline.seconds:g} seconds"
                        )
            self._exported = replace(inspect(file.partial), path=self.wanted.dest)
            file.keep()

    def _with_file(self, state: ExportObserved) -> ExportObserved:
        dest = self.wanted.dest
        directory = os.path.dirname(dest) or "."
        if os.path.isdir(dest):
            raise InvalidInput(f"dest {dest} is a directory: name the file that is to be in it")
        if not os.path.isdir(directory):
            raise InvalidInput(f"dest {dest}: there is no directory {directory}")
        if self.wanted.force or not os.path.lexists(dest):
            return replace(state, file=None, problem=None)
        try:
            return replace(state, file=inspect(dest), problem=None)
        except InvalidInput as error:
            return replace(state, file=None, problem=error)

    @contextmanager
    def _backup(self, step: Step, deadline: Deadline) -> Iterator[str]:
        """Have the server make the backup, and remove it there again, whatever happens. Yields where it can be fetched."""
        name = f"flotilla-{uuid.uuid4().hex[:12]}"
        where = f"{step.path}/{name}"
        expires_at = expiry.written(datetime.now(timezone.utc) + _LIFE)
        payload = {**(step.payload or {}), "name": name, "expires_at": expires_at}
        try:
            self.client.write(step.method, step.path, payload, doing=step.doing, deadline=deadline)
            yield f"{where}/export"
        except BaseException:
            # What went wrong first is what the user has to know.
            with suppress(FlotillaError):
                self._remove(where)
            raise
        self._remove(where)

    def _remove(self, where: str) -> None:
        doing = f"remove the backup of container {self.wanted.name} from the server"
        self.client.write("DELETE", where, doing=doing, deadline=Deadline(REQUEST_SECONDS))
