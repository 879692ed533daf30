# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Constraints of storage, ``ebs,2,10G``, and of devices, ``2,nvidia.com/gpu``. Source: the storage and devices of Juju."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from .._api.errors import InvalidInput
from .findings import quoted

_POOL = re.compile(r"[a-zA-Z]+[-?a-zA-Z0-9]*")
_COUNT = re.compile(r"-?\d+")
_SIZE = re.compile(r"(-?\d+(?:\.\d+)?)([MGTPEZY])(?:i?B)?")


@dataclass(frozen=True)
class Storage:
    """pool: empty for the usual one. size in MiB, 0 for the least that the charm asks for."""

    pool: str = ""
    count: int = 1
    size: int = 0


def parse_storage(text: str) -> Storage:
    """Raises InvalidInput with what is wrong."""
    pool, count, size = "", 0, 0
    for each in filter(None, text.split(",")):
        if _POOL.fullmatch(each):
            if pool:
                raise InvalidInput(f"pool name is already set to {quoted(pool)}, new value {quoted(each)} not valid")
            pool = each
        elif _COUNT.fullmatch(each):
            count = int(each)
            if count <= 0:
                raise InvalidInput(f"cannot parse count: count must be greater than zero, got {quoted(each)}")
        else:
            size = parse_size(each)
    if not (pool or count or size):
        raise InvalidInput("storage constraints require at least one field to be specified")
    return Storage(pool, count or 1, size)


def parse_size(text: str) -> int:
    """A size, ``1.5G``, in MiB. Raises InvalidInput."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise InvalidInput(f"unrecognized storage constraint {quoted(text)} not valid")
    amount = float(match.group(1))
    if amount < 0:
        raise InvalidInput(f"cannot parse size: expected a non-negative number, got {quoted(text)}")
    return math.ceil(amount * float(1024 ** "MGTPEZY".index(match.group(2))))


def check_device(text: str) -> None:
    """Raises InvalidInput for what is not ``[count,]class[,attribute]``."""
    parts = text.split(",")
    if len(parts) > 3:
        raise InvalidInput("a device is [<count>,]<device-class>|<vendor/type>[,<attribute>]")
    if len(parts) > 1 and not (parts[0].isdecimal() and int(parts[0]) > 0):
        raise InvalidInput(f"count must be greater than zero, got {quoted(parts[0])}")
    if len(parts) == 3 and parts[2].count("=") != 1:
        raise InvalidInput(f"device attribute {quoted(parts[2])} is not key=value")
