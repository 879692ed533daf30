# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rounds came to, for people (Markdown) and for programs (JSON)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from tests.faults.rounds import LOST, RESULTS, STUCK, Outcome, Round

Played = tuple[Round, Outcome]


def line(this: Round, outcome: Outcome) -> str:
    source, target = this.pair
    alive = {True: ", alive", False: ", restarted", None: ""}[outcome.alive]
    return (
        f"{outcome.result + alive:20} {this.fault.title}, {this.moment}: {this.flow.title}, {source} to {target};"
        f" {outcome.complete} complete"
    )


def tables(played: Sequence[Played]) -> str:
    """Fault × moment × result, and flow × result."""
    by_fault = _table(played, ("fault", "moment"), lambda this: (this.fault.title, this.moment))
    return f"{by_fault}\n\n{_table(played, ('what', 'way'), lambda this: (this.flow.kind, this.flow.way))}"


def is_well(played: Sequence[Played], planned: int) -> bool:
    return 0 < len(played) == planned and not _wrong(played)


def verdict(played: Sequence[Played], planned: int) -> str:
    if is_well(played, planned):
        return f"OK: {planned} rounds, nothing lost, and every second run finished the job."
    numbers = f" ({', '.join(map(str, _wrong(played)))})" if _wrong(played) else ""
    return f"WRONG: {planned} rounds, of which {len(played)} were played and {len(_wrong(played))} went wrong{numbers}."


def _wrong(played: Sequence[Played]) -> list[int]:
    return [this.number for this, outcome in played if outcome.result in (LOST, STUCK)]


def content(played: Sequence[Played], seed: int, versions: Mapping[str, str]) -> str:
    """JSON, for whoever digs."""
    rounds = [
        {
            "number": this.number,
            "fault": this.fault.title,
            "moment": this.moment,
            "delay": this.delay,
            "is_short": this.is_short,
            "from": this.pair[0],
            "to": this.pair[1],
            "options": this.options,
            "state": this.flow.state,
            **vars(outcome),
        }
        for this, outcome in played
    ]
    return json.dumps({"seed": seed, "versions": versions, "rounds": rounds}, indent=1)


def _table(played: Sequence[Played], heads: Sequence[str], key: Callable[[Round], tuple[str, ...]]) -> str:
    cells: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for this, outcome in played:
        cells[key(this)].append(outcome.result)
    rows = [[*heads, "rounds", *RESULTS], ["---"] * len(heads) + ["--:"] * (1 + len(RESULTS))]
    rows += [[*names, *_counts(results)] for names, results in sorted(cells.items())]
    rows.append(["all", *[""] * (len(heads) - 1), *_counts([outcome.result for _this, outcome in played])])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _counts(results: Sequence[str]) -> list[str]:
    return [str(len(results)), *(str(results.count(one)) for one in RESULTS)]
