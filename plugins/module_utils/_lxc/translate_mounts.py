# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts of a classic container as disk devices."""

from __future__ import annotations

import os
import re

from .configuration import Entry
from .draft import Draft

# What the servers mount in every container themselves, where the host has it.
_MOUNTED_ANYWAY = {
    *("/proc", "/sys", "/dev/shm", "/dev/mqueue", "/dev/fuse", "/dev/net/tun", "/dev/pts", "/proc/sys/fs/binfmt_misc"),
    *("/sys/firmware/efi/efivars", "/sys/fs/fuse/connections", "/sys/fs/pstore", "/sys/kernel/config"),
    *("/sys/kernel/debug", "/sys/kernel/security", "/sys/kernel/tracing"),
}
# Options that say how LXC makes a mount, and those that are so anyway.
_OURS = re.compile(r"bind|rbind|optional|create=(dir|file)|relative|defaults|rw|ro")
_VIRTUAL = ("tmpfs", "ramfs")


def mount(draft: Draft, entry: Entry) -> None:
    """A line as in fstab(5): source, target, type, options."""
    fields = [_unescape(each) for each in entry.value.split()]
    if len(fields) < 4:
        draft.lose(entry, "it is no line as in fstab: source, target, type, options")
        return
    source, target, kind = fields[:3]
    options = fields[3].split(",")
    path = _inside(target, draft.rootfs)
    if path is None:
        draft.lose(entry, "its target is outside of the root file system")
    elif path in _MOUNTED_ANYWAY:
        return
    elif kind in _VIRTUAL:
        draft.keep_raw(entry)
    elif not source.startswith("/") or (
        "bind" not in options and "rbind" not in options and not source.startswith("/dev/")
    ):
        draft.lose(entry, "only files, directories and block devices of the host can be mounted")
    else:
        draft.devices[_name(draft, path)] = _disk(source, path, options)
        draft.notes.append(f"the server's host needs {source}, to mount it at {path} ({entry.where})")


def _disk(source: str, path: str, options: list[str]) -> dict[str, str]:
    disk = {"type": "disk", "source": source, "path": path}
    if "ro" in options:
        disk["readonly"] = "true"
    if "rbind" in options:
        disk["recursive"] = "true"
    if "optional" in options:
        disk["required"] = "false"
    others = [option for option in options if not _OURS.fullmatch(option)]
    if others:
        disk["raw.mount.options"] = ",".join(others)
    return disk


def _inside(target: str, rootfs: str) -> str | None:
    """The target as seen in the container: it is relative to the root file system, or has that in front."""
    if target.startswith("/"):
        if os.path.commonpath([target, rootfs]) != rootfs:
            return None
        target = os.path.relpath(target, rootfs)
    path = os.path.normpath(f"/{target}")
    return path if path != "/" and ".." not in target.split("/") else None


def _name(draft: Draft, path: str) -> str:
    """A name for the device, after its path."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", path).strip("-")[:50]
    number = 2
    chosen = name
    while chosen in draft.devices or chosen == "root":
        chosen, number = f"{name}-{number}", number + 1
    return chosen


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
