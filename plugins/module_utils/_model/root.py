# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The root disk that profiles give to a container."""

from __future__ import annotations

from collections.abc import Sequence

from .._api.client import Client, path


def root_disk(client: Client, profiles: Sequence[str]) -> tuple[str, dict[str, str]] | None:
    """The device's name and options; of several profiles, the last one counts. None if there is none."""
    for name in reversed(profiles):
        devices = client.get(path("profiles", name), doing=f"read profile {name}").metadata.get("devices") or {}
        for device, options in devices.items():
            if options.get("type") == "disk" and options.get("path") == "/":
                return device, options
    return None
