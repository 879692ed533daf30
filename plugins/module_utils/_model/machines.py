# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the containers of a model, and starts those that stand still."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._api.client import Client, path
from .._api.deadline import Deadline
from .._api.errors import InvalidInput
from .._images import choice
from .._resources import power, readiness
from .._resources.root import root_disk_of
from . import volumes
from .growth import NewContainer
from .images import image_for
from .record import UnitRecord, key_of
from .servers import Servers, in_parallel
from .state import MACHINE_KEY, Container, Settings


@dataclass(frozen=True)
class Machines:
    """Makes containers on the servers as the settings say. wait_for: as the module container has it."""

    servers: Servers
    settings: Settings
    wait_for: Sequence[str]

    def images(
        self, wanted: Sequence[NewContainer], there: frozenset[str]
    ) -> dict[tuple[str, str], choice.ImageChoice]:
        """By remote and the image's name. there: the remotes that have the project; one that is made has the images of the
        default project. Raises InvalidInput for an image that is not there.
        """
        kinds = {(each.remote, self._image(each)): each.limits.kind or "container" for each in wanted}

        def find(key: tuple[str, str]) -> choice.ImageChoice:
            client = self._lender(key[0], there)
            return choice.find(client, key[1], kind=kinds[key], client_config=self.servers.client_config)

        return dict(zip(kinds, in_parallel(find, kinds)))

    def require_profiles(self, wanted: Sequence[NewContainer], there: frozenset[str]) -> None:
        """there: as for images(), and for the same reason. Raises InvalidInput for a profile that is not there."""
        profiles = self.settings.profiles or ()
        if not profiles:
            return

        def require(remote: str) -> None:
            listed = self._lender(remote, there).get(path("profiles"), doing="list profiles", recursion="1").metadata
            known = {each["name"] for each in listed or ()}
            missing = [name for name in profiles if name not in known]
            if missing:
                raise InvalidInput(
                    f"remote {remote}: new containers are to have profile {' and '.join(missing)}, and there is no such"
                    f" profile: it has {', '.join(sorted(known))}"
                )

        in_parallel(require, dict.fromkeys(each.remote for each in wanted))

    def _lender(self, remote: str, there: frozenset[str]) -> Client:
        """Of whose images and profiles the model's project makes use."""
        client = self.servers.client(remote)
        return client if remote in there else client.scoped(project="default")

    def make(
        self, wanted: Sequence[NewContainer], images: Mapping[tuple[str, str], choice.ImageChoice], deadline: Deadline
    ) -> None:
        """Make and start all of them, and wait until they are ready.

        An image that has to be fetched is fetched by the first container alone: servers trip over two that fetch it at once.
        """
        first: list[NewContainer] = []
        others: list[NewContainer] = []
        seen = set()
        for each in wanted:
            key = (each.remote, self._image(each))
            is_fetched = images[key].source.get("mode") == "pull"
            (first if is_fetched and key not in seen else others).append(each)
            seen.add(key)

        roots = self._roots(wanted)

        def make(each: NewContainer) -> None:
            devices = _root(each, *roots[each.remote], self.settings.profiles_of_new) if each.limits.root else {}
            self._make(each, images[each.remote, self._image(each)], devices, deadline)

        in_parallel(make, first)
        in_parallel(make, others)

    def start(self, containers: Sequence[Container], deadline: Deadline) -> None:
        in_parallel(lambda each: self._start(each.remote, each.name, each.units, deadline, each.status), containers)

    def _roots(self, wanted: Sequence[NewContainer]) -> dict[str, tuple[str, dict[str, str]]]:
        """The root disk of the profiles, on each remote where a container is to have another one."""
        remotes = list(dict.fromkeys(each.remote for each in wanted if each.limits.root))
        names = self.settings.profiles_of_new
        return dict(zip(remotes, in_parallel(lambda each: root_disk_of(self.servers.client(each), names), remotes)))

    def _make(
        self,
        wanted: NewContainer,
        image: choice.ImageChoice,
        devices: Mapping[str, Mapping[str, str]],
        deadline: Deadline,
    ) -> None:
        client = self.servers.client(wanted.remote, target=wanted.target)
        payload = {**self._payload(wanted), "devices": devices, "source": image.source_for(client, deadline)}
        client.write("POST", path("instances"), payload, doing=f"create container {wanted.name}", deadline=deadline)
        self._start(wanted.remote, wanted.name, wanted.units, deadline)

    def _start(
        self, remote: str, name: str, units: Mapping[str, UnitRecord], deadline: Deadline, status: str = "stopped"
    ) -> None:
        client = self.servers.client(remote)
        volumes.attach(client, name, units, deadline)
        where = path("instances", name, "state")
        action = power.to_start(status)
        client.write("PUT", where, {"action": action}, doing=f"{action} container {name}", deadline=deadline)
        readiness.wait(client, name, self.wait_for or ["running"], deadline)

    def _payload(self, wanted: NewContainer) -> dict[str, Any]:
        limits = wanted.limits
        payload: dict[str, Any] = {
            "name": wanted.name,
            "type": limits.kind or "container",
            "config": {
                **limits.config,
                MACHINE_KEY: json.dumps({"number": wanted.machine}),
                **{key_of(unit): record.to_json() for unit, record in wanted.units.items()},
            },
        }
        if self.settings.profiles is not None:
            payload["profiles"] = self.settings.profiles
        if limits.architecture:
            payload["architecture"] = limits.architecture
        if limits.instance_type:
            payload["instance_type"] = limits.instance_type
        return payload

    def _image(self, wanted: NewContainer) -> str:
        return wanted.limits.image or image_for(wanted.series, self.settings.images)


def _root(
    wanted: NewContainer, name: str, options: Mapping[str, str], profiles: Sequence[str]
) -> dict[str, dict[str, str]]:
    """The root disk of the profiles, if they have one, of another size or from another pool."""
    if name:
        return {name: {**options, **wanted.limits.root}}
    if "pool" not in wanted.limits.root:
        raise InvalidInput(
            f"remote {wanted.remote}: container {wanted.name} is to have a root disk of {wanted.limits.root['size']}, and"
            f" none of its profiles ({', '.join(profiles) or 'none'}) says from which pool: name it as root-disk-source"
        )
    return {"root": {"type": "disk", "path": "/", **wanted.limits.root}}
