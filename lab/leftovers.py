# SPDX-License-Identifier: GPL-3.0-or-later
"""Clear everything a daemon has, or a dead one left: the machine is then as if it had never been there."""

from __future__ import annotations

import shutil
from pathlib import Path

from lab import cgroups, mounts, network, processes
from lab.run import succeeds
from lab.settings import BUILD, SEARCH_PATH, Daemon


def clear(daemon: Daemon) -> None:
    """End the daemon with its containers, and remove all it made on this machine."""
    directory = daemon.directory
    containers = _containers(directory)
    bridges = {daemon.bridge, *_names(directory / "networks")}
    groups = processes.end(directory)
    for bridge in sorted(bridges):
        network.clear_bridge(bridge)
    mounts.clear(directory)
    cgroups.clear(containers, groups)
    _unload_apparmor_profiles(directory)
    _remove(directory)


def clear_build() -> None:
    """End an image build that was cut off, and remove its files."""
    processes.end(BUILD)
    mounts.clear(BUILD)
    _remove(BUILD)


def clear_classic(directory: Path) -> None:
    """End the classic containers of a directory that was their lxcpath, and remove it."""
    names = _names(directory)
    groups = processes.end(directory)
    mounts.clear(directory)
    cgroups.clear(names, groups)
    _remove(directory)


def _containers(directory: Path) -> set[str]:
    """Names as in the control groups: NAME, or PROJECT_NAME outside the default project."""
    found = _names(directory / "containers")
    for pool in _names(directory / "storage-pools"):
        found |= _names(directory / "storage-pools" / pool / "containers")
    return found


def _unload_apparmor_profiles(directory: Path) -> None:
    """The kernel keeps profiles of containers that were killed."""
    if shutil.which("apparmor_parser", path=SEARCH_PATH):
        for name in _names(directory / "security" / "apparmor" / "profiles"):
            succeeds("apparmor_parser", "--remove", str(directory / "security" / "apparmor" / "profiles" / name))


def _names(directory: Path) -> set[str]:
    return {entry.name for entry in directory.iterdir()} if directory.is_dir() else set()


def _remove(directory: Path) -> None:
    if directory.exists():
        shutil.rmtree(directory)
