# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network interfaces of a classic container as NIC devices."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .configuration import Entry
from .draft import Draft

_MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", re.IGNORECASE)
_SAME = {"name": "name", "mtu": "mtu", "veth.pair": "host_name"}
# With these, the server sets the addresses on the interface, as LXC does.
_WITH_ADDRESS = ("ipvlan", "routed")

Lines = Mapping[str, list[Entry]]


def nics(draft: Draft, lines: Mapping[int, Lines]) -> None:
    """lines: by number of the interface, and what follows the number in the key."""
    taken = 0
    for number in sorted(lines):
        each = lines[number]
        kind = _value(each, "type") or "empty"
        if kind == "none":
            draft.lose(each["type"][0], "a container cannot share the network of its host")
        if kind in ("empty", "none"):
            continue
        device = _device(draft, each, kind)
        if device is None:
            continue
        # As LXC names what has no name.
        name = device.setdefault("name", f"eth{taken}")
        taken += 1
        draft.devices[name] = device


def _device(draft: Draft, lines: Lines, kind: str) -> dict[str, str] | None:
    link = _value(lines, "link")
    nictype = _nictype(lines, kind, link)
    if nictype is None:
        draft.lose(lines["type"][0])
        return None
    device = {"type": "nic", "nictype": nictype}
    if link:
        device["parent"] = link
    for key, entries in lines.items():
        entry = entries[-1]
        if key in _SAME:
            device[_SAME[key]] = entry.value
        elif key == "hwaddr":
            if _MAC.fullmatch(entry.value):  # with an x in it, LXC makes one up
                device["hwaddr"] = entry.value.lower()
        elif re.fullmatch(r"ipv[46]\.address", key):
            _addresses(draft, device, key, entries)
        elif key in ("ipvlan.mode", "macvlan.mode", "veth.mode", "vlan.id"):
            _mode(draft, device, entry, key)
        elif key not in ("type", "link", "flags", "l2proxy"):
            for each in entries:
                draft.lose(each)
    return device


def _nictype(lines: Lines, kind: str, link: str | None) -> str | None:
    if kind == "veth":
        if _value(lines, "veth.mode") == "router":
            return "routed"
        return "bridged" if link else "p2p"
    return {"macvlan": "macvlan", "ipvlan": "ipvlan", "phys": "physical"}.get(kind)


def _addresses(draft: Draft, device: dict[str, str], key: str, entries: list[Entry]) -> None:
    if device["nictype"] in _WITH_ADDRESS:
        device[key] = ", ".join(entry.value.split()[0].partition("/")[0] for entry in entries)
        return
    for entry in entries:
        draft.lose(entry, "on such an interface the container itself sets its addresses, or asks for them by DHCP")


def _mode(draft: Draft, device: dict[str, str], entry: Entry, key: str) -> None:
    """A mode that is not the one the servers use."""
    if key == "vlan.id":
        device["vlan"] = entry.value
    elif key == "ipvlan.mode" and entry.value in ("l2", "l3s"):
        device["mode"] = entry.value
    elif (key, entry.value) not in (("macvlan.mode", "bridge"), ("veth.mode", "bridge"), ("veth.mode", "router")):
        draft.lose(entry)


def _value(lines: Lines, key: str) -> str | None:
    return lines[key][-1].value if lines.get(key) else None
