# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows a person at a terminal how far a module is that runs on this host.

A module cannot print. So it is given a named pipe, and what it writes there stands on one line of the terminal while it runs.
Display carries the line from the worker to the process that owns the terminal, in order with the results.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, TextIO

from ansible import constants
from ansible.plugins.action import normal
from ansible.utils.display import Display

from ..module_utils._api.progress import PIPE_VARIABLE

_SECONDS_BETWEEN = 0.25
_CLEAR = "\r\x1b[K"


def columns_of_a_watched_terminal(stream: TextIO) -> int:
    """The width of the terminal that the stream goes to; 0 where it goes elsewhere, or nobody looks at it."""
    # ansible-runner, and so AWX, makes up a terminal and records what appears there; a dumb one cannot go back in a line.
    if "AWX_ISOLATED_DATA_DIR" in os.environ or os.environ.get("TERM", "dumb") == "dumb":
        return 0
    with suppress(OSError, ValueError):
        return os.get_terminal_size(stream.fileno()).columns or 80
    return 0


# Asked at import: strategies load a task's action plugin before they fork, and workers have no stderr any more.
_COLUMNS = columns_of_a_watched_terminal(sys.stderr)


class ActionModule(normal.ActionModule):  # type: ignore[misc]  # Ansible comes without types
    """Runs the module as without an action plugin, and while it runs shows how far it is to whoever looks on."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Any:
        if not self._is_looked_at():
            return super().run(tmp, task_vars)
        environment = self._task.environment
        with _shown(str((task_vars or {}).get("inventory_hostname", ""))) as pipe:
            self._task.environment = [*(environment or []), {PIPE_VARIABLE: pipe}] if pipe else environment
            try:
                return super().run(tmp, task_vars)
            finally:
                self._task.environment = environment

    def _is_looked_at(self) -> bool:
        task = self._task
        return bool(
            _COLUMNS
            and self._connection.transport == "local"
            and not (task.async_val or task.check_mode or task.no_log)
        )


@contextmanager
def _shown(host: str) -> Iterator[str | None]:
    """Show what is written to the pipe whose path this yields; None where none can be made."""
    # Ansible's own directory for one run: private, and removed even if this process is killed.
    path = os.path.join(constants.DEFAULT_LOCAL_TMP, f"progress-{uuid.uuid4().hex}")
    try:
        os.mkfifo(path, 0o600)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        yield None
        return
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(reader, host, over), daemon=True)
    watcher.start()
    try:
        with _not_killed_while_showing(watcher, over):
            yield path
    finally:
        over.set()
        watcher.join()
        os.close(reader)
        with suppress(OSError):
            os.unlink(path)


@contextmanager
def _not_killed_while_showing(watcher: threading.Thread, over: threading.Event) -> Iterator[None]:
    """Have what ends this worker wait until the line is written.

    It goes through a queue whose lock nobody gives back for a worker that died with it: ansible would hang for good.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def finish(number: int, _frame: FrameType | None) -> None:
        over.set()
        watcher.join()
        signal.signal(number, before[signal.Signals(number)])
        os.kill(os.getpid(), number)

    for number in before:
        signal.signal(number, finish)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch(reader: int, host: str, over: threading.Event) -> None:
    is_there = False
    while not over.wait(_SECONDS_BETWEEN):
        with suppress(BlockingIOError):
            if news := os.read(reader, 65536).decode(errors="replace").splitlines():
                # The cursor is left at the beginning: what others print in the meantime is not appended to this.
                _print(f"{_CLEAR}{_fitting(f'[{host}] {news[-1]}')}\r")
                is_there = True
    if is_there:
        _print(_CLEAR)


def _fitting(text: str) -> str:
    """The text on one line. What is too long for it, like a path, is cut where it matters least: the end has the figures."""
    printable = "".join(character for character in text if character.isprintable())
    room = _COLUMNS - 1
    if len(printable) <= room:
        return printable
    head = room // 4
    return f"{printable[:head]}…{printable[head + 1 - room :]}"


def _print(text: str) -> None:
    Display().display(text, stderr=True, screen_only=True, newline=False)
