# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups without some of the keys that are in them.

That is those that the new server does not know, and for which it would refuse all of it, and those by which servers tell
containers apart, where the other one is still there. The servers make the records of a container and its snapshots from one
file in the backup, backup.yaml. Keys become comments there: so the file keeps its length, and the tarball all its headers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing

from .._api.chunks import file_chunks
from .._api.server import Server
from .._images.compression import unpacked
from .backup_file import BackupFile, Index

# Keys that a server writes by itself, and the API extension that they came with.
_CAME_WITH: Mapping[str, str] = {
    "volatile.last_state.ready": "instance_ready_state",
    "volatile.uuid.generation": "instance_generation_id",
}


def unknown_keys(index: Index, server: Server) -> list[str]:
    """Which of a backup's keys the server does not know, and nobody needs."""
    return [key for key, extension in _CAME_WITH.items() if key in index.keys and not server.can(extension)]


def unpacked_without(file: BackupFile, keys: Sequence[str]) -> Iterator[bytes]:
    """The unpacked file, of its unpacked_size, in which the keys that match one of these expressions are comments."""
    with closing(unpacked(file_chunks(file.path), file.compression)) as pieces:
        yield from edited(pieces, file.settings, keys) if keys else pieces


def edited(pieces: Iterator[bytes], where: range, keys: Sequence[str]) -> Iterator[bytes]:
    """The pieces with the lines of these keys commented out, as far as they are in that range of bytes."""
    line = re.compile(rf"^( +)(?:{'|'.join(keys)})(?=:)".encode(), re.MULTILINE)
    at, held = 0, b""
    for piece in pieces:
        before = piece[: max(where.start - at, 0)]
        within = piece[max(where.start - at, 0) : max(where.stop - at, 0)]
        after = piece[max(where.stop - at, 0) :]
        at += len(piece)
        held += within
        if before:
            yield before
        if held and at >= where.stop:
            yield line.sub(_comment, held)
            held = b""
        if after:
            yield after


def _comment(match: re.Match[bytes]) -> bytes:
    """Of the same length."""
    return match[1] + b"#" + match[0][len(match[1]) + 1 :]
