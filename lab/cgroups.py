# SPDX-License-Identifier: GPL-3.0-or-later
"""Thaw containers, and clear the control groups that they leave when their monitor is killed."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Collection
from pathlib import Path

from lab import mounts

# Seconds within which a group without a process may be one of a container that is just being started.
_YOUNG = 30
# The file that says so, by version of control groups, and the word.
_THAWED = {"freezer.state": "THAWED", "cgroup.freeze": "0"}


def thaw(pids: Collection[int]) -> None:
    """Thaw the groups that these processes are in: what is frozen cannot even be killed."""
    mounted = {mount.point for mount in mounts.table() if mount.type in ("cgroup", "cgroup2")}
    for pid in pids:
        for group in of(pid):
            for point in mounted:
                for name, thawed in _THAWED.items():
                    state = Path(f"{point}{group}", name)
                    if group != "/" and state.exists():
                        state.write_text(thawed)


def of(pid: int) -> set[str]:
    """The paths of a process's groups; none if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return set()
    return {line.split(":", 2)[2] for line in lines}


def clear(containers: Collection[str], ended: Collection[str]) -> None:
    """Remove the groups of these containers. ended: the groups of those processes that were ended with them.

    A container of another lab may have the same name: a group that has a process stays, and one that may be about to get one.
    """
    if not containers:
        return
    # LXC adds -1, -2... where a group of that name is there already.
    names = "|".join(re.escape(name) for name in containers)
    wanted = re.compile(rf"lxc\.(payload|monitor)\.({names})(-\d+)?")
    own = {name for group in ended for name in group.split("/") if wanted.fullmatch(name)}
    _remove_all(wanted, lambda group: group.name in own or _is_old(group))


def clear_pivot() -> None:
    """Remove the groups through which LXC lets go of stopped containers; it makes them again when it needs them."""
    _remove_all(re.compile(r"lxc\.pivot"), lambda _group: True)


def _is_old(group: Path) -> bool:
    try:
        return time.time() - group.stat().st_ctime > _YOUNG
    except FileNotFoundError:
        return False


def _remove_all(wanted: re.Pattern[str], may_go: Callable[[Path], bool]) -> None:
    for mount in mounts.table():
        if mount.type not in ("cgroup", "cgroup2"):
            continue
        for path, directories, _files in os.walk(mount.point):
            for name in [name for name in directories if wanted.fullmatch(name)]:
                directories.remove(name)
                group = Path(path, name)
                if may_go(group) and not _is_in_use(group):
                    _remove(group)


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
