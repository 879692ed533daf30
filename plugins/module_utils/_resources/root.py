# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk that a container has its root file system on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .._api.client import Client, path


def root_disk(devices: Mapping[str, Mapping[str, str]]) -> tuple[str, dict[str, str]]:
    """Name and options of the root disk; empty where there is none."""
    for name, options in devices.items():
        if options.get("type") == "disk" and options.get("path") == "/" and options.get("pool"):
            return name, dict(options)
    return "", {}


def root_disk_of(client: Client, profiles: Sequence[str]) -> tuple[str, dict[str, str]]:
    """That which profiles give to a container: of several, the last one counts."""
    for profile in reversed(profiles):
        content = client.get(path("profiles", profile), doing=f"read profile {profile}").metadata
        name, options = root_disk(content.get("devices") or {})
        if name:
            return name, options
    return "", {}
