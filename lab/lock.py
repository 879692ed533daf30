# SPDX-License-Identifier: GPL-3.0-or-later
"""One `up` or `down` at a time on the machine."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from lab.settings import LOCK


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Hold the lock; waits for whoever has it. The kernel lets go of it when its holder dies."""
    with contextlib.ExitStack() as stack:
        while True:
            file = stack.enter_context(LOCK.open("a"))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("Another run of the lab is under way: waiting for it.", flush=True)
                fcntl.flock(file, fcntl.LOCK_EX)
            # Its holder may have removed the file meanwhile: then this lock is nobody else's, and worthless.
            if LOCK.exists() and os.path.samestat(LOCK.stat(), os.fstat(file.fileno())):
                break
        try:
            yield
        finally:
            LOCK.unlink(missing_ok=True)
