# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image files as a server hands them out: one, or two in one multipart answer.

Source: doc/rest-api.yaml, GET /1.0/images/FINGERPRINT/export, of LXD and Incus.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .._api.chunks import CHUNK, Readable, chunks
from .._api.client import Client, path
from .._api.deadline import Deadline
from .._api.errors import Unreachable

_FILENAME = re.compile(r'filename="?([^";\r\n]+)')
_BOUNDARY = re.compile(r'boundary="?([^";]+)')


@dataclass
class DownloadedPart:
    """One file of an image on its way, to be read to its end, once, and before the one after it.

    name: what the commands call it; of the second file only known once its reading has begun.
    """

    name: str
    size: int | None
    pieces: Iterator[bytes]

    @property
    def origin(self) -> str:
        return self.name

    def chunks(self) -> Iterator[bytes]:
        return self.pieces


@contextmanager
def download(home: Client, fingerprint: str, deadline: Deadline) -> Iterator[tuple[DownloadedPart, ...]]:
    """The one file of an image, or the two. Raises NotFound."""
    doing = f"download image {fingerprint[:12]}"
    where = path("images", fingerprint, "export")
    with home.stream("GET", where, doing=doing, deadline=deadline) as answer:
        content_type = answer.headers.get("Content-Type") or ""
        boundary = _BOUNDARY.search(content_type) if content_type.startswith("multipart/") else None
        if boundary:
            yield _Multipart(answer, boundary[1].encode(), home.remote).parts()
        else:
            length = answer.headers.get("Content-Length")
            name = _filename(answer.headers.get("Content-Disposition") or "", fingerprint)
            yield (DownloadedPart(name, int(length) if length else None, chunks(answer)),)


class _Multipart:
    """A multipart answer, read as it comes. The standard library's parsers want all of it at once."""

    def __init__(self, answer: Readable, boundary: bytes, remote: str) -> None:
        self._answer = answer
        self._mark = b"\r\n--" + boundary
        # The first boundary stands at the very beginning, with no line before it.
        self._buffer = b"\r\n"
        self._remote = remote

    def parts(self) -> tuple[DownloadedPart, DownloadedPart]:
        if b"".join(self._until(self._mark)).strip():
            raise self._malformed()
        metadata = DownloadedPart("metadata", None, iter(()))
        rootfs = DownloadedPart("rootfs", None, iter(()))
        metadata.name = self._head()
        metadata.pieces = self._until(self._mark)
        rootfs.pieces = self._second(rootfs)
        return metadata, rootfs

    def _second(self, part: DownloadedPart) -> Iterator[bytes]:
        part.name = self._head()
        yield from self._until(self._mark)

    def _head(self) -> str:
        """The file's name, from the lines between the boundary and the file."""
        return _filename(b"".join(self._until(b"\r\n\r\n")).decode("utf-8", "replace"), "image")

    def _until(self, mark: bytes) -> Iterator[bytes]:
        """What comes before the mark, which is taken away as well."""
        while True:
            found = self._buffer.find(mark)
            if found >= 0:
                piece, self._buffer = self._buffer[:found], self._buffer[found + len(mark) :]
                if piece:
                    yield piece
                return
            # The mark may lie across two readings.
            safe = len(self._buffer) - len(mark) + 1
            if safe > 0:
                piece, self._buffer = self._buffer[:safe], self._buffer[safe:]
                yield piece
            self._fill()

    def _fill(self) -> None:
        more = self._answer.read(CHUNK)
        if not more:
            raise self._malformed()
        self._buffer += more

    def _malformed(self) -> Unreachable:
        return Unreachable(self._remote, "the image's files ended too early")


def _filename(head: str, default: str) -> str:
    found = _FILENAME.search(head)
    # A server's word is not to lead anywhere on this host.
    return found[1].replace("/", "_").lstrip(".") if found else default
