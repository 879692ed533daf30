# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which config keys a server knows. It refuses a container that has another, but only when that is under way already.

Source: GET /1.0/metadata/configuration (extension metadata_configuration); for a server without it, what LXD 5.0 refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._api.client import Client, path
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


def unknown_keys(client: Client, config: Mapping[str, Any]) -> list[str]:
    """Those of the config's keys that the server does not know, as far as that can be known."""
    if not client.server.can("metadata_configuration"):
        return sorted(key for key in config if key.startswith(_NOT_IN_LXD_5_0))
    candidates = [key for key in config if not key.startswith(_UNLISTED)]
    if not candidates:
        return []
    where = path("metadata", "configuration")
    listing = client.send("GET", where, doing="ask which config keys it knows").metadata
    return unlisted(candidates, listing)


def unlisted(keys: Iterable[str], listing: Mapping[str, Any]) -> list[str]:
    """The keys that the answer does not name, sorted. Of a name with a star only what is before it counts."""
    groups = ((listing.get("configs") or {}).get("instance") or {}).values()
    names = {name for group in groups for entry in group.get("keys") or () for name in entry}
    families = tuple(name.partition("*")[0] for name in names if "*" in name)
    return sorted(key for key in keys if key not in names and not (families and key.startswith(families)))
