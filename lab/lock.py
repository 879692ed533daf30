# SPDX-License-Identifier: GPL-3.0-or-later
"""One `up` or `down` of a lab at a time, and one at a time that installs packages."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from lab.settings import LOCK


@contextlib.contextmanager
def held(lock: Path = LOCK) -> Iterator[None]:
    """Hold a lock; waits for whoever has it. The kernel lets go of it when its holder dies."""
    with contextlib.ExitStack() as stack:
        while True:
            file = stack.enter_context(lock.open("a"))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("Another run of the lab is under way: waiting for it.", flush=True)
                fcntl.flock(file, fcntl.LOCK_EX)
            # Its holder may have removed the file meanwhile: then this lock is nobody else's, and worthless.
            if lock.exists() and os.path.samestat(lock.stat(), os.fstat(file.fileno())):
                break
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
