# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's files that are copied into and out of containers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from ...module_utils._api.deadline import REQUEST_SECONDS, Deadline
from ...module_utils._api.errors import FlotillaError

# A file has as long as it takes at this speed: who is slower than that is gone.
_SLOWEST_BYTES_PER_SECOND = 16 * 1024


class TransferFailed(FlotillaError):
    """A file could not be copied, for a reason that lies in the files."""


class MissingFile(TransferFailed):
    """The file to be copied is not there."""


def transfer_deadline(size: int) -> Deadline:
    """By when a file of so many bytes has to be copied."""
    return Deadline(max(REQUEST_SECONDS, size / _SLOWEST_BYTES_PER_SECOND))


class Replacement:
    """A file of the controller in the making. An error in writing it must not be taken for one of the connection's."""

    def __init__(self, destination: str) -> None:
        self._destination = destination
        target = os.path.realpath(destination)
        with self._telling():
            descriptor, self._temporary = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".fetch-")
        self._content = os.fdopen(descriptor, "wb")
        self._target = target
        self.mode: int | None = None

    def write(self, data: bytes) -> int:
        with self._telling():
            return self._content.write(data)

    def install(self) -> None:
        with self._telling():
            self._content.close()
            os.chmod(self._temporary, (0o666 if self.mode is None else self.mode & 0o777) & ~_umask())
            os.replace(self._temporary, self._target)

    def discard(self) -> None:
        with suppress(OSError):
            self._content.close()
        with suppress(OSError):
            os.unlink(self._temporary)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise TransferFailed(f"cannot write {self._destination} on the controller: {error.strerror}") from error


@contextmanager
def replacing(destination: str) -> Iterator[Replacement]:
    """A file that takes the place of destination if all goes well."""
    replacement = Replacement(destination)
    try:
        yield replacement
        replacement.install()
    except BaseException:
        replacement.discard()
        raise


def opened(source: str) -> IO[bytes]:
    try:
        return open(source, "rb")
    except FileNotFoundError as error:
        raise MissingFile(f"file or module does not exist: {source}") from error
    except OSError as error:
        raise TransferFailed(f"cannot read {source} on the controller: {error.strerror}") from error


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
