# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands timed in turn, so that whatever else the machine does meets them alike."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """A command line, and what its output has to show for it to count (so that nobody wins by doing nothing).

    before: what has to be run before it each time, and is not timed.
    """

    line: tuple[str, ...]
    shows: str
    times: int = 1
    before: tuple[str, ...] = ()


@dataclass(frozen=True)
class Contest:
    """Ours against a peer's. goal is the highest ratio of our time to theirs; floor, what Ansible takes by itself."""

    title: str
    peer_title: str
    ours: Command
    peer: Command
    goal: float | None = None
    floor: Command | None = None


@dataclass(frozen=True)
class Outcome:
    """Medians in seconds."""

    ours: float
    peer: float
    floor: float | None


def race(contest: Contest, environment: Mapping[str, str], runs: int) -> Outcome:
    """Each command once to warm up, then all of them in turn, so many times."""
    commands = [command for command in (contest.ours, contest.peer, contest.floor) if command]
    for command in commands:
        _time(command, environment)
    timed: dict[Command, list[float]] = {command: [] for command in commands}
    for _round in range(runs):
        for command in commands:
            timed[command].append(_time(command, environment))
    medians = {command: statistics.median(seconds) for command, seconds in timed.items()}
    return Outcome(medians[contest.ours], medians[contest.peer], medians.get(contest.floor) if contest.floor else None)


def _time(command: Command, environment: Mapping[str, str]) -> float:
    if command.before:
        _call(command.before, environment)
    begun = time.perf_counter()
    shown = _call(command.line, environment)
    took = time.perf_counter() - begun
    if shown.count(command.shows) != command.times:
        raise SystemExit(f"{' '.join(command.line)} did not do its work:\n{shown[-2000:]}")
    return took


def _call(line: tuple[str, ...], environment: Mapping[str, str]) -> str:
    done = subprocess.run(line, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(line)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout
