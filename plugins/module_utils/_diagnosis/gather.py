# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything about one container that its server tells, one part after the other, whatever becomes of the others.

Source: doc/rest-api.yaml of LXD and Incus.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable

from .._api import files
from .._api.chunks import chunks
from .._api.client import Client, path
from .._api.deadline import REQUEST_SECONDS, Deadline
from .._api.errors import ApiError, FlotillaError
from .._resources import power
from . import host
from .masking import Masks

# CRIU's own logs are some hundred kilobytes. Of a longer one the end tells what went wrong.
_LONGEST = 8 * 1024 * 1024
# What programs wrote that somebody ran in the container: none of ours to show.
_OUTPUT_OF_PROGRAMS = re.compile(r"exec[_-]")
_OF_AN_OPERATION = (
    "id",
    "class",
    "description",
    "created_at",
    "updated_at",
    "status",
    "status_code",
    "err",
    "resources",
)


class _Tail:
    """Keeps the end of what is written to it."""

    def __init__(self) -> None:
        self.content = b""

    def write(self, data: bytes, /) -> int:
        self.content = (self.content + data)[-_LONGEST:]
        return len(data)


@dataclass(frozen=True)
class Gap:
    """A part that is not in the report, and why."""

    part: str
    reason: str


class Gathering:
    """The parts of one end, by name: text, without secrets once the whole report passed ``masks.text``."""

    def __init__(self, client: Client, container: str, masks: Masks, deadline: Deadline) -> None:
        self.parts: dict[str, str] = {}
        self.gaps: list[Gap] = []
        self._client = client
        self._container = container
        self._masks = masks
        self._deadline = deadline
        self._environment: Mapping[str, Any] = {}
        self._content: Mapping[str, Any] = {}
        self._pid: int | None = None

    def gather(self) -> None:
        """Gather all there is. Raises DeadlineExceeded only: a server that does not answer is a gap."""
        if not self._try("server.json", self._server):
            return
        self._try("resources.json", self._resources)
        self._try("operations.json", self._operations)
        self._of_host()
        if self._try("container.json", self._instance):
            self._of_container()

    def _of_host(self) -> None:
        pid = host.daemon_pid(self._environment)
        if pid is None:
            self.gaps.append(Gap("host", "the daemon is not seen to run on the host of this task"))
            return
        self._pid = pid
        self._try("host/mountinfo", host.read, f"/proc/{pid}/mountinfo")
        self._try("host/kernel", host.read, "/proc/version")
        self._try("host/daemon.log", host.daemon_log, pid)

    def _of_container(self) -> None:
        self._try("state.json", self._json, "state", "instances", self._container, "state")
        self._try("snapshots.json", self._json, "snapshots", "instances", self._container, "snapshots")
        for profile in self._content.get("profiles") or ():
            self._try(f"profiles/{profile}.json", self._json, "profile", "profiles", profile)
        for pool in sorted(self._pools()):
            self._try(f"pools/{pool}.json", self._json, "storage pool", "storage-pools", pool)
        if power.status(self._content) == "running":
            self._try("mountinfo", self._mountinfo)
        self._logs()

    def _try(self, part: str, read: Callable[..., str], *arguments: Any) -> bool:
        try:
            self.parts[part] = read(*arguments)
        except (FlotillaError, OSError) as error:
            self._deadline.remaining()
            self.gaps.append(Gap(part, str(error)))
            return False
        return True

    def _get(self, what: str, *parts: str, **query: str) -> Any:
        doing = f"read {what} for a report"
        return self._client.get(path(*parts).rstrip("/"), doing=doing, deadline=self._short(), **query).metadata

    def _short(self) -> Deadline:
        """For one request: a server that hangs leaves time for the other one."""
        return Deadline(min(REQUEST_SECONDS, self._deadline.remaining()))

    def _json(self, what: str, *parts: str) -> str:
        query = {"recursion": "1"} if what == "snapshots" else {}
        return self._shown(self._get(what, *parts, **query))

    def _shown(self, content: Any) -> str:
        return json.dumps(self._masks.content(content), indent=2, sort_keys=True) + "\n"

    def _server(self) -> str:
        content = self._get("server")
        self._environment = content.get("environment") or {}
        return self._shown(content)

    def _resources(self) -> str:
        found = self._get("resources", "resources")
        return self._shown({part: found.get(part) for part in ("cpu", "memory")})

    def _operations(self) -> str:
        # Their metadata is left out: in it are the secrets by which one joins a transfer.
        found = self._get("operations", "operations", recursion="1") or {}
        listed = [one for each in found.values() for one in each]
        return self._shown([{name: one.get(name) for name in _OF_AN_OPERATION} for one in listed])

    def _instance(self) -> str:
        self._content = self._get(f"container {self._container}", "instances", self._container)
        return self._shown(self._content)

    def _pools(self) -> set[str]:
        devices = (self._content.get("expanded_devices") or {}).values()
        return {device["pool"] for device in devices if device.get("type") == "disk" and device.get("pool")}

    def _mountinfo(self) -> str:
        tail = _Tail()
        files.pull(self._client, self._container, "/proc/1/mountinfo", tail, self._short())
        if tail.content:
            return tail.content.decode(errors="replace")
        # LXD believes in the size that is shown of files in /proc, which is 0.
        state = self._get("state", "instances", self._container, "state")
        if self._pid is None:
            raise ApiError(self._client.remote, "read mountinfo", 200, "the server gives an empty file")
        return host.read(f"/proc/{state['pid']}/mountinfo")

    def _logs(self) -> None:
        try:
            listed = self._get("logs", "instances", self._container, "logs") or []
        except FlotillaError as error:
            self.gaps.append(Gap("logs", str(error)))
            return
        for name in sorted(one.rpartition("/")[2] for one in listed):
            if not _OUTPUT_OF_PROGRAMS.match(name):
                self._try(f"logs/{name}", self._log, name)

    def _log(self, name: str) -> str:
        where = path("instances", self._container, "logs", name)
        tail = _Tail()
        with self._client.stream("GET", where, doing=f"read log {name}", deadline=self._short()) as answer:
            for chunk in chunks(answer):
                tail.write(chunk)
        return tail.content.decode(errors="replace")
