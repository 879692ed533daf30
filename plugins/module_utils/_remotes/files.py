# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing to the client configuration, so that nobody ever reads half a file and no two writers lose each other's work."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .._api.errors import ConfigurationError


@contextmanager
def locked(directory: str) -> Iterator[None]:
    """Let one task at a time change what is in a directory, which is made (0750) when needed. Raises ConfigurationError.

    The lock is on the directory itself, so it leaves no file behind. The lxc and incus commands take no lock.
    """
    import fcntl

    try:
        os.makedirs(directory, mode=0o750, exist_ok=True)
        descriptor = os.open(directory, os.O_RDONLY)
    except OSError as error:
        raise _failed("use", directory, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_file(path: str, content: bytes, mode: int) -> None:
    """Put a file in place at once. Makes its directory (0750) when needed. Raises ConfigurationError.

    A file that is there keeps its mode and owner, and a symbolic link keeps pointing to it.
    """
    path = os.path.realpath(path)
    directory = os.path.dirname(path)
    try:
        os.makedirs(directory, mode=0o750, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=directory, prefix=f".{os.path.basename(path)}.")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(temporary, mode)
            _keep_mode_and_owner(path, temporary)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise _failed("write", path, error) from error


def remove_file(path: str) -> None:
    """Remove a file that need not be there. Raises ConfigurationError."""
    try:
        with suppress(FileNotFoundError):
            os.unlink(path)
    except OSError as error:
        raise _failed("remove", path, error) from error


def _keep_mode_and_owner(path: str, replacement: str) -> None:
    with suppress(FileNotFoundError):
        there = os.stat(path)
        os.chmod(replacement, there.st_mode & 0o7777)
        if os.geteuid() == 0:
            os.chown(replacement, there.st_uid, there.st_gid)


def _failed(doing: str, path: str, error: OSError) -> ConfigurationError:
    return ConfigurationError(f"cannot {doing} {path} of the client configuration: {error.strerror or error}")
