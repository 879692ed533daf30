# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and answers of any size, read in pieces that fit into memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Protocol

CHUNK = 1024 * 1024


class Readable(Protocol):
    def read(self, amount: int = ..., /) -> bytes: ...


def chunks(stream: Readable) -> Iterator[bytes]:
    """What is left of a stream."""
    while chunk := stream.read(CHUNK):
        yield chunk


def file_chunks(path: str) -> Iterator[bytes]:
    """Raises OSError."""
    with open(path, "rb") as stream:
        yield from chunks(stream)


def sha256(paths: Iterable[str]) -> str:
    """That of the files one after the other, in hexadecimal: for an image's files its fingerprint. Raises OSError."""
    digest = hashlib.sha256()
    for path in paths:
        for chunk in file_chunks(path):
            digest.update(chunk)
    return digest.hexdigest()
