# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a simplestreams tree on their way in and out, so that no client ever reads half of one."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any, Callable

from .._api.chunks import file_chunks
from .._api.errors import FlotillaError, InvalidInput

# A web server, which is somebody else, has to be able to read all of it.
_FILE_MODE = 0o644
_DIRECTORY_MODE = 0o755


class TreeError(FlotillaError):
    """The tree is not what it should be, or cannot be written."""


@contextmanager
def locked(root: str) -> Iterator[None]:
    """Let one task at a time change a tree, whose root has to be there. The lock leaves no file behind. Raises TreeError."""
    import fcntl

    try:
        descriptor = os.open(root, os.O_RDONLY)
    except OSError as error:
        raise _failed("use", root, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def inside(root: str, path: str) -> str:
    """Where a path of the tree is. Raises TreeError for one that leads out of it."""
    real = os.path.realpath(root)
    joined = os.path.join(real, path)
    if os.path.isabs(path) or os.path.commonpath([real, os.path.realpath(joined)]) != real:
        raise TreeError(f"tree {root} names the file {path}, which leads out of it: mend its products by hand")
    return joined


def read_json(root: str, path: str) -> dict[str, Any]:
    """A document of the tree; what is not there is empty. Raises TreeError."""
    where = inside(root, path)
    try:
        with open(where, encoding="utf-8") as stream:
            content = json.load(stream)
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise TreeError(f"{where} is no JSON ({error}): mend it, or remove it to have it made anew") from error
    except OSError as error:
        raise _failed("read", where, error) from error
    if not isinstance(content, dict):
        raise TreeError(
            f"{where} is not what a simplestreams tree has there: mend it, or remove it to have it made anew"
        )
    return content


def write_json(root: str, path: str, content: dict[str, Any]) -> None:
    """Put a document in place at once. Raises TreeError."""
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    _put(inside(root, path), lambda stream: stream.write(text.encode()))


def copy(source: str, root: str, path: str, sha256: str) -> None:
    """Put a copy of a file in place at once. Raises InvalidInput if it has become another, TreeError if it cannot be."""

    def fill(target: IO[bytes]) -> None:
        digest = hashlib.sha256()
        for chunk in file_chunks(source):
            digest.update(chunk)
            target.write(chunk)
        if digest.hexdigest() != sha256:
            raise InvalidInput(f"image file {source} was changed while it was being published: run the task again")

    _put(inside(root, path), fill)


def make_directory(path: str) -> None:
    """Make a directory, and those it lies in, that all may read, whatever the umask is. Raises TreeError."""
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path)
    if parent != path:
        make_directory(parent)
    try:
        os.mkdir(path)
        os.chmod(path, _DIRECTORY_MODE)
    except OSError as error:
        raise _failed("make", path, error) from error


def remove(root: str, path: str) -> None:
    """Remove a file that need not be there, and the directories that are empty without it. Raises TreeError."""
    where = inside(root, path)
    try:
        with suppress(FileNotFoundError):
            os.unlink(where)
    except OSError as error:
        raise _failed("remove", where, error) from error
    real = os.path.realpath(root)
    directory = os.path.dirname(where)
    with suppress(OSError):  # not empty, or gone already
        while directory != real:
            os.rmdir(directory)
            directory = os.path.dirname(directory)


def _put(path: str, fill: Callable[[IO[bytes]], object]) -> None:
    directory, name = os.path.split(path)
    make_directory(directory)
    # The lock is held, so nobody else writes to it; and what an interrupted run left of it is overwritten.
    temporary = os.path.join(directory, f".{name}.part")
    try:
        with open(temporary, "wb") as stream:
            fill(stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, _FILE_MODE)
        os.replace(temporary, path)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError):
            raise _failed("write", path, error) from error
        raise


def _failed(doing: str, path: str, error: OSError) -> TreeError:
    return TreeError(f"cannot {doing} {path}: {error.strerror or error}")
