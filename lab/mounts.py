# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the table of mounts, and clear what is mounted below a directory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from lab.run import LabError, succeeds


@dataclass(frozen=True)
class Mount:
    """A line of /proc/PID/mountinfo (see proc(5))."""

    device: str  # major:minor
    root: str  # the part of that file system which is mounted
    point: str
    type: str


def table(pid: int | str = "self") -> list[Mount]:
    """The mounts a process sees, in the order they were made; none if it is gone."""
    try:
        text = Path(f"/proc/{pid}/mountinfo").read_text(errors="surrogateescape")
    except OSError:
        return []
    found = []
    for line in text.splitlines():
        fields = line.split(" ")
        found.append(
            Mount(
                device=fields[2],
                root=_unescape(fields[3]),
                point=_unescape(fields[4]),
                type=fields[fields.index("-") + 1],
            )
        )
    return found


def below(directory: Path) -> list[Mount]:
    """What is mounted at or below `directory`, in the order it was made."""
    return [mount for mount in table() if f"{mount.point}/".startswith(f"{directory}/")]


def places(directory: Path) -> list[tuple[str, str]]:
    """Where `directory` and its storage pools lie: device and path on it, which are the same in every namespace."""
    # The last mount over a path is the one that shows.
    holder = [mount for mount in table() if f"{directory}/".startswith(f"{mount.point.rstrip('/')}/")][-1]
    inside = str(directory)[len(holder.point.rstrip("/")) :]
    own = (holder.device, holder.root.rstrip("/") + inside)
    # Not everything mounted below: a disk device of a container may bring the whole machine's root there.
    return [own, *((pool.device, pool.root) for pool in below(directory / "storage-pools"))]


def clear(directory: Path) -> None:
    """Unmount everything at and below `directory`.

    Raises LabError if something stays: the directory must then not be removed, since a disk device of a container
    may have brought somebody's own files there.
    """
    for mount in reversed(below(directory)):
        succeeds("umount", "--lazy", "--", mount.point)
    left = [mount.point for mount in below(directory)]
    if left:
        raise LabError(f"Still mounted, unmount by hand: {' '.join(left)}")


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
