# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers and snapshots turned into images. Source: doc/rest-api.yaml, POST /1.0/images, of LXD and Incus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .._api.client import Client, path
from .._api.deadline import REQUEST_SECONDS, Deadline
from .._api.errors import InvalidInput
from .source import Offer, Traits
from .upload import settled

_RUNNING = 103
_PROPERTIES = "image."


@dataclass(frozen=True)
class Origin:
    """What is published. name: ``web1``, or ``web1/snap0`` for a snapshot. stop_timeout: in seconds."""

    name: str
    allow_stop: bool = False
    stop_timeout: int = 30
    compression: str | None = None

    @property
    def container(self) -> str:
        return self.name.partition("/")[0]

    @property
    def snapshot(self) -> str:
        return self.name.partition("/")[2]


class ContainerSource:
    """A container, or a snapshot of one, as a new image each time."""

    action = "publish"
    is_the_name = False

    def __init__(self, origin: Origin) -> None:
        if not origin.container or origin.name.endswith("/"):
            raise InvalidInput(f"{origin.name!r} is no container or snapshot: it is CONTAINER or CONTAINER/SNAPSHOT")
        self._origin = origin

    def look(self, store: Client) -> Offer:
        return Offer(None)

    def check(self, store: Client) -> None:
        container = self._read(store)
        status = self._status(store)
        if self._origin.snapshot or status == "stopped":
            return
        name = f"remote {store.remote}: container {self._origin.name}"
        if container.get("ephemeral"):
            raise InvalidInput(f"{name} is ephemeral, so that stopping it would delete it: publish a snapshot of it")
        if status != "running":
            raise InvalidInput(f"{name} is {status}: start or stop it first, or publish a snapshot of it")
        if not self._origin.allow_stop:
            raise InvalidInput(
                f"{name} runs, and only a stopped one is published: stop it first, publish a snapshot (CONTAINER/SNAPSHOT),"
                " or let it be stopped for it with allow_stop: true"
            )

    def bring(self, store: Client, traits: Traits, deadline: Deadline) -> str:
        origin = self._origin
        doing = f"publish {'snapshot' if origin.snapshot else 'container'} {origin.name}"
        payload = {
            "source": {"type": "snapshot" if origin.snapshot else "instance", "name": origin.name},
            "public": traits.public,
            # LXD would forget what the container's own image says of it, Incus not.
            "properties": {**self._image_properties(store), **traits.properties},
        }
        if origin.compression:
            payload["compression_algorithm"] = origin.compression
        with self._at_rest(store, deadline):
            return settled(store, store.write("POST", path("images"), payload, doing=doing, deadline=deadline), doing)

    @contextmanager
    def _at_rest(self, store: Client, deadline: Deadline) -> Iterator[None]:
        """Stop a container that runs, and start it again afterwards, whatever happens in between."""
        if self._origin.snapshot or self._status(store) == "stopped":
            yield
            return
        # The server is to give up before we do: nobody would start again what it has stopped later.
        seconds = max(1, min(self._origin.stop_timeout, int(deadline.remaining()) - 1))
        try:
            self._change(store, {"action": "stop", "timeout": seconds}, Deadline(seconds + REQUEST_SECONDS))
            yield
        finally:
            if self._status(store) == "stopped":
                # With a time of its own: what is published may have used up all there was.
                self._change(store, {"action": "start", "timeout": -1}, Deadline(REQUEST_SECONDS))

    def _change(self, store: Client, payload: dict[str, object], deadline: Deadline) -> None:
        name = self._origin.container
        doing = f"{payload['action']} container {name}"
        store.write("PUT", path("instances", name, "state"), payload, doing=doing, deadline=deadline)

    def _status(self, store: Client) -> str:
        name = self._origin.container
        state = store.get(path("instances", name, "state"), doing=f"read state of container {name}").metadata
        return "running" if state.get("status_code") == _RUNNING else str(state.get("status") or "unknown").lower()

    def _image_properties(self, store: Client) -> dict[str, str]:
        config = self._read(store).get("config") or {}
        return {key[len(_PROPERTIES) :]: value for key, value in config.items() if key.startswith(_PROPERTIES)}

    def _read(self, store: Client) -> Mapping[str, Any]:
        origin = self._origin
        where = ["instances", origin.container, *(["snapshots", origin.snapshot] if origin.snapshot else [])]
        found = store.find(path(*where), doing=f"read container {origin.name}")
        if found is None:
            noun = "snapshot" if origin.snapshot else "container"
            raise InvalidInput(f"remote {store.remote}: there is no {noun} {origin.name} to publish")
        return dict(found.metadata)
