# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which container on which remote a host of the inventory is."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import replace

from ...module_utils._api.errors import ConfigurationError
from ...module_utils._lxc import host
from ...module_utils._remotes.resolve import Access

# What both servers accept as a name: that of a host on a network, as it becomes the container's own.
_NAME = re.compile(r"(?![0-9]+$)(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
# Classic LXC takes what a directory can be called.
_CLASSIC_NAME = re.compile(r"(?!\.)[^/\s]+")


def choose(container: str | None, address: str | None, hostname: str) -> str:
    """The name meant: the one said to be the container's, the host's address unless it is an IP address, the host's own.

    An inventory may well know a container's IP address, and it says nothing here about which container that is.
    """
    if container:
        return container
    if address and not _is_ip_address(address):
        return address
    return hostname


def locate(name: str, access: Access) -> tuple[str, Access]:
    """``c1`` or ``foo:c1`` as a container and the access to its remote. A remote in the name goes before the other.

    Raises ConfigurationError for what cannot be a container's name.
    """
    remote, colon, container = name.partition(":")
    if colon:
        access = replace(access, remote=remote or access.remote)
    else:
        container = name
    if host.is_meant(access):
        if not _CLASSIC_NAME.fullmatch(container):
            raise ConfigurationError(f"{name} cannot be a container of classic LXC")
    elif not _NAME.fullmatch(container):
        raise ConfigurationError(
            f"{name} cannot be a container: a name is up to 63 letters, digits and hyphens, in front of it the remote and"
            " a colon if need be. Where the host has another name, ansible_flotilla_container says which container it is"
        )
    return container, access


def _is_ip_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
