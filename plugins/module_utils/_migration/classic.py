# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Classic LXC on this host as the source of a migration: what End is for a server."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from .._api.client import path
from .._api.deadline import Deadline
from .._api.errors import InvalidInput, NotAvailable
from .._lxc import arrive, life
from .._lxc.draft import Draft
from .._lxc.host import Container, Host
from .._lxc.rootfs import Rootfs, Survey
from .._lxc.translate import translate
from .._resources import power
from . import mark as marks
from .end import ASKED, End, Seen, Stop
from .mark import Mark, Place
from .preflight import NONE
from .steps import COPY, MOVE
from .transfer import AUTO, RELAY, Parcel
from .translate import Changes, mapped_profiles, translated

# In the container's directory, for its configuration has no place for the like. LXC destroys it with the container.
_MARK_FILE = "flotilla.migration"
# A line of its own before it, for the last one of the file need not have ended.
_HOLD = "\n# It is being moved by flotilla.lxd.migrate, which takes this away again:\nlxc.start.auto = 0\n"
_MACHINE_ID = "/etc/machine-id"
# What a container has that says nothing else, as with the servers' own commands.
_PROFILES = ("default",)


class ClassicEnd:
    """name: of the container. It can be a source only."""

    def __init__(self, host: Host, name: str) -> None:
        self._host = host
        self.name = name

    def __str__(self) -> str:
        return f"{self.remote}:{self.name}"

    @property
    def remote(self) -> str:
        return self._host.name

    @property
    def place(self) -> Place:
        return Place(f"lxc@{_machine()}{self._host.lxcpath}", "", self.name)

    def require_trust(self) -> None:
        """Its host is this one."""

    def look(self) -> Seen | None:
        """What is there now, in the words of the servers, with the mark in its config. Raises InvalidInput."""
        container = self._host.find(self.name)
        if container is None:
            return None
        described = container.described(with_state=False)
        draft = self._draft
        config = {**draft.config}
        mark = self._read_mark()
        if mark:
            config[marks.KEY] = mark
        content = {
            **{key: described[key] for key in ("name", "type", "status", "status_code")},
            "architecture": draft.architecture or os.uname().machine,
            "config": config,
            "description": "",
            "devices": draft.devices,
            "ephemeral": draft.ephemeral,
            "profiles": list(_PROFILES),
        }
        return Seen(content, ())

    def look_patiently(self) -> Seen | None:
        return self.look()

    def mark_as_source(self, mark: Mark, deadline: Deadline) -> None:
        """Write the mark, and keep a restarted host from starting the container. Raises NotAvailable."""
        with self._writing():
            _replace(self._path(_MARK_FILE), mark.text())
            self._hold(True)

    def unmark_as_source(self, mark: Mark, deadline: Deadline) -> None:
        """Leave it as it was before it was marked. Raises NotAvailable."""
        with self._writing():
            self._hold(False)
            os.unlink(self._path(_MARK_FILE))

    def bring_to(self, status: str, deadline: Deadline, how: Stop = ASKED) -> None:
        """Into a run state, from whichever it is in. Raises NotAvailable, and DeadlineExceeded if it does not shut down."""
        container = self._container
        current = container.status.lower()
        for action in power.way(current, power.STATE_THAT_KEEPS[status]):
            if action == "stop":
                life.stop(container, seconds=how.timeout, force=how.force)
            else:
                life.act(container, action)

    def delete(self, deadline: Deadline) -> None:
        life.destroy(self._container)

    def usage(self) -> int:
        """Bytes its root file system takes."""
        return self._survey.size

    def objections(self, mode: str, transfer: str, snapshots: str, running: str, changes: Changes) -> list[str]:
        """What speaks against it here, in words. The options are those of the module."""
        dropped = {key for key, value in (changes.config or {}).items() if value is None}
        found = [
            f"{lost.reason}: change that, or say config: {{{lost.key}: null}} to do without"
            for lost in self._draft.lost
            if lost.key not in dropped
        ]
        if self._survey.strangers:
            found.append(f"files belong to users that it does not have: {', '.join(self._survey.strangers)}")
        if transfer not in (AUTO, RELAY):
            found.append(f"transfer: {transfer} is for servers; classic LXC sends by itself")
        if mode not in (MOVE, COPY):
            found.append("classic LXC sends a container as a whole, and cannot bring a copy up to date")
        if mode == COPY and self._container.status != "Stopped":
            found.append("only a classic container that is stopped can be copied")
        if running in ("live", "stateful"):
            found.append(f"running: {running} is for servers; a classic container is moved stopped")
        return [*found, *self._snapshot_objections(mode, snapshots)]

    @property
    def notes(self) -> list[str]:
        """What the user has to know, although nothing stands in the way."""
        return self._draft.notes

    def body(self, seen: Seen, mode: str, target: End, changes: Changes) -> dict[str, Any]:
        """The container as it is to be at the target."""
        content = {**seen.content, "config": marks.before(seen.config)}
        if mode != MOVE:
            # A copy is another container on the network.
            content["devices"] = {
                name: {key: value for key, value in device.items() if key != "hwaddr"}
                for name, device in seen.content["devices"].items()
            }
        content["devices"] = {**_masks(target, mapped_profiles(_PROFILES, changes)), **content["devices"]}
        kind = target.client.server.kind
        return translated(content, mode, kind, kind, changes)

    def send(self, target: End, parcel: Parcel, member: str | None, deadline: Deadline) -> str:
        """Send it and return by which way it went. Raises what the server raises, and InvalidInput if it cannot be read."""
        origin = str(self.place)
        metadata = arrive.metadata(str(parcel.body["architecture"]), int(time.time()), origin)
        doing = f"transfer container {self.name}"
        image = self._rootfs.image(metadata)
        body = {"name": target.name, **parcel.body}
        arrive.create(target.client, body, origin, image, doing=doing, deadline=deadline, member=member)
        return RELAY

    @property
    def _container(self) -> Container:
        return self._host.container(self.name)

    @cached_property
    def _rootfs(self) -> Rootfs:
        with self._naming():
            return Rootfs.of(self._container.entries)

    @cached_property
    def _survey(self) -> Survey:
        return self._rootfs.survey()

    @cached_property
    def _draft(self) -> Draft:
        rootfs = self._rootfs
        with self._naming():
            return translate(self.name, self._container.entries, rootfs.path)

    @contextmanager
    def _naming(self) -> Iterator[None]:
        """Says which container it is that something is wrong with."""
        try:
            yield
        except InvalidInput as error:
            raise InvalidInput(f"remote {self.remote}: container {self.name} cannot be migrated: {error}") from error

    def _path(self, name: str) -> str:
        """Of a file in the container's directory."""
        return os.path.join(self._host.lxcpath, self.name, name)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise NotAvailable(
                f"remote {self.remote}: cannot mark container {self.name}: {error.filename}: {error.strerror}"
            ) from error

    def _hold(self, held: bool) -> None:
        """In its configuration, where the last word counts."""
        path = os.path.realpath(self._path("config"))
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            text = stream.read()
        plain = text.replace(_HOLD, "")
        wanted = plain + _HOLD if held else plain
        if wanted != text:
            _replace(path, wanted)

    def _read_mark(self) -> str | None:
        try:
            with open(self._path(_MARK_FILE), encoding="utf-8") as stream:
                return stream.read()
        except FileNotFoundError:
            return None

    def _snapshot_objections(self, mode: str, wanted: str) -> list[str]:
        directory = self._path("snaps")
        snapshots = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
        if not snapshots:
            return []
        if mode == MOVE:
            return [
                f"it has snapshots ({', '.join(snapshots)}), and LXC destroys none that has: destroy them, or copy it"
            ]
        return [] if wanted == NONE else ["its snapshots cannot go along: say snapshots: none"]


def _masks(target: End, profiles: list[str]) -> dict[str, dict[str, str]]:
    """An interface that the container does not have, it is not to get from a profile either."""
    listed = target.client.get(path("profiles"), doing="list profiles", recursion="1").metadata or ()
    return {
        name: {"type": "none"}
        for profile in listed
        if profile["name"] in profiles
        for name, device in (profile.get("devices") or {}).items()
        if device.get("type") == "nic"
    }


def _replace(path: str, text: str) -> None:
    """Put a file in place at once, as it was to whom but for what is in it."""
    temporary = f"{path}.part"
    with open(temporary, "w", encoding="utf-8", errors="surrogateescape") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    if os.path.exists(path):
        status = os.stat(path)
        os.chown(temporary, status.st_uid, status.st_gid)
        os.chmod(temporary, status.st_mode & 0o7777)
    os.replace(temporary, path)


def _machine() -> str:
    """What this host is called wherever it is seen from."""
    try:
        with open(_MACHINE_ID, encoding="ascii") as stream:
            return stream.read().strip() or os.uname().nodename
    except OSError:
        return os.uname().nodename
