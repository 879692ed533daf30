# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses in an instance's state, as people ask for them. Loopback and link-local ones are left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FAMILIES = ("ipv4", "ipv6")
_FAMILY = {"inet": "ipv4", "inet6": "ipv6"}


def by_interface(state: Mapping[str, Any]) -> dict[str, dict[str, list[str]]]:
    """``{"eth0": {"ipv4": ["192.0.2.17"], "ipv6": []}}``, in the order of the interfaces' names."""
    found: dict[str, dict[str, list[str]]] = {}
    for interface, network in sorted((state.get("network") or {}).items()):
        if network.get("type") == "loopback":
            continue
        found[interface] = of_network(network)
    return found


def of_network(network: Mapping[str, Any]) -> dict[str, list[str]]:
    """The addresses of one interface: ``{"ipv4": ["192.0.2.17"], "ipv6": []}``."""
    found: dict[str, list[str]] = {family: [] for family in FAMILIES}
    for address in network.get("addresses") or ():
        if address.get("scope") == "global" and address.get("family") in _FAMILY:
            found[_FAMILY[address["family"]]].append(address["address"])
    return found


def by_family(state: Mapping[str, Any]) -> dict[str, list[str]]:
    """``{"ipv4": ["192.0.2.17"], "ipv6": []}``."""
    interfaces = by_interface(state).values()
    return {family: [address for each in interfaces for address in each[family]] for family in FAMILIES}


def in_words(state: Mapping[str, Any]) -> str:
    """For a message: ``eth0 192.0.2.17, eth1 none``."""
    return (
        ", ".join(
            f"{interface} {' '.join(each['ipv4'] + each['ipv6']) or 'none'}"
            for interface, each in by_interface(state).items()
        )
        or "no interface"
    )
