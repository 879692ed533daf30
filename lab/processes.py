# SPDX-License-Identifier: GPL-3.0-or-later
"""Find and end the processes that belong to a directory of the lab.

There are no pid files: a number in a file may long be another process. What belongs to the lab says so itself, in
its environment (daemon, dnsmasq, container monitors, image builds) or by living on a root file system below the
directory (everything inside a container).
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path

from lab import cgroups, mounts
from lab.run import LabError
from lab.settings import MARK, Daemon

PROC = Path("/proc")


def server(daemon: Daemon) -> int | None:
    """The pid of the daemon itself, if it runs."""
    for pid in _marked(daemon.directory):
        # Monitors and helpers are the same program, under another title or with a subcommand.
        if _read(pid, "cmdline").startswith(f"{daemon.kind.server}\0--group\0".encode()):
            return pid
    return None


def environment(pid: int) -> dict[str, str]:
    """The variables a process was started with; none if it is gone."""
    entries = _read(pid, "environ").decode(errors="surrogateescape").split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def end(directory: Path) -> set[str]:
    """End, without asking them, all processes that belong to `directory`. Returns their control groups when they are gone."""
    groups: set[str] = set()
    # Several rounds, as a process found may have started another since.
    for _attempt in range(5):
        found = {*_marked(directory), *_rooted_below(directory)} - {os.getpid()}
        if not found:
            return groups
        groups |= {group for pid in found for group in cgroups.of(pid)}
        cgroups.thaw(found)
        for pid in found:
            _kill(pid, directory)
    raise LabError(f"Processes of {directory} do not end: {sorted(found)}.")


def terminate(daemon: Daemon, patience: float = 10) -> None:
    """Ask the daemon itself to end, which leaves its containers running, and wait up to `patience` seconds for it."""
    pid = server(daemon)
    if pid is None:
        return
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if server(daemon) == pid:  # a handle taken before this question cannot mean a later process
            signal.pidfd_send_signal(handle, signal.SIGTERM)
            select.select([handle], [], [], patience)
    finally:
        os.close(handle)


def _kill(pid: int, directory: Path) -> None:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if _is_marked(pid, directory) or _is_rooted_below(pid, mounts.places(directory)):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            select.select([handle], [], [], 10)
    except ProcessLookupError:
        pass
    finally:
        os.close(handle)


def _marked(directory: Path) -> Iterator[int]:
    return (pid for pid in _all() if _is_marked(pid, directory))


def _rooted_below(directory: Path) -> Iterator[int]:
    places = mounts.places(directory)
    return (pid for pid in _all() if _is_rooted_below(pid, places))


def _is_marked(pid: int, directory: Path) -> bool:
    marked = f"{MARK}={directory}".encode() in _read(pid, "environ").split(b"\0")
    # Incus starts container monitors with an empty environment, and a classic one may have been started by anybody, but
    # their title names the directory.
    titles = tuple(f"[lxc monitor] {directory}{end}".encode() for end in ("/", " "))
    if not marked and not _read(pid, "cmdline").startswith(titles):
        return False
    # A lab inside a container of this lab has the same names; its processes are seen from here, but not ours.
    return _namespace(pid, "pid") == _namespace(os.getpid(), "pid")


def _is_rooted_below(pid: int, places: list[tuple[str, str]]) -> bool:
    # A container always has mounts of its own; whatever shares ours is none, wherever its files lie.
    if _namespace(pid, "mnt") == _namespace(os.getpid(), "mnt"):
        return False
    for mount in mounts.table(pid):
        if mount.point == "/":
            return any(
                mount.device == device and f"{mount.root}/".startswith(f"{root.rstrip('/')}/")
                for device, root in places
            )
    return False


def _all() -> list[int]:
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]


def _namespace(pid: int, kind: str) -> str:
    try:
        return os.readlink(PROC / str(pid) / "ns" / kind)
    except OSError:
        return ""


def _read(pid: int, name: str) -> bytes:
    try:
        return (PROC / str(pid) / name).read_bytes()
    except OSError:  # it ended meanwhile
        return b""
