# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers and snapshots turned into images. Source: doc/rest-api.yaml, POST /1.0/images, of LXD and Incus."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .._api.client import Client, path
from .._api.deadline import Deadline
from .._api.errors import InvalidInput
from .source import Offer, Traits
from .upload import settled

_STOPPED = 102
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
        self._image_properties(store)
        if not self._origin.snapshot and self._is_running(store) and not self._origin.allow_stop:
            raise InvalidInput(
                f"remote {store.remote}: container {self._origin.name} runs, and only a stopped one is published: stop it"
                " first, publish a snapshot (CONTAINER/SNAPSHOT), or let it be stopped for it with allow_stop: true"
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
        if self._origin.snapshot or not self._is_running(store):
            yield
            return
        self._change(store, {"action": "stop", "timeout": self._origin.stop_timeout}, deadline)
        try:
            yield
        finally:
            # With a time of its own: what is published may have used up all there was.
            self._change(store, {"action": "start", "timeout": -1}, Deadline(deadline.seconds))

    def _change(self, store: Client, payload: dict[str, object], deadline: Deadline) -> None:
        name = self._origin.container
        doing = f"{payload['action']} container {name}"
        store.write("PUT", path("instances", name, "state"), payload, doing=doing, deadline=deadline)

    def _is_running(self, store: Client) -> bool:
        name = self._origin.container
        state = store.get(path("instances", name, "state"), doing=f"read state of container {name}").metadata
        return int(state.get("status_code") or 0) != _STOPPED

    def _image_properties(self, store: Client) -> dict[str, str]:
        origin = self._origin
        where = ["instances", origin.container, *(["snapshots", origin.snapshot] if origin.snapshot else [])]
        found = store.find(path(*where), doing=f"read container {origin.name}")
        if found is None:
            noun = "snapshot" if origin.snapshot else "container"
            raise InvalidInput(f"remote {store.remote}: there is no {noun} {origin.name} to publish")
        config = found.metadata.get("config") or {}
        return {key[len(_PROPERTIES) :]: value for key, value in config.items() if key.startswith(_PROPERTIES)}
