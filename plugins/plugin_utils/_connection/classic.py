# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A classic container of this host as tasks see it. What Container is for one of a server, this is with LXC itself.

Everything is a command run in the container, files too: they are read and written by the user, as by a login.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from functools import cached_property
from typing import IO

from ...module_utils._api.deadline import REQUEST_SECONDS, Deadline
from ...module_utils._lxc import attach
from ...module_utils._lxc.host import Container, Host
from . import users
from .dialogue import PIECE_BYTES, Task, TerminalTask
from .execution import Ending
from .local_files import MissingFile, Replacement, TransferFailed, opened, replacing, transfer_deadline
from .pipes import converse
from .streams import STDERR, STDIN, STDOUT

_SHELL = "/bin/sh"
_PUT = (
    'test -d "$3" || { echo "the directory $3 does not exist" >&2; exit 1; }; umask 077; cat > "$1" && chmod "$2" "$1"'
)
_MISSING, _DIRECTORY = 3, 4
# The first line is the file's mode, or empty where nothing there tells it.
_FETCH = f"""
test -e "$1" || test -L "$1" || exit {_MISSING}
test -d "$1" && exit {_DIRECTORY}
stat -Lc %a -- "$1" 2>/dev/null || echo
exec cat -- "$1"
"""


class ClassicContainer:
    """One container, used as one of its users. There is no connection to keep open."""

    def __init__(self, host: Host, name: str, user: str) -> None:
        """user: a name or a number. Nothing is looked at yet."""
        self._host = host
        self.name = name
        self._user_name = user

    def __str__(self) -> str:
        return f"{self._host.name}:{self.name}"

    @cached_property
    def user(self) -> users.User:
        if users.is_root(self._user_name):
            return users.ROOT
        task = Task()
        self._run(users.ROOT, ["cat", users.PASSWD], task)
        return users.among(task.output.decode(errors="replace"), self._user_name, str(self))

    def run(self, argv: list[str], task: Task) -> Ending:
        """Run a command as the user, in their home directory. Raises NotAvailable, UnknownUser and what the task does."""
        return self._run(self.user, argv, task)

    def put(self, source: str, destination: str) -> None:
        """Copy a file of the controller into the container; it belongs to the user and keeps its mode.

        Raises MissingFile for source, and TransferFailed when the user cannot write to destination.
        """
        destination = self._absolute(destination)
        with opened(source) as content:
            status = os.fstat(content.fileno())
            task = Task(_pieces(content), transfer_deadline(status.st_size))
            mode = f"{status.st_mode & 0o7777:o}"
            ending = self.run([_SHELL, "-c", _PUT, _SHELL, destination, mode, posixpath.dirname(destination)], task)
        if ending.code:
            raise TransferFailed(f"{self._in_words('cannot write', destination)}: {_said(task, ending)}")

    def fetch(self, source: str, destination: str) -> None:
        """Copy a file of the container to the controller, whole or not at all; it gets the mode that the umask leaves it.

        Raises MissingFile for source, TransferFailed when it is no file, or when destination cannot be written.
        """
        source = self._absolute(source)
        with replacing(destination) as content:
            task = _Fetching(content, self._in_words("reading", source))
            ending = self.run([_SHELL, "-c", _FETCH, _SHELL, source], task)
            if ending.code == _MISSING:
                raise MissingFile(f"remote {self._host.name}: {source} does not exist in container {self.name}")
            if ending.code:
                reason = "it is a directory" if ending.code == _DIRECTORY else _said(task, ending)
                raise TransferFailed(f"{self._in_words('cannot read', source)}: {reason}")

    def close(self) -> None:
        """Forget what is known of its users."""
        self.__dict__.pop("user", None)

    def _run(self, user: users.User, argv: list[str], task: Task) -> Ending:
        container = self._host.container(self.name)
        terminal = isinstance(task, TerminalTask)
        if isinstance(task, TerminalTask):
            argv = task.wrap(argv)
        process = attach.Process(argv, user.uid, user.gid, user.home, user.environment, terminal)
        ends = _start_at_terminal(container, process) if terminal else _start_with_pipes(container, process)
        return Ending(converse(*ends, task))

    def _absolute(self, name: str) -> str:
        return name if name.startswith("/") else posixpath.join(self.user.home, name)

    def _in_words(self, doing: str, name: str) -> str:
        return f"remote {self._host.name}: {doing} {name} in container {self.name}"


class _Fetching(Task):
    """Takes what a command writes for a file's content, after a first line with its mode."""

    def __init__(self, content: Replacement, doing: str) -> None:
        super().__init__()
        self._content = content
        self._doing = doing
        self._in_content = False
        # How long the whole of it takes does not matter, only that it goes on.
        self._silence = Deadline(REQUEST_SECONDS)

    def hear(self, number: int, data: bytes) -> None:
        self._silence = Deadline(REQUEST_SECONDS)
        if number == STDERR or not self._in_content:
            super().hear(number, data)
        else:
            self._content.write(data)
        if not self._in_content and b"\n" in self.stdout:
            mode, _line_feed, begun = bytes(self.stdout).partition(b"\n")
            self._content.mode = int(mode, 8) if mode else None
            self._content.write(begun)
            self._in_content = True

    def patience(self) -> float | None:
        if self._silence.passed:
            raise TransferFailed(f"{self._doing}: nothing has come for {REQUEST_SECONDS:g} seconds")
        return self._silence.remaining()


def _start_with_pipes(container: Container, process: attach.Process) -> tuple[int, dict[int, int]]:
    pipes = {STDIN: os.pipe(), STDOUT: os.pipe(), STDERR: os.pipe()}
    theirs = [pipes[STDIN][0], pipes[STDOUT][1], pipes[STDERR][1]]
    ours = {STDIN: pipes[STDIN][1], STDOUT: pipes[STDOUT][0], STDERR: pipes[STDERR][0]}
    return _start(container, process, theirs, ours), ours


def _start_at_terminal(container: Container, process: attach.Process) -> tuple[int, dict[int, int]]:
    near, far = attach.open_terminal(container)
    ours = {STDIN: near}
    return _start(container, process, [far, far, far], ours), ours


def _start(container: Container, process: attach.Process, theirs: list[int], ours: dict[int, int]) -> int:
    try:
        return attach.start(container, process, *theirs)
    except BaseException:
        for end in ours.values():
            os.close(end)
        raise
    finally:
        for end in set(theirs):
            os.close(end)


def _pieces(content: IO[bytes]) -> Iterator[bytes]:
    while piece := content.read(PIECE_BYTES):
        yield piece


def _said(task: Task, ending: Ending) -> str:
    lines = task.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"exit code {ending.code}"
