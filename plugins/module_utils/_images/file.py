# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image files on their way to a server: what they will be called there, and the request that carries them.

Source: doc/rest-api.yaml, POST /1.0/images; doc/reference/image_format of LXD and Incus.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from .._api.errors import InvalidInput

_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class ImageFile:
    """A unified image (file alone), or a split one: file is then the metadata tarball, rootfs the root file system."""

    file: str
    rootfs: str | None = None

    def check(self) -> None:
        """Raises InvalidInput for a file that is not there or empty."""
        for path in self._paths:
            if not os.path.isfile(path) or not os.access(path, os.R_OK):
                raise InvalidInput(f"image file {path} is not there, or is no file that can be read")
            if os.path.getsize(path) == 0:
                raise InvalidInput(f"image file {path} is empty")

    def fingerprint(self) -> str:
        """The fingerprint the image will have: the SHA-256 of the files, one after the other."""
        digest = hashlib.sha256()
        for path in self._paths:
            for chunk in _chunks(path):
                digest.update(chunk)
        return digest.hexdigest()

    def upload(self) -> tuple[dict[str, str], Iterator[bytes]]:
        """Headers and body of the request, the body in pieces: an image never lies in memory as a whole."""
        if self.rootfs is None:
            size = os.path.getsize(self.file)
            return {"Content-Type": "application/octet-stream", "Content-Length": str(size)}, _chunks(self.file)
        boundary = uuid.uuid4().hex
        # The servers read the parts in this order and know them by these names.
        parts = [
            (_part_head(boundary, "metadata", self.file), self.file),
            (_part_head(boundary, "rootfs", self.rootfs), self.rootfs),
        ]
        tail = f"--{boundary}--\r\n".encode()
        size = sum(len(head) + os.path.getsize(path) + len(b"\r\n") for head, path in parts) + len(tail)
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Content-Length": str(size)}
        return headers, _multipart(parts, tail)

    @property
    def _paths(self) -> tuple[str, ...]:
        return (self.file,) if self.rootfs is None else (self.file, self.rootfs)


def _part_head(boundary: str, name: str, path: str) -> bytes:
    filename = os.path.basename(path).replace('"', "_")
    return (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()


def _multipart(parts: list[tuple[bytes, str]], tail: bytes) -> Iterator[bytes]:
    for head, path in parts:
        yield head
        yield from _chunks(path)
        yield b"\r\n"
    yield tail


def _chunks(path: str) -> Iterator[bytes]:
    with open(path, "rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk
