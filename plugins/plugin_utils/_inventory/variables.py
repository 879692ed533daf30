# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of a host, and the names of the groups it is in."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ...module_utils._remotes.resolve import AUTO
from .container import Container
from .sources import Source

EXEC = "flotilla.lxd.exec"
# LXC has nothing of the rest.
_OF_CLASSIC = (
    *("flotilla_name", "flotilla_remote", "flotilla_type", "flotilla_status", "flotilla_architecture"),
    *("flotilla_ephemeral", "flotilla_config"),
)


def connection(source: Source, one: Container, how: str) -> dict[str, Any]:
    """How Ansible reaches the container, ``exec`` or ``ssh``. It is always said, so that nothing is left to a default:
    Ansible's own for some names is to run tasks on the controller."""
    if how == "ssh":
        return {"ansible_connection": "ssh", "ansible_host": _ssh_host(one)}
    access = {
        "client_config": None if source.client_config == AUTO else source.client_config,
        "url": source.url,
        "client_cert": source.client_cert,
        "client_key": source.client_key,
        "server_cert": source.server_cert,
    }
    return {
        "ansible_connection": EXEC,
        "ansible_flotilla_remote": one.remote,
        **({"ansible_flotilla_project": one.project} if one.project else {}),
        "ansible_flotilla_container": one.name,
        **{f"ansible_flotilla_{key}": value for key, value in access.items() if value},
    }


def _ssh_host(one: Container) -> str:
    """Its first IPv4 address, else its first IPv6 address. Without any, a name that never resolves (RFC 6761): by the
    container's own, ssh might find another machine, or the controller."""
    addresses = [*one.addresses("ipv4"), *one.addresses("ipv6")]
    return addresses[0] if addresses else f"{one.name}.has-no-address.invalid"


def facts(one: Container) -> dict[str, Any]:
    """What is known of the container, each variable documented in the plugin's notes."""
    known: dict[str, Any] = {
        "flotilla_name": one.name,
        "flotilla_remote": one.remote,
        "flotilla_project": one.project,
        "flotilla_type": one.type,
        "flotilla_status": one.status,
        "flotilla_architecture": one.architecture,
        "flotilla_location": one.location,
        "flotilla_description": one.description,
        "flotilla_created_at": one.created_at,
        "flotilla_ephemeral": one.ephemeral,
        "flotilla_profiles": list(one.profiles),
        "flotilla_image": dict(one.image),
        "flotilla_config": dict(one.config),
        "flotilla_devices": {name: dict(device) for name, device in one.devices.items()},
    }
    if one.is_classic:
        known = {key: known[key] for key in _OF_CLASSIC if known[key] != ""} | {"flotilla_kind": "lxc"}
    if one.interfaces is not None:
        known["flotilla_addresses"] = {
            "ipv4": one.addresses("ipv4"),
            "ipv6": one.addresses("ipv6"),
            "interfaces": {
                each.name: {
                    **({} if one.is_classic else {"mac": each.mac}),
                    "ipv4": list(each.ipv4),
                    "ipv6": list(each.ipv6),
                }
                for each in one.interfaces
            },
        }
    return known


def groups(one: Container, by: Collection[str]) -> list[str]:
    """``remote_lxd-a``, ``status_running``, ...: not yet made fit for Ansible. by says of what."""
    values: dict[str, list[str]] = {
        "remote": [one.remote],
        "project": [one.project],
        "status": [one.status.lower()],
        "type": [one.type],
        "profile": list(one.profiles),
        "os": [one.image.get("os", "").lower()],
        "release": [one.image.get("release", "").lower()],
        # What a server that is no cluster member says.
        "location": [] if one.location == "none" else [one.location],
    }
    return [f"{kind}_{value}" for kind in values if kind in by for value in values[kind] if value]
