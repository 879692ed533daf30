# SPDX-License-Identifier: GPL-3.0-or-later
"""Clear the control groups that containers leave when their monitor is killed."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path

from lab import mounts


def clear(containers: Collection[str]) -> None:
    """Remove the groups of these containers, unless a process is in them (a group of the same name elsewhere)."""
    if not containers:
        return
    # LXC adds -1, -2... where a group of that name is there already.
    names = "|".join(re.escape(name) for name in containers)
    _remove_all(re.compile(rf"lxc\.(payload|monitor)\.({names})(-\d+)?"))


def clear_pivot() -> None:
    """Remove the groups through which LXC lets go of stopped containers; it makes them again when it needs them."""
    _remove_all(re.compile(r"lxc\.pivot"))


def _remove_all(wanted: re.Pattern[str]) -> None:
    for mount in mounts.table():
        if mount.type not in ("cgroup", "cgroup2"):
            continue
        for path, directories, _files in os.walk(mount.point):
            for name in [name for name in directories if wanted.fullmatch(name)]:
                directories.remove(name)
                if not _is_in_use(Path(path, name)):
                    _remove(Path(path, name))


def _is_in_use(group: Path) -> bool:
    try:
        return any(processes.read_text().strip() for processes in group.rglob("cgroup.procs"))
    except OSError:  # going just now, or threads of somebody's in it
        return True


def _remove(group: Path) -> None:
    # The files in it are the kernel's: removing the directories, innermost first, is all there is to do.
    for path, _directories, _files in os.walk(group, topdown=False):
        try:
            os.rmdir(path)
        except OSError:  # in use, so not left over
            return
