# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One end of a migration: a place on a server, what is there, and what can be done to it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from .._api.client import Client, path
from .._api.deadline import Deadline
from .._api.errors import ApiError, InvalidInput, OperationFailed, Unreachable
from .._api.operation import SUCCESS
from .._resources import power
from . import mark as marks
from .mark import Mark, Place
from .steps import View

# How long a container has to stay up to count as started: what cannot start dies at once.
_MOMENT = 0.5
# Goes along in a move, and a container that somebody makes anew has another.
_IDENTITY = "volatile.uuid"
_PROTECTED = "security.protection.delete"
# A server that is only restarted, and a line that is only cut for a moment, are waited for.
_PATIENCE = 20.0
_PAUSE = 1.0
# What is at work on a container and cannot be called off, such as a stop, is given this long to end.
_LONGEST_OPERATION = 120.0
# As the servers describe them.
_HARMLESS = ("Executing command", "Showing console")


@dataclass(frozen=True)
class Seen:
    """A container as the API gives it, with its snapshots, oldest first."""

    content: Mapping[str, Any]
    snapshots: tuple[Mapping[str, Any], ...]
    etag: str | None = None

    @property
    def config(self) -> Mapping[str, str]:
        return self.content.get("config") or {}


@dataclass(frozen=True)
class Stop:
    """How a container is stopped. timeout: seconds it has; force: it is not asked; stateful: its processes are saved."""

    timeout: int = 30
    force: bool = False
    stateful: bool = False


ASKED = Stop()


class Source(Protocol):
    """What is asked of a container that is to go somewhere, wherever it is: see End."""

    name: str

    @property
    def remote(self) -> str: ...

    @property
    def place(self) -> Place: ...

    def require_trust(self) -> None: ...

    def look(self) -> Seen | None: ...

    def look_patiently(self) -> Seen | None: ...

    def mark_as_source(self, mark: Mark, deadline: Deadline) -> None: ...

    def unmark_as_source(self, mark: Mark, deadline: Deadline) -> None: ...

    def bring_to(self, status: str, deadline: Deadline, how: Stop = ASKED) -> None: ...

    def delete(self, deadline: Deadline) -> None: ...

    def usage(self) -> int: ...


class End:
    """name: of the container there, or to be there."""

    def __init__(self, client: Client, name: str) -> None:
        self.client = client
        self.name = name

    @property
    def remote(self) -> str:
        return self.client.remote

    def __str__(self) -> str:
        project = self.client.project
        return f"{self.client.remote}:{self.name}" + (
            f" (project {project})" if project not in (None, "default") else ""
        )

    @property
    def place(self) -> Place:
        fingerprint = str(self.client.server.environment.get("certificate_fingerprint") or self.client.remote)
        return Place(fingerprint, self.client.project or "default", self.name)

    def require_trust(self) -> None:
        """Raises InvalidInput for a server that does not know this client."""
        if not self.client.server.trusted:
            raise InvalidInput(
                f"remote {self.remote} does not trust this client's certificate: have a trust token made there and give it to"
                " flotilla.lxd.remote"
            )

    def look(self) -> Seen | None:
        """What is there now."""
        found = self.client.find(self._path(), doing=self._doing("read"))
        if found is None:
            return None
        listing = self.client.get(self._path("snapshots"), doing=self._doing("list the snapshots of"), recursion="1")
        snapshots = sorted(listing.metadata or (), key=lambda one: str(one.get("created_at")))
        return Seen(found.metadata, tuple(snapshots), found.etag)

    def look_patiently(self) -> Seen | None:
        """The same after something went wrong, once what is still at work on the container has ended.

        The server may be on its way back. Raises what the last try raised.
        """
        deadline = Deadline(_PATIENCE)
        while True:
            try:
                self._end_operations(Deadline(_LONGEST_OPERATION))
                return self.look()
            except (Unreachable, ApiError) as error:
                if deadline.passed or (isinstance(error, ApiError) and error.status < 500):
                    raise
                time.sleep(_PAUSE)

    def set_mark(self, mark: Mark | None, deadline: Deadline, **config: str) -> None:
        """Write the mark, or remove it; config: keys that change with it, empty to unset them."""
        doing = self._doing("mark" if mark else "unmark")
        payload = {"config": {**config, marks.KEY: mark.text() if mark else ""}}
        self.client.write("PATCH", self._path(), payload, doing=doing, deadline=deadline)

    def mark_as_source(self, mark: Mark, deadline: Deadline) -> None:
        self.set_mark(mark, deadline, **{marks.AUTOSTART: "false"})

    def unmark_as_source(self, mark: Mark, deadline: Deadline) -> None:
        self.set_mark(None, deadline, **{marks.AUTOSTART: mark.autostart})

    def settle(self, body: Mapping[str, Any], deadline: Deadline) -> None:
        """Give the container exactly this config, these devices and profiles; what the server itself keeps is kept."""
        seen = self.client.get(self._path(), doing=self._doing("read"))
        kept = {
            key: value
            for key, value in (seen.metadata.get("config") or {}).items()
            if key.startswith("volatile.") and key not in body["config"]
        }
        payload = {**body, "config": {**kept, **body["config"]}, "stateful": bool(seen.metadata.get("stateful"))}
        doing = self._doing("configure")
        self.client.write("PUT", self._path(), payload, doing=doing, deadline=deadline, etag=seen.etag)

    def bring_to(self, status: str, deadline: Deadline, how: Stop = ASKED) -> None:
        """Into a run state, from whichever it is in; how: it is stopped, if it has to be.

        One whose processes were saved when it was stopped is started with them. Raises OperationFailed for one that does
        not stay up.
        """
        content = self.client.get(self._path(), doing=self._doing("read")).metadata
        for action in power.way(power.status(content), power.STATE_THAT_KEEPS[status]):
            payload: dict[str, Any] = {"action": action}
            if action == "stop":
                payload.update(force=how.force, timeout=how.timeout, stateful=how.stateful)
            if action == "start":
                payload.update(stateful=bool(content.get("stateful")))
            self._act(payload, deadline)
            if action == "start":
                self._require_up()

    def wait_until_stopped(self, deadline: Deadline) -> None:
        """After a live move the server takes a moment to stop what has gone, in which it says that it runs, does not, and
        runs again. What it notes of the run state in the config comes last.
        """
        moment = Deadline(min(_PATIENCE, deadline.remaining()))
        while not moment.passed and (seen := self.look()):
            if not view(seen).is_up and seen.config.get("volatile.last_state.power") != "RUNNING":
                return
            time.sleep(_MOMENT)

    def rename(self, name: str, deadline: Deadline) -> None:
        """Give it this name; it has to be at rest."""
        self.client.write("POST", self._path(), {"name": name}, doing=self._doing("rename"), deadline=deadline)

    def delete(self, deadline: Deadline) -> None:
        self.client.write("DELETE", self._path(), doing=self._doing("delete"), deadline=deadline)

    def delete_snapshot(self, name: str, deadline: Deadline) -> None:
        doing = self._doing(f"delete snapshot {name} of")
        self.client.write("DELETE", self._path("snapshots", name), doing=doing, deadline=deadline)

    def clear(self, seen: Seen, deadline: Deadline) -> None:
        """Delete what a migration left half done, once what may still be at work on it has ended."""
        self._end_operations(deadline)
        if self.client.find(self._path(), doing=self._doing("read")) is None:
            return  # The server has cleared it itself.
        if seen.config.get(_PROTECTED) == "true":
            payload = {"config": {_PROTECTED: ""}}
            self.client.write("PATCH", self._path(), payload, doing=self._doing("clear"), deadline=deadline)
        self.delete(deadline)

    def newest_log(self, word: str) -> str | None:
        """The API's path of the newest of the container's logs with the word in its name."""
        names = self.client.get(self._path("logs"), doing=self._doing("list the logs of")).metadata or ()
        found = [str(one) for one in names if word in str(one).rpartition("/")[2]]
        # As in migration_dump_2026-11-24T14:05:53Z.log: what goes before the time says what it was done for.
        return max(found, key=lambda one: one.rpartition("_")[2], default=None)

    def usage(self) -> int:
        """Bytes its root disk takes, or 0 where the server cannot tell."""
        state = self.client.get(self._path("state"), doing=self._doing("read the state of")).metadata
        return int(((state.get("disk") or {}).get("root") or {}).get("usage") or 0)

    def _act(self, payload: Mapping[str, Any], deadline: Deadline) -> None:
        doing = self._doing(str(payload["action"]))
        self.client.write("PUT", self._path("state"), payload, doing=doing, deadline=deadline)

    def _require_up(self) -> None:
        time.sleep(_MOMENT)
        doing = self._doing("start")
        state = self.client.get(self._path("state"), doing=doing).metadata
        if power.status(state) == "stopped":
            raise OperationFailed(self.client.remote, doing, 102, "it stopped again at once")

    def _end_operations(self, deadline: Deadline) -> None:
        """Call off what is at work on the container, or wait for it to end."""
        where = f"/1.0/instances/{self.name}"
        while True:
            listing = self.client.get("/1.0/operations", doing="list operations", recursion="1").metadata or {}
            running = [one for group in listing.values() for one in group or () if _is_at_work(one, where)]
            if not running:
                return
            for one in running:
                self._call_off(str(one["id"]))
            time.sleep(min(_PAUSE, deadline.remaining()))

    def _call_off(self, operation: str) -> None:
        try:
            self.client.send("DELETE", f"/1.0/operations/{operation}", doing=self._doing("call off the operation on"))
        except ApiError:
            return  # It cannot be called off, or has ended meanwhile: the next look at the list says.

    def _path(self, *parts: str) -> str:
        return path("instances", self.name, *parts)

    def _doing(self, what: str) -> str:
        return f"{what} container {self.name}"


def _is_at_work(operation: Mapping[str, Any], where: str) -> bool:
    """Whether it is going on, and changes the container there; what users have running in it does not."""
    if int(operation.get("status_code") or 0) >= SUCCESS or operation.get("description") in _HARMLESS:
        return False
    urls = [url for group in (operation.get("resources") or {}).values() for url in group]
    return any(url.partition("?")[0] == where for url in urls)


def view(seen: Seen | None) -> View:
    """What matters of it for the next step."""
    if seen is None:
        return View()
    return View(
        power.status(seen.content),
        marks.read(seen.config),
        seen.config.get(marks.COPY_OF),
        str(seen.content.get("name") or ""),
        seen.config.get(_IDENTITY),
    )
