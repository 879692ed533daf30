# SPDX-License-Identifier: GPL-3.0-or-later
"""Thaw containers, and clear the control groups that they leave when their monitor is killed."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path

from lab import mounts

# The file that says so, by version of control groups, and the word.
_THAWED = {"freezer.state": "THAWED", "cgroup.freeze": "0"}


def thaw(pids: Collection[int]) -> None:
    """Thaw the groups that these processes are in: what is frozen cannot even be killed."""
    mounted = {mount.point for mount in mounts.table() if mount.type in ("cgroup", "cgroup2")}
    for pid in pids:
        for group in _groups(pid):
            for point in mounted:
                for name, thawed in _THAWED.items():
                    state = Path(f"{point}{group}", name)
                    if group != "/" and state.exists():
                        state.write_text(thawed)


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


def _groups(pid: int) -> set[str]:
    """The paths of a process's groups; none if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return set()
    return {line.split(":", 2)[2] for line in lines}


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
