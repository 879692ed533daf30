# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup files made for a test, as the servers make them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import yaml

SETTINGS = """container:
  architecture: x86_64
  config:
    user.x: 'volatile.uuid.generation: mine'
    volatile.uuid: u1
    volatile.uuid.generation: g1
snapshots:
- config:
    volatile.uuid.generation: g1
"""


def index(**changes) -> dict:
    """What is in index.yaml."""
    container = {
        "name": "c1",
        "config": {"volatile.uuid": "u1", "volatile.uuid.generation": "g1"},
        "created_at": "2026-11-24T13:35:46.556358826Z",
        "profiles": ["default"],
    }
    content = {"name": "c1", "backend": "dir", "pool": "default", "snapshots": ["s1"], "optimized": False}
    return {**content, "type": "container", "config": {"container": container}, **changes}


def members(about: dict | None = None) -> dict[str, bytes]:
    return {
        "backup/index.yaml": yaml.safe_dump(about or index()).encode(),
        "backup/snapshots/s1/rootfs/a": b"a" * 1000,
        "backup/container/backup.yaml": SETTINGS.encode(),
        "backup/container/rootfs/a": b"a" * 3000,
    }


def tarball(content: dict[str, bytes], mode: str = "w:gz") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as tar:
        for name, text in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    return stream.getvalue()


def backup(path: Path, about: dict | None = None, mode: str = "w:gz") -> str:
    """Write one; its path."""
    path.write_bytes(tarball(members(about), mode))
    return str(path)
