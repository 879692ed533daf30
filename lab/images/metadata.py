# SPDX-License-Identifier: GPL-3.0-or-later
"""The metadata half of a split image, and writing tarballs from memory."""

from __future__ import annotations

import io
import json
import platform
import tarfile
from pathlib import Path

TEMPLATES = {
    "hostname.tpl": "{{ container.name }}\n",
    "hosts.tpl": (
        "127.0.0.1\tlocalhost\n"
        "127.0.1.1\t{{ container.name }}\n"
        "::1\tlocalhost ip6-localhost ip6-loopback\n"
        "ff02::1\tip6-allnodes\n"
        "ff02::2\tip6-allrouters\n"
    ),
}


def write(path: Path, *, os: str, release: str, architecture: str, created: int) -> None:
    """Write metadata.tar.gz. `architecture` is Debian's name for it, `created` seconds since 1970.

    The properties are those the usual image servers give.
    """
    content = {
        "architecture": platform.machine(),
        "creation_date": created,
        "properties": {
            "architecture": architecture,
            "description": f"{os} {release} {architecture}",
            "os": os,
            "release": release,
            "variant": "default",
        },
        "templates": {
            "/etc/hostname": {"when": ["create", "copy"], "template": "hostname.tpl"},
            "/etc/hosts": {"when": ["create", "copy"], "template": "hosts.tpl"},
        },
    }
    with tarfile.open(path, "w:gz") as tar:
        # The daemons read YAML, of which JSON is a part.
        add_file(tar, "metadata.yaml", json.dumps(content, indent=2).encode() + b"\n")
        add_directory(tar, "templates")
        for name, text in TEMPLATES.items():
            add_file(tar, f"templates/{name}", text.encode())


def add_file(tar: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    """Add a file of root's."""
    entry = tarfile.TarInfo(name)
    entry.mode, entry.size = mode, len(content)
    tar.addfile(entry, io.BytesIO(content))


def add_directory(tar: tarfile.TarFile, name: str, mode: int = 0o755, owner: int = 0) -> None:
    """Add a directory, of the user and group `owner`."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, mode, owner, owner
    tar.addfile(entry)


def add_link(tar: tarfile.TarFile, name: str, target: str) -> None:
    """Add a symbolic link."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    tar.addfile(entry)
