# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands against moving a container alive from one server to another, as far as it can be known before.

It takes CRIU on both hosts, which says itself why it cannot write or restore a process, but late and in its own words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._api.client import Client, path
from .._api.errors import ApiError

# 3.17, of Debian 12, fails with "Unexpected rt vDSO area bounds" on newer kernels; 4.1.1, of Debian 13, works on them.
OLDEST_CRIU = (4, 1)
# Servers with this extension refuse to do anything stateful with a container that lacks migration.stateful.
_ASKS_FOR_STATEFUL = "container_migration_stateful"


@dataclass(frozen=True)
class Host:
    """One of the two hosts. cpu_flags and criu are None where they are not known; criu is "" where there is none."""

    remote: str
    title: str  # of its server
    kernel: str
    architecture: str
    extensions: frozenset[str] = frozenset()
    cpu_flags: frozenset[str] | None = None
    criu: str | None = None


@dataclass
class Findings:
    """missing: a live migration fails, or what it restores is of no use. doubtful: that may be so, or not. unknown: what
    nobody could be asked.
    """

    missing: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def look(client: Client, *, criu: str | None, cpu_flags: list[str] | None) -> Host:
    """Ask a server about its host. criu, cpu_flags: what the user knows from elsewhere."""
    server = client.server
    environment = server.environment
    return Host(
        remote=client.remote,
        title=server.kind.title,
        kernel=str(environment.get("kernel_version") or ""),
        architecture=str(environment.get("kernel_architecture") or ""),
        extensions=server.extensions,
        cpu_flags=frozenset(cpu_flags) if cpu_flags else _cpu_flags(client),
        criu=criu,
    )


def findings(source: Host, target: Host, container: Mapping[str, Any] | None = None) -> Findings:
    """What stands against it; container: as the API gives it, to look at its configuration as well."""
    found = Findings()
    if source.title != target.title:
        found.missing.append(
            f"remote {source.remote} is {source.title}, remote {target.remote} is {target.title}: neither restores what the"
            " other wrote"
        )
    if source.architecture != target.architecture:
        found.missing.append(
            f"remote {source.remote} has {source.architecture} processors, remote {target.remote} {target.architecture}"
        )
    else:
        _compare_processors(source, target, found)
    if _version(target.kernel)[:2] < _version(source.kernel)[:2]:
        found.doubtful.append(
            f"the kernel of remote {target.remote} ({target.kernel}) is older than that of {source.remote}"
            f" ({source.kernel}): CRIU restores on the same or a newer one"
        )
    for host in (source, target):
        _check_criu(host, found)
    if container:
        _check_container(source, container, found)
    return found


def _compare_processors(source: Host, target: Host, found: Findings) -> None:
    unknown = [host.remote for host in (source, target) if host.cpu_flags is None]
    if source.cpu_flags is None or target.cpu_flags is None:
        found.unknown.append(f"what the processors of remote {' and '.join(unknown)} can do")
        return
    lacking = sorted(source.cpu_flags - target.cpu_flags)
    if lacking:
        found.doubtful.append(
            f"the processors of remote {target.remote} lack what those of {source.remote} have, and processes may use:"
            f" {' '.join(lacking)}"
        )


def _check_criu(host: Host, found: Findings) -> None:
    if host.criu is None:
        found.unknown.append(f"whether the host of remote {host.remote} has CRIU, and which")
    elif not host.criu:
        found.missing.append(f"the host of remote {host.remote} has no CRIU")
    elif _version(host.criu)[:2] < OLDEST_CRIU:
        oldest = ".".join(map(str, OLDEST_CRIU))
        found.missing.append(f"the host of remote {host.remote} has CRIU {host.criu}: it takes {oldest} or newer")


def _check_container(source: Host, container: Mapping[str, Any], found: Findings) -> None:
    name = container["name"]
    config = container.get("expanded_config") or {}
    if container.get("type") == "virtual-machine":
        found.missing.append(f"{name} is a virtual machine: what is said here is about containers")
        return
    if not re.search(r"^\s*lxc\.console\.path\s*=\s*none\s*$", config.get("raw.lxc") or "", re.MULTILINE):
        found.missing.append(
            f"container {name} has no line lxc.console.path=none in its raw.lxc (the container's own value, or the last"
            " profile's, hides that of all others)"
        )
    if _ASKS_FOR_STATEFUL in source.extensions and config.get("migration.stateful") != "true":
        found.missing.append(f'container {name} does not have migration.stateful: "true"')
    if config.get("security.privileged") != "true":
        found.missing.append(
            f"container {name} is unprivileged: its processes are restored without the mapping of owners of its files, and"
            ' cannot open them. Give it security.privileged: "true" if that may be, or move it stopped'
        )


def _cpu_flags(client: Client) -> frozenset[str] | None:
    """Of all cores alike; None where the server does not tell (extension ``resources_cpu_flags``), or not this client.

    Raises Forbidden for a client that is not trusted at all.
    """
    try:
        found = client.get(path("resources"), doing="read the resources of the host").metadata
    except ApiError:
        if not client.server.trusted:
            raise
        return None
    cores = [core for socket in found["cpu"]["sockets"] or () for core in socket["cores"] or ()]
    flags = [frozenset(core.get("flags") or ()) for core in cores]
    return frozenset.intersection(*flags) if flags and all(flags) else None


def _version(text: str) -> tuple[int, ...]:
    """``6.18.44-generic`` as (6, 18, 44)."""
    match = re.match(r"\d+(\.\d+)*", text)
    return tuple(int(part) for part in match[0].split(".")) if match else ()
