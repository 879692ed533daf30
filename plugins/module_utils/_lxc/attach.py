# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes started in a classic container that runs."""

from __future__ import annotations

import fcntl
import os
import signal
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from .._api.errors import NotAvailable
from .binding import binding
from .host import Container

# What the servers give every command too.
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
_UMASK = 0o022
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126
_TIOCSPTLCK, _TIOCGPTPEER = 0x40045431, 0x5441  # of <asm-generic/ioctls.h>
_PR_SET_DUMPABLE = 4


@dataclass(frozen=True)
class Process:
    """What to run and as whom. directory: where it starts, if there is such a directory; else it starts in /.

    terminal: its input is a terminal, and is to be the one that it belongs to.
    """

    argv: Sequence[str]
    uid: int
    gid: int
    directory: str
    environment: Mapping[str, str] = field(default_factory=dict)
    terminal: bool = False

    def options(self, stdin: int, stdout: int, stderr: int) -> dict[str, Any]:
        """As python-lxc takes them. Nothing of our own environment is among them."""
        environment = {**_ENVIRONMENT, **self.environment}
        return {
            "uid": self.uid,
            "gid": self.gid,
            "initial_cwd": self.directory,
            "env_policy": binding().LXC_ATTACH_CLEAR_ENV,
            "extra_env_vars": [f"{key}={value}" for key, value in environment.items()],
            "stdin": stdin,
            "stdout": stdout,
            "stderr": stderr,
        }


def start(container: Container, process: Process, stdin: int, stdout: int, stderr: int) -> int:
    """Start a process with these descriptors, and return its pid, which is a child of ours. Raises NotAvailable."""
    container.require_running()
    with _closed_to_the_container():
        pid = container.handle.attach(_become, process, **process.options(stdin, stdout, stderr))
    if pid <= 0:
        raise NotAvailable(f"remote {container.host.name}: LXC cannot start a process in container {container.name}")
    return int(pid)


def open_terminal(container: Container) -> tuple[int, int]:
    """A new terminal of the container's own: our end of it, and the process's. Raises NotAvailable."""
    try:
        root = f"/proc/{container.handle.init_pid}/root"
        # Step by step, since a link in there may lead to a file of this host.
        with _opened(root) as top, _opened("dev", top) as dev, _opened("pts", dev) as pts:
            near = os.open("ptmx", os.O_RDWR | os.O_NOCTTY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=pts)
        try:
            fcntl.ioctl(near, _TIOCSPTLCK, b"\0\0\0\0")
            return near, fcntl.ioctl(near, _TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError:
            os.close(near)
            raise
    except OSError as error:
        raise NotAvailable(
            f"remote {container.host.name}: container {container.name} has no terminal to give: {error.strerror}"
        ) from error


def _become(process: Process) -> int:
    """Runs in the container, as a copy of us without our environment: become the process, or say why not."""
    with suppress(OSError):
        os.setsid()
    if process.terminal:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.umask(_UMASK)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores these, and an ignored one stays so
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(process.argv[0], list(process.argv))
    except OSError as error:
        missing = isinstance(error, (FileNotFoundError, NotADirectoryError))
        os.write(2, f"{process.argv[0]}: {'not found' if missing else error.strerror}\n".encode(errors="replace"))
        return _NOT_FOUND if missing else _NOT_EXECUTABLE


@contextmanager
def _opened(name: str, parent: int | None = None) -> Iterator[int]:
    follow = os.O_NOFOLLOW if parent is not None else 0
    descriptor = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC | follow, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _closed_to_the_container() -> Iterator[None]:
    """Keep the container's root from looking into our memory, of which the process has a copy until it is another program.

    Not for an ordinary user, who could then not look into it either, as LXC has to.
    """
    if os.geteuid() != 0:
        yield
        return
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    try:
        yield
    finally:
        prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
