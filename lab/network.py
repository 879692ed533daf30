# SPDX-License-Identifier: GPL-3.0-or-later
"""Bridges: whether a subnet is free, and clearing a bridge with its firewall rules."""

from __future__ import annotations

import ipaddress
import json
import shlex
import shutil
from pathlib import Path

from lab.run import LabError, run, succeeds
from lab.settings import SEARCH_PATH, Daemon

NFTABLES = ("lxd", "incus")


def check_subnet(daemon: Daemon) -> None:
    """Raise LabError if something else on this machine has addresses in the daemon's subnet."""
    wanted = ipaddress.ip_interface(daemon.gateway).network
    for route in json.loads(run("ip", "-json", "-4", "route", "show", "table", "main")):
        if route["dst"] == "default" or route.get("dev") == daemon.bridge:
            continue
        if ipaddress.ip_network(route["dst"], strict=False).overlaps(wanted):
            raise LabError(
                f"The subnet of {daemon.name}, {wanted}, is taken by {route.get('dev')} ({route['dst']}). Choose other"
                " ones by their first two bytes, FLOTILLA_LAB_SUBNETS=10.98, or give another lab another name."
            )


def clear_bridge(name: str) -> None:
    """Remove the bridge with the containers' interfaces on it, and all rules the daemon made for it."""
    if Path("/sys/class/net", name, "bridge").is_dir():
        # A monitor that saw its container end before it was killed itself gave the interface back to this machine.
        for port in json.loads(run("ip", "-json", "link", "show", "master", name, "type", "veth")):
            succeeds("ip", "link", "delete", port["ifname"])  # may go with its container just now
        run("ip", "link", "delete", name)
    _clear_iptables(name)
    _clear_nftables(name)


def _clear_iptables(bridge: str) -> None:
    """Where no nftables are, the daemons mark each rule "generated for LXD network NAME", or Incus network."""
    for command in ("iptables", "ip6tables"):
        if not shutil.which(command, path=SEARCH_PATH):
            continue
        for table in ("filter", "nat", "mangle"):
            try:
                rules = run(command, "--wait", "--table", table, "--list-rules")
            except LabError:  # a table this kernel does not have
                continue
            for line in rules.splitlines():
                rule = shlex.split(line)
                if rule[0] == "-A" and any(
                    f"generated for {title} network {bridge}" in rule for title in ("LXD", "Incus")
                ):
                    succeeds(command, "--wait", "--table", table, "--delete", *rule[1:])


def _clear_nftables(bridge: str) -> None:
    """With nftables each daemon has tables of its own, named as itself, and in them chains named KIND.BRIDGE."""
    if not shutil.which("nft", path=SEARCH_PATH):
        return
    ours = [chain for chain in _chains() if chain[2].partition(".")[2] == bridge]
    for action in ("flush", "delete"):
        for chain in ours:
            succeeds("nft", action, "chain", *chain)


def clear_empty_tables() -> None:
    """Remove the daemons' nftables tables if no chain is left in them. Not while a daemon of the lab runs."""
    if not shutil.which("nft", path=SEARCH_PATH):
        return
    used = {chain[:2] for chain in _chains()}
    for table in set(_nftables("tables", "table", ("family", "name"))) - used:
        if table[1] in NFTABLES:
            succeeds("nft", "delete", "table", *table)


def _chains() -> list[tuple[str, ...]]:
    """Family, table and name of each chain in the daemons' tables."""
    return [chain for chain in _nftables("chains", "chain", ("family", "table", "name")) if chain[1] in NFTABLES]


def _nftables(listed: str, kind: str, fields: tuple[str, ...]) -> list[tuple[str, ...]]:
    entries = json.loads(run("nft", "--json", "list", listed))["nftables"]
    return [tuple(entry[kind][field] for field in fields) for entry in entries if kind in entry]
