# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far something long is, told in one line to a person who waits: bytes under way, and a server's own figures.

Source of the figures: the metadata of operations, where LXD and Incus leave a text under ``<stage>_progress`` (``download``,
``create_instance_from_image_unpack``, ``create_image_from_container_pack``, …): ``rootfs: 45% (12.33MB/s)``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Callable

# The variable by which a module learns of a named pipe that somebody reads: a line for each news.
PIPE_VARIABLE = "FLOTILLA_PROGRESS"
# A person reads no faster.
_SECONDS_BETWEEN = 0.5

Tell = Callable[[str], None]


class Progress:
    """Hands tell one line whenever there is news. Without it nobody is told anything, and nothing is counted."""

    def __init__(self, tell: Tell | None = None) -> None:
        self._tell = tell
        self._figures: dict[str, Any] = {}

    @property
    def watched(self) -> bool:
        return self._tell is not None

    def counted(self, chunks: Iterable[bytes], doing: str, total: int | None = None) -> Iterator[bytes]:
        """The chunks as they are, told of as they pass. doing: as in a request's error text; total: bytes, if known."""
        return iter(chunks) if self._tell is None else _counted(chunks, doing, total, self._tell)

    def of_operation(self, doing: str, metadata: Mapping[str, Any]) -> None:
        """Tell what has changed among an operation's figures since they were last looked at."""
        if self._tell is None:
            return
        # The figures of a stage that is over stay beside those of the next.
        figures = {key: value for key, value in metadata.items() if key.endswith("_progress")}
        news = [value for key, value in figures.items() if self._figures.get(key) != value]
        self._figures = figures
        if news:
            self._tell(f"{doing}: {news[-1]}")


SILENT = Progress()


def through_pipe(path: str) -> Progress:
    """Progress for whoever reads the named pipe. What cannot be told is not told: nobody waits for it, nothing fails."""

    def tell(line: str) -> None:
        with suppress(OSError):
            # Without a reader this raises, where it would wait for one otherwise.
            pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(pipe, f"{line}\n".encode(errors="replace"))
            finally:
                os.close(pipe)

    return Progress(tell)


def _counted(chunks: Iterable[bytes], doing: str, total: int | None, tell: Tell) -> Iterator[bytes]:
    start = told = time.monotonic()
    done = 0
    for chunk in chunks:
        yield chunk
        done += len(chunk)
        now = time.monotonic()
        if now - told >= _SECONDS_BETWEEN or done == total:
            told = now
            tell(f"{doing}: {_figures(done, total, now - start)}")


def _figures(done: int, total: int | None, seconds: float) -> str:
    """``45% (412 MB of 917 MB, 60 MB/s)``."""
    rate = f"{_size(done / max(seconds, 0.001))}/s"
    return f"{done * 100 // total}% ({_size(done)} of {_size(total)}, {rate})" if total else f"{_size(done)} ({rate})"


def _size(count: float) -> str:
    """In the decimal units that the servers use."""
    unit = "B"
    for larger in ("kB", "MB", "GB"):
        if count < 1000:
            break
        count, unit = count / 1000, larger
    return f"{count:.{0 if count >= 10 or unit == 'B' else 1}f} {unit}"
