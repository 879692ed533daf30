# SPDX-License-Identifier: GPL-3.0-or-later
"""Classic LXC: a place for containers of one process, and clearing what such a process left behind.

The place is a directory that its owner holds a lock on, which ends with the owner, however that ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lab import leftovers
from lab.settings import CLASSIC


@contextlib.contextmanager
def place() -> Iterator[Path]:
    """A new directory, to be used as lxcpath; it and its containers are cleared at the end."""
    CLASSIC.mkdir(parents=True, exist_ok=True)
    with _kept(CLASSIC):  # a directory not locked yet looks left over
        directory = Path(tempfile.mkdtemp(dir=CLASSIC, prefix=""))
        lock = os.open(directory, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
    directory.chmod(0o755)  # the root of a container with other user numbers has to get through
    try:
        yield directory
    finally:
        leftovers.clear_classic(directory)
        os.close(lock)


def clear(*, used: bool = False) -> None:
    """Clear the places whose owners are gone; used: the others too."""
    if not CLASSIC.is_dir():
        return
    with _kept(CLASSIC):
        for directory in CLASSIC.iterdir():
            if used or not _is_held(directory):
                leftovers.clear_classic(directory)


@contextlib.contextmanager
def _kept(directory: Path) -> Iterator[None]:
    """Nobody else takes or clears a place meanwhile."""
    lock = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _is_held(directory: Path) -> bool:
    lock = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
