# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which config keys a server knows. It refuses a container that has another, but only when that is under way already.

Source: GET /1.0/metadata/configuration (extension metadata_configuration); for a server without it, what LXD 5.0 refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .._api.client import Client, path
from .._api.server import Server
from .._resources.values import SERVER_OWNED

# Known, although the servers' own lists leave them out.
_UNLISTED = (*SERVER_OWNED, "limits.kernel.", "security.syscalls.", "linux.sysctl.", "environment.", "user.")
_NOT_IN_LXD_5_0 = (
    "agent.nic_config",
    "boot.autorestart",
    "boot.host_shutdown_action",
    "limits.cpu.nodes",
    "limits.cpu.pin_strategy",
    "oci.",
    "security.delegate_bpf",
    "security.guestapi",
    "security.syscalls.intercept.sysinfo",
    "smbios11.",
)
_LISTS_KEYS = "metadata_configuration"
# What newer servers note in a container's or snapshot's config.
_NOTES_NOT_IN_LXD_5_0 = re.compile(
    r"volatile\.(apply_nvram|attached_volumes|cluster\.group|container\.oci|cpu\.nodes|last_state\.ready|rebalance\..*"
    r"|uuid\.generation|vm\.definition|[^.]+\.last_state\.(ip_addresses|pci\.parent|usb\..*))"
)


def unknown_keys(client: Client, config: Mapping[str, Any]) -> list[str]:
    """Those of the config's keys that the server does not know, as far as that can be known."""
    if not client.server.can(_LISTS_KEYS):
        return sorted(key for key in config if key.startswith(_NOT_IN_LXD_5_0))
    candidates = [key for key in config if not key.startswith(_UNLISTED)]
    if not candidates:
        return []
    where = path("metadata", "configuration")
    listing = client.send("GET", where, doing="ask which config keys it knows").metadata
    return unlisted(candidates, listing)


def knows_volatile(server: Server, key: str) -> bool:
    """Whether it takes such a key of the servers' own, in a snapshot that comes from elsewhere. True for all others."""
    return server.can(_LISTS_KEYS) or not _NOTES_NOT_IN_LXD_5_0.fullmatch(key)


def unlisted(keys: Iterable[str], listing: Mapping[str, Any]) -> list[str]:
    """The keys that the answer does not name, sorted. Of a name with a star only what is before it counts."""
    groups = ((listing.get("configs") or {}).get("instance") or {}).values()
    names = {name for group in groups for entry in group.get("keys") or () for name in entry}
    families = tuple(name.partition("*")[0] for name in names if "*" in name)
    return sorted(key for key in keys if key not in names and not (families and key.startswith(families)))
