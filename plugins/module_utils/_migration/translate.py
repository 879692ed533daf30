# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container of one server in the words of another: what goes along, what stays behind, what is called differently."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._api.server import INCUS, LXD, Kind
from .._resources.root import root_disk
from .._resources.values import Devices, merge_config, merge_devices
from . import mark as marks
from .steps import MOVE

# The servers' own notes that make a container what it is; all other volatile keys are about the host it is on. With these, it
# has its addresses again from the DHCP server, and cloud-init knows that it has been here before.
_CARRIED = re.compile(r"volatile\.(base_image|uuid|cloud-init\.instance-id|[^.]+\.hwaddr|[^.]+\.name)")
# A copy is another container: all it has from its source is the image.
_COPIED = re.compile(r"volatile\.base_image")
# What LXD and Incus call differently. Source: doc/reference/instance_options of both.
_LXD_TO_INCUS: Mapping[str, str] = {
    "security.devlxd": "security.guestapi",
    "security.devlxd.images": "security.guestapi.images",
}
_RENAMED: Mapping[tuple[str, str], Mapping[str, str]] = {
    (LXD.name, INCUS.name): _LXD_TO_INCUS,
    (INCUS.name, LXD.name): {new: old for old, new in _LXD_TO_INCUS.items()},
}


@dataclass(frozen=True)
class Changes:
    """What the user wants to be different at the target. profiles, networks: old name to new, null for none."""

    profiles: Mapping[str, str | None] = field(default_factory=dict)
    networks: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] | None = None
    devices: Mapping[str, Any] | None = None
    pool: str | None = None


def translated(content: Mapping[str, Any], mode: str, source: Kind, target: Kind, changes: Changes) -> dict[str, Any]:
    """The writable part of the container (or of a snapshot) as it is to be at the target, without any mark.

    Raises InvalidInput for a change that cannot be.
    """
    owner = f"container {content.get('name')}"
    config = renamed(plain(content.get("config") or {}), source, target)
    carried = _CARRIED if mode == MOVE else _COPIED
    config.update({key: value for key, value in content["config"].items() if carried.fullmatch(key)})
    devices = _devices(content, changes)
    return {
        "architecture": content.get("architecture") or "",
        "config": merge_config(config, changes.config, exact=False, owner=owner),
        "description": content.get("description") or "",
        "devices": merge_devices(devices, changes.devices, exact=False, owner=owner),
        "ephemeral": bool(content.get("ephemeral")),
        "profiles": mapped_profiles(content.get("profiles") or (), changes),
    }


def changes(content: Mapping[str, Any], body: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of config, devices and profiles what differs, as it is in the source's content and in the translated body."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for part, old, new in (
        ("config", plain(marks.before(content.get("config") or {})), plain(body["config"])),
        ("devices", content.get("devices") or {}, body["devices"]),
    ):
        differing = [key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]
        if differing:
            before[part] = {key: old[key] for key in differing if key in old}
            after[part] = {key: new[key] for key in differing if key in new}
    profiles = list(content.get("profiles") or ())
    if profiles != body["profiles"]:
        before["profiles"], after["profiles"] = profiles, body["profiles"]
    return before, after


def plain(config: Mapping[str, str]) -> dict[str, str]:
    """The config without what a server notes for itself, and without marks."""
    ours = (marks.KEY, marks.COPY_OF)
    return {key: value for key, value in config.items() if not key.startswith("volatile.") and key not in ours}


def renamed(config: Mapping[str, str], source: Kind, target: Kind) -> dict[str, str]:
    return {other_name(key, source, target): value for key, value in config.items()}


def other_name(key: str, source: Kind, target: Kind) -> str:
    """What the target calls the key."""
    return _RENAMED.get((source.name, target.name), {}).get(key, key)


def mapped_profiles(names: Any, changes: Changes) -> list[str]:
    mapped = [changes.profiles.get(name, name) for name in names]
    return [name for name in mapped if name]


def _devices(content: Mapping[str, Any], changes: Changes) -> Devices:
    devices: Devices = {name: dict(options) for name, options in (content.get("devices") or {}).items()}
    for options in devices.values():
        for key in ("network", "parent"):
            if options.get("type") == "nic" and options.get(key) in changes.networks:
                options[key] = changes.networks[options[key]]
    if changes.pool:
        name, root = root_disk(content.get("expanded_devices") or devices)
        devices[name or "root"] = {**(root or {"type": "disk", "path": "/"}), "pool": changes.pool}
    return devices
