# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host of a daemon shows of it, where the task runs on that host: /proc, the daemon's own log, its CRIU."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Mapping
from typing import Any

# Of a daemon that was not told where to write its log (packages of distributions, the snap).
_USUAL_LOGS = {
    "lxd": ("/var/snap/lxd/common/lxd/logs/lxd.log", "/var/log/lxd/lxd.log"),
    "incusd": ("/var/log/incus/incusd.log",),
}
_LAST = 512 * 1024
_SECONDS_FOR_CRIU = 10


def daemon_pid(environment: Mapping[str, Any]) -> int | None:
    """The process that is the daemon with this ``environment`` of GET /1.0, if it runs on this host; else None.

    The server's name and the program of that process have to agree: a number alone may be any process.
    """
    pid = int(environment.get("server_pid") or 0)
    if environment.get("server_name") != socket.gethostname() or not pid:
        return None
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as stream:
            return pid if stream.read().strip() in _USUAL_LOGS else None
    except OSError:
        return None


def read(name: str, *, last: int | None = None) -> str:
    """A file as text; last: only that many bytes from its end. Raises OSError."""
    with open(name, "rb") as stream:
        if last is not None:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - last))
        return stream.read().decode(errors="replace")


def daemon_log(pid: int) -> str:
    """The end of the daemon's log. Raises OSError where there is none that can be read."""
    return read(_log_file(pid), last=_LAST)


def criu(pid: int) -> str | None:
    """Version of the CRIU that the daemon finds, empty where it finds none; None where that cannot be known from here."""
    try:
        if os.readlink(f"/proc/{pid}/ns/mnt") != os.readlink("/proc/self/ns/mnt"):
            return None  # As with a snap: its programs are others than those seen here.
        lines = read(f"/proc/{pid}/environ").split("\0")
    except OSError:
        return None
    environment = dict(line.split("=", 1) for line in lines if "=" in line)
    if "PATH" not in environment:
        return None
    program = shutil.which("criu", path=environment["PATH"])
    return _version(program, environment) if program else ""


def cpu_flags() -> list[str] | None:
    """What the processors of this host can do, where the kernel calls it so."""
    found = re.search(r"^flags\s*:(.*)$", read("/proc/cpuinfo"), re.MULTILINE)
    return found[1].split() if found else None


def _version(program: str, environment: Mapping[str, str]) -> str | None:
    try:
        # The module's own way to run a program is not known in this layer.
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            [program, "--version"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=_SECONDS_FOR_CRIU,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"Version:\s*(\S+)", done.stdout)
    return found[1] if found else None


def _log_file(pid: int) -> str:
    arguments = read(f"/proc/{pid}/cmdline").split("\0")
    for number, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name == "--logfile":
            return value if equals else arguments[number + 1]
    usual = _USUAL_LOGS[read(f"/proc/{pid}/comm").strip()]
    return next((name for name in usual if os.path.exists(name)), usual[-1])
