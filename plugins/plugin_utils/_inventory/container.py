# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container as a server lists it, and the addresses it has.

Source: the schemas Instance, InstanceState and InstanceStateNetwork of doc/rest-api.yaml of LXD and of Incus.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...module_utils._resources.addresses import of_network

_IMAGE = "image."
_VOLATILE = "volatile."


@dataclass(frozen=True)
class Interface:
    """A network interface as seen inside: its addresses that others can reach, in the server's order."""

    name: str
    mac: str
    ipv4: tuple[str, ...] = ()
    ipv6: tuple[str, ...] = ()


@dataclass(frozen=True)
class Container:
    """What is known of one container or virtual machine. interfaces is None when nobody asked for addresses.

    is_classic: it is one of LXC on this host, and what LXC does not have is empty. Its config has lists in it.
    config is the expanded one without image.*, which are in image, and volatile.*, which are the server's notes.
    """

    remote: str
    project: str
    name: str
    type: str
    status: str
    architecture: str
    location: str
    description: str
    created_at: str
    ephemeral: bool
    profiles: tuple[str, ...]
    config: Mapping[str, Any]
    devices: Mapping[str, Mapping[str, str]]
    image: Mapping[str, str]
    interfaces: tuple[Interface, ...] | None
    is_classic: bool = False

    @classmethod
    def parse(cls, remote: str, content: Mapping[str, Any]) -> Container:
        """From an element of ``GET /1.0/instances?recursion=1`` or ``=2``, or what is like one with the kind lxc."""
        is_classic = content.get("kind") == "lxc"
        config = content.get("expanded_config") or {}
        devices = content.get("expanded_devices") or {}
        return cls(
            remote=remote,
            project=content.get("project") or ("" if is_classic else "default"),
            name=content["name"],
            type=content.get("type") or "container",
            status=content.get("status") or "",
            architecture=content.get("architecture") or "",
            location=content.get("location") or "none",
            description=content.get("description") or "",
            created_at=content.get("created_at") or "",
            ephemeral=bool(content.get("ephemeral")),
            profiles=tuple(content.get("profiles") or ()),
            config={key: value for key, value in config.items() if not key.startswith((_IMAGE, _VOLATILE))},
            devices=devices,
            image=_image(config),
            interfaces=_interfaces(content["state"], _macs(config, devices)) if "state" in content else None,
            is_classic=is_classic,
        )

    def addresses(self, family: str) -> list[str]:
        """All addresses of a family, ``ipv4`` or ``ipv6``."""
        return [address for interface in self.interfaces or () for address in getattr(interface, family)]


def _image(config: Mapping[str, str]) -> dict[str, str]:
    """The properties of the image it was made from, which stay with the container, and the image's fingerprint."""
    image = {key[len(_IMAGE) :]: value for key, value in config.items() if key.startswith(_IMAGE)}
    fingerprint = config.get("volatile.base_image")
    return {**image, "fingerprint": fingerprint} if fingerprint else image


def _macs(config: Mapping[str, str], devices: Mapping[str, Mapping[str, str]]) -> set[str]:
    """The hardware addresses of its NIC devices, given by the user or else by the server."""
    given = (device["hwaddr"] for device in devices.values() if device.get("hwaddr"))
    made = (value for key, value in config.items() if key.startswith(_VOLATILE) and key.endswith(".hwaddr"))
    return {mac.lower() for mac in (*given, *made)}


def _interfaces(state: Mapping[str, Any] | None, macs: set[str]) -> tuple[Interface, ...]:
    """Interfaces with an address; NIC devices before what is made inside, such as docker0, by name among them."""
    network: Mapping[str, Any] = (state or {}).get("network") or {}
    found = [_interface(name, content) for name, content in network.items() if content.get("type") != "loopback"]
    reachable = [interface for interface in found if interface.ipv4 or interface.ipv6]
    return tuple(sorted(reachable, key=lambda one: (one.mac.lower() not in macs, one.name)))


def _interface(name: str, content: Mapping[str, Any]) -> Interface:
    addresses = of_network(content)
    mac = content.get("hwaddr") or ""
    return Interface(name=name, mac=mac, ipv4=tuple(addresses["ipv4"]), ipv6=tuple(addresses["ipv6"]))
