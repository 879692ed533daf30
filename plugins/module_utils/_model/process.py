# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes by a name that none has had before, so that it can be told later whether one is gone.

Source: proc_pid_stat(5), pid_namespaces(7).
"""

from __future__ import annotations

import os

# Given by the action plugins deploy and model to the modules: the process that runs the playbook.
RUN_VARIABLE = "FLOTILLA_RUN"
_DEAD = ("Z", "X")


def name_of(pid: int) -> str:
    """Where it is (this boot of this kernel, and the namespace in which its number counts), its number, and when it began.

    Empty where there is no such process, or no /proc to tell.
    """
    here, stat = _here(), _stat(pid)
    return f"{here} {pid} {stat[1]}" if here and stat is not None else ""


def is_gone(name: str) -> bool:
    """Whether a process was here and is no more. Of one that is elsewhere, nothing is known."""
    place, _space, rest = name.partition(" ")
    number, _space, began = rest.partition(" ")
    if not number.isdecimal() or place != _here():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        # Somebody else's; it is there all the same, and /proc may be closed to us.
        pass
    stat = _stat(int(number))
    return stat is not None and (stat[0] in _DEAD or stat[1] != began)


def number_of(name: str) -> str:
    return name.split(" ")[1] if " " in name else ""


def _here() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as stream:
            return f"{stream.read().strip()}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _stat(pid: int) -> tuple[str, str] | None:
    """State and time of start."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:
            # The second field is the command in parentheses, and may have any character in it.
            fields = stream.read().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[0], fields[19]
