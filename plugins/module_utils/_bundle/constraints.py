# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Constraints, as ``mem=2G cores=2 zones=a,b``. Source: core/constraints of Juju."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Callable

from .._api.errors import InvalidInput
from .findings import quoted

ARCHITECTURES = ("amd64", "arm64", "armhf", "i386", "ppc64el", "riscv64", "s390x")
_CONTAINERS = ("", "none", "lxd", "lxc", "kvm")
_MEBIBYTES = {"": 1, "M": 1, "G": 1024, "T": 1024**2, "P": 1024**3}
_SIZE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)([MGTP]?)")


@dataclass(frozen=True)
class Constraints:
    """None is what is not said. mem and root_disk are in MiB, cpu_power in a unit of Juju's own. A space with ``^`` before
    it is one not to be in.
    """

    arch: str | None = None
    container: str | None = None
    cores: int | None = None
    cpu_power: int | None = None
    nested_virtualization: bool | None = None
    mem: int | None = None
    root_disk: int | None = None
    root_disk_source: str | None = None
    tags: tuple[str, ...] | None = None
    instance_role: str | None = None
    instance_type: str | None = None
    spaces: tuple[str, ...] | None = None
    virt_type: str | None = None
    zones: tuple[str, ...] | None = None
    allocate_public_ip: bool | None = None
    image_id: str | None = None


def parse(text: str) -> Constraints:
    """Raises InvalidInput with what is wrong with the first that is."""
    found: dict[str, Any] = {}
    for each in re.split(r"(?<!\\) ", text.strip()):
        if not each.strip():
            continue
        name, equals, value = each.strip().replace("\\ ", " ").partition("=")
        if not (equals and name):
            raise InvalidInput(f"malformed constraint {quoted(name + equals + value)}")
        key = _ALIASES.get(name, name)
        if key not in _READERS:
            raise InvalidInput(f"unknown constraint {quoted(name)}")
        if key in found:
            raise InvalidInput(f"bad {quoted(name)} constraint: already set")
        try:
            found[key] = _READERS[key](value)
        except ValueError as error:
            raise InvalidInput(f"bad {quoted(name)} constraint: {error}") from error
    return Constraints(**{key.replace("-", "_"): value for key, value in found.items()})


def said(constraints: Constraints) -> dict[str, Any]:
    """What is said, by the names that a bundle has for it."""
    values = {one.name.replace("_", "-"): getattr(constraints, one.name) for one in fields(constraints)}
    return {name: value for name, value in values.items() if value is not None}


def _text(value: str) -> str:
    return value


def _one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in choices:
            raise ValueError(f"{quoted(value)} not recognized")
        return value

    return read


def _number(value: str) -> int:
    if not re.fullmatch(r"\d*", value):
        raise ValueError("must be a non-negative integer")
    return int(value or 0)


def _size(value: str) -> int:
    match = _SIZE.fullmatch(value or "0")
    if match is None:
        raise ValueError("must be a non-negative float with optional M/G/T/P suffix")
    return math.ceil(float(match.group(1)) * _MEBIBYTES[match.group(2)])


def _flag(value: str) -> bool:
    if value not in ("", "true", "false"):
        raise ValueError("must be 'true' or 'false'")
    return value == "true"


def _list(value: str) -> tuple[str, ...]:
    return tuple(value.split(",")) if value else ()


def _spaces(value: str) -> tuple[str, ...]:
    for each in _list(value):
        name = each[1:] if each.startswith("^") else each
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
            raise ValueError(f"{quoted(name)} is not a valid space name")
    return _list(value)


_ALIASES = {"cpu-cores": "cores"}
_READERS: Mapping[str, Callable[[str], Any]] = {
    "arch": _one_of(("", *ARCHITECTURES)),
    "container": _one_of(_CONTAINERS),
    "cores": _number,
    "cpu-power": _number,
    "nested-virtualization": _flag,
    "mem": _size,
    "root-disk": _size,
    "root-disk-source": _text,
    "tags": _list,
    "instance-role": _text,
    "instance-type": _text,
    "spaces": _spaces,
    "virt-type": _text,
    "zones": _list,
    "allocate-public-ip": _flag,
    "image-id": _text,
}
