# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom volumes for the storage of units, on the servers.

Source: doc/rest-api.yaml, /1.0/storage-pools/{pool}/volumes/custom, of LXD and Incus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, Callable, TypeVar

from .._api.client import Client, path
from .._api.deadline import Deadline
from .._api.errors import InvalidInput, NotFound
from .._resources.root import root_disk, root_disk_of
from .growth import Growth, NewContainer
from .record import UnitRecord
from .servers import Servers, in_parallel
from .state import Container
from .storage import Volume, device_name, refuse_shared_places

# Whose a volume is, in its config.
OWNER_KEY = "user.flotilla.storage"
# Juju's own name for storage of LXD's, whatever the pool.
_LXD = "lxd"
_T = TypeVar("_T")


@dataclass(frozen=True)
class Volumes:
    """profiles: those of new containers. there: the remotes that have the model's project."""

    servers: Servers
    profiles: Sequence[str]
    there: frozenset[str]

    def located(self, growth: Growth, containers: Sequence[Container]) -> Growth:
        """With the pool of every volume that is to be made. Raises InvalidInput for what cannot be made."""
        by_name = {each.name: each for each in containers}
        for each in growth.new:
            refuse_shared_places(each.name, {unit: record.storage for unit, record in each.units.items()})
        for name, more in growth.joining.items():
            units = {**by_name[name].units, **more}
            refuse_shared_places(name, {unit: record.storage for unit, record in units.items()})

        new = [each for each in growth.new if _have_storage(each.units)]
        joining = {name: each for name, each in growth.joining.items() if _have_storage(each)}
        pools = self._of_remotes(_pools, [each.remote for each in new] + [by_name[name].remote for name in joining])
        usual = self._of_remotes(self._usual, [each.remote for each in new])

        def locate(container: NewContainer) -> NewContainer:
            pool = container.limits.root.get("pool") or usual[container.remote]
            return replace(
                container, units=self._located(container.remote, container.units, pools[container.remote], pool)
            )

        def locate_joining(name: str) -> dict[str, UnitRecord]:
            remote = by_name[name].remote
            return self._located(remote, joining[name], pools[remote], _pool_of_root(self._client(remote), name))

        located = {each.name: each for each in in_parallel(locate, new)}
        joined = dict(zip(joining, in_parallel(locate_joining, joining)))
        return replace(
            growth,
            new=tuple(located.get(each.name, each) for each in growth.new),
            joining={**growth.joining, **joined},
        )

    def _of_remotes(self, look: Callable[[Client], _T], remotes: Sequence[str]) -> dict[str, _T]:
        """What there is to be seen on each of them, asked once."""
        each_once = list(dict.fromkeys(remotes))
        return dict(zip(each_once, in_parallel(lambda remote: look(self._client(remote)), each_once)))

    def _client(self, remote: str) -> Client:
        client = self.servers.client(remote)
        return client if remote in self.there else client.scoped(project="default")

    def _located(
        self, remote: str, units: Mapping[str, UnitRecord], pools: Set[str], usual: str
    ) -> dict[str, UnitRecord]:
        """usual: the pool of the container's root disk, empty if there is none."""
        client = self._client(remote)
        found = {}
        for unit, record in units.items():
            storage = {
                key: replace(each, pool=_pool(each, f"storage {key} of {unit}", remote, pools, usual))
                for key, each in record.storage.items()
            }
            for key, each in storage.items() if remote in self.there else ():
                _is_there(client, each, unit, key)
            found[unit] = replace(record, storage=storage)
        return found

    def _usual(self, client: Client) -> str:
        return root_disk_of(client, self.profiles)[1].get("pool", "")


def made(
    client: Client, container: Mapping[str, Any], units: Mapping[str, UnitRecord], deadline: Deadline
) -> dict[str, dict[str, str]]:
    """Make the volumes of units that are not there. Returns the devices that their container does not have yet.

    container: as the API gives it.
    """
    if client.server.environment.get("server_clustered"):
        client = client.scoped(target=container["location"])
    devices = {}
    for unit, record in units.items():
        for key, each in record.storage.items():
            if device_name(unit, key) not in container["devices"]:
                _make(client, each, unit, key, deadline)
                devices[device_name(unit, key)] = each.device
    return devices


def attach(client: Client, name: str, units: Mapping[str, UnitRecord], deadline: Deadline) -> None:
    """See that a container has the volumes of its units."""
    if not _have_storage(units):
        return
    container = client.get(path("instances", name), doing=f"read container {name}").metadata
    devices = made(client, container, units, deadline)
    if devices:
        doing = f"attach storage to container {name}"
        client.write("PATCH", path("instances", name), {"devices": devices}, doing=doing, deadline=deadline)


def delete(client: Client, container: Container, units: Mapping[str, UnitRecord], deadline: Deadline) -> None:
    """Delete the volumes of units, which are attached to nothing any more."""
    if container.location not in ("", "none"):
        client = client.scoped(target=container.location)
    for record in units.values():
        for each in record.storage.values():
            try:
                client.write("DELETE", _where(each), doing=f"delete volume {each.name}", deadline=deadline)
            except NotFound:
                continue


def texts(growth: Growth) -> list[str]:
    """What a person reads of the volumes that are to be made."""
    units = [unit for each in (*(new.units for new in growth.new), *growth.joining.values()) for unit in each.items()]
    return [
        f"make storage {key} of {unit}, {each.size}MiB at {each.location}"
        for unit, record in units
        for key, each in record.storage.items()
    ]


def _make(client: Client, volume: Volume, unit: str, key: str, deadline: Deadline) -> None:
    if _is_there(client, volume, unit, key):
        return
    payload = {
        "name": volume.name,
        "type": "custom",
        "content_type": "filesystem",
        "description": f"Storage {key} of unit {unit} of model {client.project}",
        "config": {"size": f"{volume.size}MiB", OWNER_KEY: _owner(client, unit, key)},
    }
    where = path("storage-pools", volume.pool, "volumes", "custom")
    client.write("POST", where, payload, doing=f"create volume {volume.name}", deadline=deadline)


def _have_storage(units: Mapping[str, UnitRecord]) -> bool:
    return any(record.storage for record in units.values())


def _pools(client: Client) -> set[str]:
    urls = client.get(path("storage-pools"), doing="list storage pools").metadata
    return {url.partition("?")[0].rpartition("/")[2] for url in urls or ()}


def _pool(volume: Volume, what: str, remote: str, pools: Set[str], usual: str) -> str:
    name = usual if not volume.pool or (volume.pool == _LXD and _LXD not in pools) else volume.pool
    if not name:
        raise InvalidInput(
            f"remote {remote}: {what} is in no pool, and neither is the root disk: name one in the bundle"
        )
    if name not in pools:
        known = ", ".join(sorted(pools)) or "none"
        raise InvalidInput(
            f"remote {remote}: {what} is to be in storage pool {name}, and there is no such pool: it has {known}"
        )
    return name


def _pool_of_root(client: Client, container: str) -> str:
    content = client.get(path("instances", container), doing=f"read container {container}").metadata
    return root_disk(content.get("expanded_devices") or {})[1].get("pool", "")


def _is_there(client: Client, volume: Volume, unit: str, key: str) -> bool:
    """Whether a run that was cut short has made it, or it was kept when its unit went. Raises InvalidInput for another's."""
    there = client.find(_where(volume), doing=f"look for volume {volume.name}")
    if there is None:
        return False
    owner = (there.metadata.get("config") or {}).get(OWNER_KEY)
    if owner != _owner(client, unit, key) or there.metadata.get("used_by"):
        raise InvalidInput(
            f"remote {client.remote}: storage pool {volume.pool} has a volume {volume.name} already that is not of this unit:"
            " rename or delete it"
        )
    return True


def _owner(client: Client, unit: str, key: str) -> str:
    return f"{client.project} {unit} {key}"


def _where(volume: Volume) -> str:
    return path("storage-pools", volume.pool, "volumes", "custom", volume.name)
