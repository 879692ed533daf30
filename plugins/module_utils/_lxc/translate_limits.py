# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits of control groups, of both versions, in the words of LXD and Incus."""

from __future__ import annotations

import re
from collections.abc import Callable

from .configuration import Entry
from .draft import Draft

_SIZE = re.compile(r"(\d+)([KMGT]?)", re.IGNORECASE)
_UNLIMITED = ("-1", "max")
# What every container of theirs may use, apart from what LXC's own common.conf allows.
_ALLOWED_ANYWAY = ("c 10:200 rwm", "c 10:229 rwm")


def _memory(draft: Draft, entry: Entry) -> None:
    size = _size(entry, draft)
    if size:
        draft.config["limits.memory"] = size
        draft.config.pop("limits.memory.enforce", None)


def _soft_memory(draft: Draft, entry: Entry) -> None:
    if "limits.memory" in draft.config:
        draft.lose(entry, "there is one limit of memory, and a hard one is given already")
        return
    size = _size(entry, draft)
    if size:
        draft.config.update({"limits.memory": size, "limits.memory.enforce": "soft"})


def _swap(draft: Draft, entry: Entry) -> None:
    if entry.value in _UNLIMITED:
        return
    # The first version counts memory and swap together.
    together = entry.key.endswith("memsw.limit_in_bytes") and _size(entry, draft) == draft.config.get("limits.memory")
    if entry.value == "0" or together:
        draft.config["limits.memory.swap"] = "false"
    else:
        draft.lose(entry, "swap can be allowed or not, but not by so much")


def _processors(draft: Draft, entry: Entry) -> None:
    # A lone number would be how many, and not which.
    draft.config["limits.cpu"] = f"{entry.value}-{entry.value}" if entry.value.isdigit() else entry.value


def _processor_time(draft: Draft, entry: Entry) -> None:
    """``cpu.max`` is "quota period", in microseconds, and so are the two keys of the first version."""
    quota, _blank, period = entry.value.partition(" ")
    _allow(draft, entry, quota, period or "100000")


def _quota(draft: Draft, entry: Entry) -> None:
    before = draft.config.get("limits.cpu.allowance", "").partition("/")[2]
    _allow(draft, entry, entry.value, f"{before[:-2]}000" if before else "100000")


def _period(draft: Draft, entry: Entry) -> None:
    before = draft.config.get("limits.cpu.allowance", "").partition("/")[0]
    if before:
        _allow(draft, entry, f"{before[:-2]}000", entry.value)
    elif entry.value != "100000":
        draft.lose(entry, "a period is given together with its quota, which comes first")


def _allow(draft: Draft, entry: Entry, quota: str, period: str) -> None:
    if quota in _UNLIMITED:
        return
    if not quota.isdigit() or not period.isdigit() or int(quota) % 1000 or int(period) % 1000:
        draft.lose(entry, "the servers count in whole milliseconds")
        return
    draft.config["limits.cpu.allowance"] = f"{int(quota) // 1000}ms/{int(period) // 1000}ms"


def _processes(draft: Draft, entry: Entry) -> None:
    if entry.value not in _UNLIMITED:
        draft.config["limits.processes"] = entry.value


def _devices(draft: Draft, entry: Entry) -> None:
    if entry.value not in _ALLOWED_ANYWAY and entry.value != "a":
        draft.keep_raw(entry)


def _size(entry: Entry, draft: Draft) -> str | None:
    """As the servers write it: the kernel's units are powers of 1024."""
    if entry.value in _UNLIMITED:
        return None
    size = _SIZE.fullmatch(entry.value)
    if size is None:
        draft.lose(entry, "it is no size")
        return None
    return f"{size[1]}{size[2].upper()}iB" if size[2] else f"{size[1]}B"


LIMITS: tuple[tuple[str, Callable[[Draft, Entry], None]], ...] = (
    (r"lxc\.cgroup\.memory\.limit_in_bytes|lxc\.cgroup2\.memory\.max", _memory),
    (r"lxc\.cgroup\.memory\.soft_limit_in_bytes|lxc\.cgroup2\.memory\.high", _soft_memory),
    (r"lxc\.cgroup\.memory\.memsw\.limit_in_bytes|lxc\.cgroup2\.memory\.swap\.max", _swap),
    (r"lxc\.cgroup2?\.cpuset\.cpus", _processors),
    (r"lxc\.cgroup2\.cpu\.max", _processor_time),
    (r"lxc\.cgroup\.cpu\.cfs_quota_us", _quota),
    (r"lxc\.cgroup\.cpu\.cfs_period_us", _period),
    (r"lxc\.cgroup2?\.pids\.max", _processes),
    (r"lxc\.cgroup2?\.devices\.(allow|deny)", _devices),
)
