# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: ``python -m tests.faults --rounds 100 --seed 1``."""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

# Never the lab that others use: its daemons are killed.
os.environ["FLOTILLA_LAB_NAME"] = "faults"
ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "integration" / "support")]

from tests.faults import faults, rounds, world  # noqa: E402


def main() -> int:
    """Return 1 if a container was lost, a second run did not finish the job, or not all rounds were played."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description="Break migrations, and see what is left."
    )
    parser.add_argument("--rounds", type=int, default=len(each_once()), help="how many; the default is each fault once")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6, help="to have the same faults again")
    parser.add_argument("--fault", default="", help="only those with this text in their name")
    parser.add_argument("--verbose", action="store_true", help="show what the first run said")
    parser.add_argument("--keep", action="store_true", help="leave the lab up, which saves some seconds the next time")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    dice = random.Random(arguments.seed)
    if not any(arguments.fault in fault.title for fault in faults.ALL):
        parser.error(f"the faults are: {'; '.join(fault.title for fault in faults.ALL)}")
    plan = plan_of(arguments.rounds, arguments.fault, dice)
    outcomes: list[rounds.Outcome] = []
    with world.world(keep=arguments.keep) as here, suppress(KeyboardInterrupt):
        for number, (fault, moment, pair) in enumerate(plan, 1):
            begun = time.monotonic()
            outcome = rounds.play(here, number, fault, moment, pair, dice)
            outcomes.append(outcome)
            print(f"{number:4}/{len(plan)} {time.monotonic() - begun:5.1f} s  {_line(outcome)}", flush=True)
            if outcome.said and arguments.verbose:
                print(f"       {outcome.said}", flush=True)
            if outcome.problem:
                print(outcome.problem, flush=True)
    print(table(outcomes))
    return 1 if len(outcomes) < len(plan) or any(outcome.problem for outcome in outcomes) else 0


def each_once() -> list[tuple[faults.Fault, str]]:
    return [(fault, moment) for fault in faults.ALL for moment in fault.moments]


def plan_of(count: int, text: str, dice: random.Random) -> list[tuple[faults.Fault, str, tuple[str, str]]]:
    """Every fault at every one of its moments in turn, shuffled, between servers that are drawn."""
    cells = [(fault, moment) for fault, moment in each_once() if text in fault.title]
    plan: list[tuple[faults.Fault, str]] = []
    while len(plan) < count:
        plan += dice.sample(cells, len(cells))
    return [(fault, moment, dice.choice(rounds.PAIRS)) for fault, moment in plan[:count]]


def _line(outcome: rounds.Outcome) -> str:
    how = "missed its moment" if not outcome.hit else "went well all the same" if outcome.survived else "failed"
    verdict = "WRONG" if outcome.problem else "ok"
    source, target = outcome.pair
    return f"{verdict:6}{outcome.fault}, {outcome.moment}, {source} to {target}: {how}; {outcome.complete} complete"


def table(outcomes: list[rounds.Outcome]) -> str:
    """Fault × moment: how many rounds, and how they came out."""
    cells: dict[tuple[str, str], list[rounds.Outcome]] = defaultdict(list)
    for outcome in outcomes:
        cells[outcome.fault, outcome.moment].append(outcome)
    head = f"{'fault':34}{'moment':20}{'rounds':>7}{'hit':>5}{'failed':>8}{'1 left':>8}{'2 left':>8}{'lost':>6}{'stuck':>7}"
    lines = [head]
    for (fault, moment), found in sorted(cells.items()):
        lines.append(_row(fault, moment, found))
    lines.append(_row("all", "", outcomes))
    return "\n".join(lines)


def _row(fault: str, moment: str, found: list[rounds.Outcome]) -> str:
    numbers = [
        (len(found), 7),
        (sum(one.hit for one in found), 5),
        (sum(not one.survived for one in found), 8),
        *((sum(one.complete == left for one in found), 8) for left in (1, 2)),
        (sum(one.complete == 0 for one in found), 6),
        (sum(bool(one.complete and one.problem) for one in found), 7),
    ]
    return f"{fault:34}{moment:20}" + "".join(f"{number:>{width}}" for number, width in numbers)


if __name__ == "__main__":
    sys.exit(main())
