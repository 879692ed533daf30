# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on the servers beside a model: nothing of it is taken for the model's, and no name is had twice on a network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from .._api.client import Client, path
from .._api.errors import Forbidden, InvalidInput
from .growth import NewContainer
from .servers import Servers

# The project that is always there.
DEFAULT = "default"
# How many containers are named in a message.
_MOST_NAMES = 5

# By the name of a device, its options.
Devices = Mapping[str, Mapping[str, str]]
# A container of a server: its project and its name.
_Instance = tuple[str, str]


def objection(model: str, remote: str, foreign: Sequence[str]) -> str:
    """Why a model should not come into a project that is there and no model's; empty if it may. foreign: containers in it."""
    if model == DEFAULT:
        return (
            f"remote {remote}: a model called {DEFAULT} would be in the project of that name, where all is that has no"
            " project of its own: give the model another name"
        )
    if foreign:
        more = f" and {len(foreign) - _MOST_NAMES} more" if len(foreign) > _MOST_NAMES else ""
        return (
            f"remote {remote}: project {model} is there already and has containers of somebody else,"
            f" {', '.join(foreign[:_MOST_NAMES])}{more}: give the model another name, leave the remote out, or move them to"
            " another project"
        )
    return ""


class Neighbours:
    """The containers of others. there: the remotes that have the model's project. profiles: those of new containers."""

    def __init__(self, servers: Servers, there: frozenset[str], profiles: Sequence[str]) -> None:
        self._servers = servers
        self._there = there
        self._profiles = profiles

    def require_free_names(self, new: Iterable[NewContainer]) -> None:
        """Raises InvalidInput for a container that is to be made, and called like one that is in its way."""
        new = list(new)
        for remote in sorted({each.remote for each in new}):
            self._require([each for each in new if each.remote == remote], self._servers.client(remote))

    def _require(self, new: Sequence[NewContainer], client: Client) -> None:
        listed = self._instances(client)
        own = {name for project, name in listed if project == client.project}
        taken = sorted(each.name for each in new if each.name in own)
        if taken:
            raise InvalidInput(
                f"remote {client.remote}: project {client.project} has containers already that are not of the model:"
                f" {', '.join(taken)}. Rename them, or deploy to another project"
            )
        wanted = {each.name.lower(): each for each in new}
        alike = [(project, name) for project, name in listed if name.lower() in wanted]
        for project, name in sorted(alike):
            self._require_other_network(wanted[name.lower()], client, project, name)

    def _instances(self, client: Client) -> list[_Instance]:
        """Those of all projects; of the model's alone for a client that may see no other. Then it is left to the server."""
        try:
            doing = "list containers of all projects"
            urls = Client(client.transport).send("GET", path("instances"), doing=doing, query={"all-projects": "true"})
        except Forbidden:
            if client.remote not in self._there:
                return []
            urls = client.get(path("instances"), doing="list containers")
        return [_instance(url) for url in urls.metadata or ()]

    def _require_other_network(self, new: NewContainer, client: Client, project: str, name: str) -> None:
        found = client.scoped(project=project).find(path("instances", name), doing=f"read container {name}")
        # Every member of a cluster has a network of its own.
        if found is None or new.target not in ("", found.metadata.get("location")):
            return
        networks = _networks(found.metadata.get("expanded_devices") or {})
        for network, is_managed in self._own_networks(client).items():
            if network in networks and (is_managed or networks[network] or _is_managed(client, network)):
                raise InvalidInput(
                    f"remote {client.remote}: container {new.name} is to be made on network {network}, where one of project"
                    f" {project} is called {name}, and names differ there whatever the project. Give the model another name"
                )

    def _own_networks(self, client: Client) -> dict[str, bool]:
        lender = client if client.remote in self._there else client.scoped(project=DEFAULT)
        devices: dict[str, Mapping[str, str]] = {}
        for profile in self._profiles:
            found = lender.get(path("profiles", profile), doing=f"read profile {profile}").metadata
            devices.update(found.get("devices") or {})
        return _networks(devices)


def _instance(url: str) -> _Instance:
    parts = urlsplit(url)
    return parse_qs(parts.query).get("project", [DEFAULT])[0], unquote(parts.path.rpartition("/")[2])


def _networks(devices: Devices) -> dict[str, bool]:
    """The bridges that NICs are on, and whether it is plain from the NIC that the server manages it, and so the names."""
    nics = [options for options in devices.values() if options.get("type") == "nic"]
    parents = {nic["parent"]: False for nic in nics if nic.get("nictype") == "bridged" and nic.get("parent")}
    return {**parents, **{nic["network"]: True for nic in nics if nic.get("network")}}


def _is_managed(client: Client, network: str) -> bool:
    """A client that may not see it is left to what the server says."""
    try:
        found: Any = client.find(path("networks", network), doing=f"read network {network}")
    except Forbidden:
        return False
    return found is not None and bool(found.metadata.get("managed"))
