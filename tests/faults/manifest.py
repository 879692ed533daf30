# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container is, so that two of them can be compared: its files, its configuration, and its snapshots."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.flotilla.lxd.plugins.module_utils._api.client import Client, path
from lab.settings import Daemon

# What a container writes while it starts, and the servers' templates with it; what one that counts writes all the time.
_OF_THE_MOMENT = {"etc/resolv.conf", "etc/hostname", "etc/hosts", "count", "new"}
_MARK = "user.flotilla.migration"
_OF_MIGRATIONS = {_MARK, "user.flotilla.copy_of"}

Manifest = Mapping[str, Any]


def read(daemon: Daemon, client: Client, name: str) -> Manifest | None:
    """The manifest of a container on a ``dir`` pool, or None if there is none."""
    found = client.find(path("instances", name))
    if found is None:
        return None
    content = found.metadata
    pool = daemon.directory / "storage-pools" / content["expanded_devices"]["root"]["pool"]
    snapshots = client.get(path("instances", name, "snapshots"), recursion="1").metadata or []
    return {
        "container": _configuration(content) | {"files": _files(pool / "containers" / name / "rootfs")},
        "snapshots": {
            one["name"].rpartition("/")[2]: _configuration(one)
            | {"files": _files(pool / "containers-snapshots" / name / one["name"].rpartition("/")[2] / "rootfs")}
            for one in snapshots
        },
    }


def difference(expected: Any, found: Any, where: str = "") -> list[str]:
    """Where two manifests differ, as paths of words."""
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        keys = sorted({*expected, *found})
        return [
            each for key in keys for each in difference(expected.get(key), found.get(key), f"{where} {key}".strip())
        ]
    return [] if expected == found else [where]


def mark(client: Client, name: str) -> str | None:
    """The mark of a migration on a container; "" for one without, None if there is no container."""
    found = client.find(path("instances", name))
    return None if found is None else str(found.metadata["config"].get(_MARK, ""))


def _configuration(content: Mapping[str, Any]) -> dict[str, Any]:
    config = dict(content["config"])
    if config.get(_MARK):
        # While it is marked it does not start by itself, and the mark remembers whether it did.
        config["boot.autostart"] = json.loads(config[_MARK])["autostart"]
    kept = {
        key: value
        for key, value in config.items()
        if value and not key.startswith(("volatile.", "image.")) and key not in _OF_MIGRATIONS
    }
    own = {name: device for name, device in content["devices"].items() if name != "root"}
    return {"config": kept, "devices": own, "profiles": content["profiles"]}


def _files(root: Path) -> dict[str, tuple[Any, ...]]:
    """Kind, mode, owner and content of everything below. Owners are counted from that of the root, which is 0 inside."""
    if not root.is_dir():
        return {}
    base = root.stat().st_uid
    found = {}
    for directory, names, files in os.walk(root):
        for name in [*names, *files]:
            one = Path(directory, name)
            inside = str(one.relative_to(root))
            if inside in _OF_THE_MOMENT or inside.startswith(("dev/", "run/", "tmp/")):
                continue
            state = one.lstat()
            found[inside] = (oct(state.st_mode), state.st_uid - base, state.st_gid - base, _content(one, state.st_mode))
    return found


def _content(one: Path, mode: int) -> str:
    if stat.S_ISLNK(mode):
        return os.readlink(one)
    return hashlib.sha256(one.read_bytes()).hexdigest() if stat.S_ISREG(mode) else ""
