# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that has its name only once it is whole."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .._api.errors import InvalidInput

_PARTIAL = ".part"


class WholeFile:
    """What is written to a file beside the one of the name (partial), which it replaces when keep() is called.

    Nobody but the owner may read it. Errors of the file system are raised as InvalidInput, which nobody takes for those of a
    connection.
    """

    def __init__(self, path: str, partial: str, descriptor: int) -> None:
        self._path = path
        self.partial = partial
        self._descriptor = descriptor

    def write(self, chunk: bytes) -> None:
        rest = memoryview(chunk)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            raise unwritable(self._path, error) from error

    def keep(self) -> None:
        """It is whole: have it survive a power cut, under its name."""
        try:
            os.fsync(self._descriptor)
            os.replace(self.partial, self._path)
            directory = os.open(os.path.dirname(self._path) or ".", os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as error:
            raise unwritable(self._path, error) from error


@contextmanager
def whole_file(path: str) -> Iterator[WholeFile]:
    """Write a file of which nothing stays behind unless it is kept. Raises InvalidInput."""
    partial = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}{_PARTIAL}")
    try:
        # What an earlier run left when it was killed is written over.
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        _lock(path, partial, descriptor)
        try:
            yield WholeFile(path, partial, descriptor)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(partial)
    finally:
        os.close(descriptor)


def unwritable(path: str, error: OSError) -> InvalidInput:
    """Why a file cannot be written, as one sentence."""
    return InvalidInput(f"dest {path} cannot be written: {error.strerror or error}")


def _lock(path: str, partial: str, descriptor: int) -> None:
    """Make the file ours and empty, unless another run is at it, or has just given it its name."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.stat(partial).st_ino != os.fstat(descriptor).st_ino:
            raise FileNotFoundError
        os.fchmod(descriptor, 0o600)
        os.ftruncate(descriptor, 0)
    except (BlockingIOError, FileNotFoundError) as error:
        raise InvalidInput(f"dest {path} is being written by another run") from error
    except OSError as error:
        raise unwritable(path, error) from error
