# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that counts on in its memory: whether it is still the same one is told by its number, and by where it is."""

from __future__ import annotations

# What a container needs for CRIU on Incus; an unprivileged one does not find its files again.
CONFIG = {"raw.lxc": "lxc.console.path=none", "migration.stateful": True, "security.privileged": True}

_COUNT = "echo $$ > /process; i=0; while :; do i=$((i+1)); echo $i > /new; mv /new /count; sleep 0.1; done"


def start(command_line, remote: str, container: str) -> None:
    """Start it in a container that runs."""
    script = f"setsid sh -c '{_COUNT}' </dev/null >/dev/null 2>&1 & sleep 0.5"
    command_line(remote, "exec", f"{remote}:{container}", "--", "sh", "-c", script)


def look(command_line, remote: str, container: str) -> tuple[int, int]:
    """Its number, and how far it has counted. Two looks in a row differ, if it runs."""
    script = "sleep 0.5; cat /process /count"
    process, count = command_line(remote, "exec", f"{remote}:{container}", "--", "sh", "-c", script).split()
    return int(process), int(count)


def goes_on(command_line, remote: str, container: str, before: tuple[int, int]) -> bool:
    """Whether it is the same process as before, further on, and counting."""
    first, second = look(command_line, remote, container), look(command_line, remote, container)
    return before[0] == first[0] == second[0] and before[1] < first[1] < second[1]
