# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image files made for a test."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time
import uuid
from pathlib import Path


def metadata(**properties: str) -> bytes:
    """metadata.yaml of an image that is told apart from all others by its creation date."""
    created = int(time.time()) - uuid.uuid4().int % 10**8
    content = {"architecture": "x86_64", "creation_date": created, "properties": {"os": "Test", **properties}}
    return json.dumps(content).encode()


def archive(path: Path, members: dict[str, bytes]) -> None:
    """Write a tarball, compressed by gzip."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def sha256(*paths: str | Path) -> str:
    """The fingerprint of an image in these files."""
    return hashlib.sha256(b"".join(Path(path).read_bytes() for path in paths)).hexdigest()
