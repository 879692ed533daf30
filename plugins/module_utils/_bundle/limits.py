# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Constraints as what an instance of LXD or Incus has for them.

A constraint asks for at least so much of a machine; a container has the whole host, and so it becomes what it gets at most.
Source: doc/reference/instance_options of LXD and Incus.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .constraints import Constraints, said

_ARCHITECTURES = {
    "amd64": "x86_64",
    "arm64": "aarch64",
    "armhf": "armv7l",
    "i386": "i686",
    "ppc64el": "ppc64le",
    "riscv64": "riscv64",
    "s390x": "s390x",
}
_KINDS = {"": None, "container": "container", "virtual-machine": "virtual-machine"}
# Constraints with no counterpart, and why there is none.
_WITHOUT = {
    "allocate-public-ip": "addresses are what the network of the container gives",
    "container": "where a unit has a container of its own is said by its placement",
    "cpu-power": "there is no measure for it",
    "instance-role": "there are no roles of a cloud",
    "nested-virtualization": "it is the host's to have",
    "spaces": "there are no spaces, but networks and profiles",
    "tags": "servers have no tags",
}


@dataclass(frozen=True)
class Limits:
    """What the constraints ask of an instance.

    config and root: keys of its config and of its root disk device. architecture: in the API's words. kind: its type, None
    for either. zones: cluster members or groups, one of which it is to be on. image: which one, instead of that of the
    series. instance_type: a size by its name in a cloud, as the API takes it. without: (name, reason) of what has no
    counterpart.
    """

    config: Mapping[str, str] = field(default_factory=dict)
    root: Mapping[str, str] = field(default_factory=dict)
    architecture: str | None = None
    kind: str | None = None
    zones: tuple[str, ...] = ()
    image: str | None = None
    instance_type: str | None = None
    without: tuple[tuple[str, str], ...] = ()


def limits(constraints: Constraints) -> Limits:
    """An empty constraint, as ``mem=``, is no limit."""
    without = [(name, _WITHOUT[name]) for name, value in said(constraints).items() if value and name in _WITHOUT]
    if constraints.virt_type and constraints.virt_type not in _KINDS:
        without.append(("virt-type", "instances are of the type container or virtual-machine"))
    return Limits(
        config={
            **({"limits.cpu": str(constraints.cores)} if constraints.cores else {}),
            **({"limits.memory": f"{constraints.mem}MiB"} if constraints.mem else {}),
        },
        root={
            **({"size": f"{constraints.root_disk}MiB"} if constraints.root_disk else {}),
            **({"pool": constraints.root_disk_source} if constraints.root_disk_source else {}),
        },
        architecture=_ARCHITECTURES.get(constraints.arch or ""),
        kind=_KINDS.get(constraints.virt_type or ""),
        zones=constraints.zones or (),
        image=constraints.image_id or None,
        instance_type=constraints.instance_type or None,
        without=tuple(sorted(without)),
    )
