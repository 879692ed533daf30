# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is looked at before anything moves: whether the target can take the container, all findings at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._api.client import Client, path
from .._resources import power
from .._resources.root import root_disk
from .end import End, Seen
from .steps import COPY, MOVE, REFRESH

ALL, NONE = "all", "none"
RUNNING = ("move", "stateful", "live", "refuse")


@dataclass(frozen=True)
class Ground:
    """What the target has. profiles: devices by name; volumes: pool and name of each that its devices attach and that is
    there; members: of its cluster, or None where it is none; pool_free: bytes, or None where the server cannot tell;
    unknown_keys: those of the container's config that it does not know, as far as can be known.
    """

    profiles: Mapping[str, Mapping[str, Mapping[str, str]]]
    networks: frozenset[str]
    pools: frozenset[str]
    architectures: frozenset[str]
    unknown_keys: Sequence[str] = ()
    pool_free: int | None = None
    members: frozenset[str] | None = None
    volumes: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Question:
    """body: the container as it is to be at the target; usage: the bytes its disk takes, or 0 where unknown; member: of the
    target's cluster, if one is asked for.
    """

    mode: str
    running: str
    snapshots: str
    seen: Seen
    body: Mapping[str, Any]
    snapshot_profiles: Mapping[str, Sequence[str]]
    usage: int = 0
    member: str | None = None


def survey(target: End, body: Mapping[str, Any], unknown_keys: Sequence[str], member: str | None) -> Ground:
    """Ask the target's server what it has. member: where the container is to be. Raises ApiError, Unreachable."""
    client = target.client
    client.require_project()
    profiles = client.get(path("profiles"), doing="list profiles", recursion="1").metadata or ()
    networks = client.get(path("networks"), doing="list networks", recursion="1").metadata or ()
    pools = client.get(path("storage-pools"), doing="list storage pools", recursion="1").metadata or ()
    ground = Ground(
        profiles={one["name"]: one.get("devices") or {} for one in profiles},
        networks=frozenset(one["name"] for one in networks),
        pools=frozenset(one["name"] for one in pools),
        architectures=frozenset(client.server.environment.get("architectures") or ()),
        unknown_keys=tuple(unknown_keys),
        members=_members(client) if member else None,
    )
    devices = expanded_devices(body, ground)
    ground = replace(ground, volumes=_volumes(client, devices, ground.pools))
    pool = root_disk(devices)[1].get("pool")
    if pool not in ground.pools:
        return ground
    doing = f"read the resources of storage pool {pool}"
    there = client.scoped(target=member if member in (ground.members or ()) else None)
    space = there.get(path("storage-pools", str(pool), "resources"), doing=doing).metadata.get("space") or {}
    free = int(space.get("total") or 0) - int(space.get("used") or 0)
    return Ground(**{**vars(ground), "pool_free": free if space.get("total") else None})


def _members(client: Client) -> frozenset[str] | None:
    if not client.server.environment.get("server_clustered"):
        return None
    listed = client.get(path("cluster", "members"), doing="list cluster members", recursion="1").metadata or ()
    return frozenset(one["server_name"] for one in listed)


def _volumes(
    client: Client, devices: Mapping[str, Mapping[str, str]], pools: frozenset[str]
) -> frozenset[tuple[str, str]]:
    wanted = {attached for options in devices.values() if (attached := _attached_volume(options)) is not None}
    return frozenset(
        (pool, name)
        for pool, name in wanted
        if pool in pools
        and client.find(path("storage-pools", pool, "volumes", "custom", name), doing=f"look for volume {name}")
    )


def _attached_volume(options: Mapping[str, str]) -> tuple[str, str] | None:
    """Pool and name of the custom volume that a device attaches, if it does; in newer Incus a path in it may follow."""
    if options.get("type") != "disk" or not options.get("pool") or not options.get("source"):
        return None
    return options["pool"], options["source"].partition("/")[0]


def expanded_devices(body: Mapping[str, Any], ground: Ground) -> dict[str, Mapping[str, str]]:
    """The devices the container will have at the target, those of its profiles there included."""
    layers = [ground.profiles.get(name, {}) for name in body["profiles"]]
    return {name: options for layer in [*layers, body["devices"]] for name, options in layer.items()}


def findings(asked: Question, ground: Ground) -> list[str]:
    """All that speaks against it, each in words; empty if nothing does. Pure."""
    return [
        *_source_findings(asked),
        *_profile_findings(asked, ground),
        *_device_findings(asked, ground),
        *_server_findings(asked, ground),
    ]


def _source_findings(asked: Question) -> list[str]:
    content, found = asked.seen.content, []
    status = power.status(content)
    names = {str(one["name"]).rpartition("/")[2] for one in asked.seen.snapshots}
    if asked.snapshots not in (ALL, NONE):
        if asked.snapshots not in names:
            found.append(f"it has no snapshot {asked.snapshots}")
        elif asked.mode != COPY:
            found.append(f"one snapshot alone can be copied, but not be the source of a {asked.mode}: say mode: copy")
    if status not in power.STATE_THAT_KEEPS:
        found.append(f"its server says that it is {status}: see to that first")
    if status != "stopped" and asked.running == "refuse":
        found.append(f"it is {status}, and running: refuse is asked for")
    if asked.mode != MOVE:
        return found
    if (content.get("expanded_config") or {}).get("security.protection.delete") == "true":
        found.append("security.protection.delete is set, so that it could not be deleted afterwards: unset that first")
    if content.get("ephemeral") and status != "stopped" and asked.running != "live":
        found.append("it is ephemeral, so that stopping it would delete it: copy it, or say running: live")
    if status == "frozen" and asked.running in ("live", "stateful"):
        found.append(f"it is frozen, and only one that runs can be moved with running: {asked.running}")
    return found


def _profile_findings(asked: Question, ground: Ground) -> list[str]:
    missing = [name for name in asked.body["profiles"] if name not in ground.profiles]
    found = [
        f"there is no profile {name} at the target: make it, or say profiles: {{{name}: OTHER}}" for name in missing
    ]
    # As a rule a snapshot has the profiles of its container.
    found += [
        f"there is no profile {name} at the target, and snapshot {snapshot} has it: make it, or say snapshots: none"
        for snapshot, names in sorted(asked.snapshot_profiles.items())
        for name in names
        if name not in ground.profiles and name not in missing
    ]
    return found


def _device_findings(asked: Question, ground: Ground) -> list[str]:
    devices = expanded_devices(asked.body, ground)
    found = []
    for name, options in sorted(devices.items()):
        network = options.get("network") or options.get("parent")
        if options.get("type") == "nic" and network and network not in ground.networks:
            found.append(
                f"there is no network {network} at the target, and device {name} is on it: say networks: {{{network}: OTHER}}"
            )
        pool = options.get("pool")
        if options.get("type") == "disk" and pool and pool not in ground.pools:
            found.append(f"there is no storage pool {pool} at the target, and device {name} is on it: say target_pool")
        volume = _attached_volume(options)
        if volume and volume[0] in ground.pools and volume not in ground.volumes:
            found.append(
                f"there is no volume {volume[1]} in storage pool {pool} at the target, and device {name} attaches it: copy it"
                f" there, which this does not do, or say devices: {{{name}: null}}"
            )
    if not root_disk(devices)[0] and asked.mode != REFRESH:
        found.append("none of its profiles at the target has a root disk: say target_pool")
    return found


def _member_findings(member: str | None, members: frozenset[str] | None) -> list[str]:
    if member is None:
        return []
    if members is None:
        return [f"target: {member} is asked for, and the target is no cluster"]
    if not member.startswith("@") and member not in members:
        return [f"there is no member {member} in the target's cluster, but {', '.join(sorted(members))}"]
    return []


def _server_findings(asked: Question, ground: Ground) -> list[str]:
    found = _member_findings(asked.member, ground.members)
    architecture = asked.body["architecture"]
    if ground.architectures and architecture not in ground.architectures:
        found.append(
            f"its architecture is {architecture}, and the target runs {', '.join(sorted(ground.architectures))}"
        )
    found += [f"the target does not know {key}: say config: {{{key}: null}}" for key in ground.unknown_keys]
    if asked.usage and ground.pool_free is not None and asked.mode != REFRESH and asked.usage > ground.pool_free:
        found.append(f"it takes {asked.usage} bytes, and the target's pool has {ground.pool_free} left")
    return found
