# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers on their way out of files. Source: doc/rest-api.yaml, POST /1.0/instances, of LXD and Incus."""

from __future__ import annotations

import re
from dataclasses import replace

from .._api.client import Client, Reply, path
from .._api.deadline import Deadline
from . import instance
from .backup_adapt import unknown_keys, unpacked_without
from .backup_file import IDENTITY, BackupFile, identity_in
from .backup_plan import Import, ImportObserved, config_once_imported, interim_name, plan_import
from .instance_plan import WRITABLE
from .plan import Plan, Step


class BackupImport:
    """A container that is to be what a file holds.

    Until it is whole and marked as having come from the file it bears an interim name: a run that is cut short leaves nothing
    under the name that others look for, and the next one goes on from there.
    """

    def __init__(self, client: Client, wanted: Import, file: BackupFile) -> None:
        instance.check_name(wanted.name)
        self.client = client
        self.wanted = wanted
        self._file = file
        self._interim = interim_name(wanted.name, file.sha256)

    def read(self) -> ImportObserved:
        found = self._find(self.wanted.name)
        seen = ImportObserved(self.client.remote, self._file, found.metadata if found else None)
        if found is not None:
            return seen
        pools = self.client.get(path("storage-pools"), doing="list storage pools", recursion="1").metadata
        profiles = self.client.get(path("profiles"), doing="list profiles", recursion="1").metadata
        return replace(
            seen,
            pools={pool["name"]: pool["driver"] for pool in pools or ()},
            profiles=frozenset(profile["name"] for profile in profiles or ()),
            unknown=unknown_keys(self._file.index, self.client.server),
        )

    def read_again(self, state: ImportObserved) -> ImportObserved:
        found = self._find(self.wanted.name)
        return replace(state, content=found.metadata if found else None)

    def plan(self, state: ImportObserved) -> Plan:
        return plan_import(self.wanted, state)

    def perform(self, step: Step, deadline: Deadline) -> None:
        if self._find(self._interim) is None:
            self._send(step, deadline)
        where = path("instances", self._interim)
        found = self.client.get(where, doing=f"read container {self._interim}")
        content = found.metadata
        is_twin = bool(identity_in(content["config"]) & self._identities_of_others())
        config = config_once_imported(content["config"], self._file.sha256, is_twin=is_twin)
        payload = {**{key: content[key] for key in WRITABLE if key in content}, "config": config}
        self.client.write("PUT", where, payload, doing=step.doing, deadline=deadline, etag=found.etag)
        self.client.write("POST", where, {"name": self.wanted.name}, doing=step.doing, deadline=deadline)

    def _send(self, step: Step, deadline: Deadline) -> None:
        file, prefix = self._file, self.client.server.kind.header_prefix
        unwanted = [re.escape(key) for key in unknown_keys(file.index, self.client.server)]
        if file.index.identity & self._identities_of_others():
            unwanted += IDENTITY
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(file.unpacked_size),
            f"{prefix}name": self._interim,
        }
        if self.wanted.pool is not None:
            headers[f"{prefix}pool"] = self.wanted.pool
        # LXD 5.0 now and then fails to unpack a compressed file that is whole, and takes the same file the next time.
        body = self.client.progress.counted(unpacked_without(file, unwanted), step.doing, file.unpacked_size)
        reply = self.client.send(
            step.method, step.path, body=body, headers=headers, doing=step.doing, deadline=deadline
        )
        if reply.operation:
            reply.operation.wait(deadline)

    def _find(self, name: str) -> Reply | None:
        return self.client.find(path("instances", name), doing=f"read container {name}")

    def _identities_of_others(self) -> frozenset[str]:
        """What the other containers of the project are told apart by, that from which the backup was taken among them."""
        listed = self.client.get(path("instances"), doing="list containers", recursion="1").metadata or ()
        return frozenset().union(*(identity_in(each["config"]) for each in listed if each["name"] != self._interim))
