# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table at the end."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.race import Contest, Outcome

HEADINGS = ("benchmark", "against", "theirs", "ours", "ratio", "goal", "Ansible alone")


@dataclass(frozen=True)
class Row:
    contest: Contest
    outcome: Outcome

    @property
    def cells(self) -> tuple[str, ...]:
        contest, outcome = self.contest, self.outcome
        return (
            contest.title,
            contest.peer_title,
            f"{outcome.peer:.2f} s",
            f"{outcome.ours:.2f} s",
            f"{outcome.ours / outcome.peer:.2f}",
            "" if contest.goal is None else f"≤ {contest.goal:.2f}",
            "" if outcome.floor is None else f"{outcome.floor:.2f} s",
        )


def table(rows: list[Row]) -> str:
    """In Markdown, aligned for those who read it as text."""
    lines = [HEADINGS, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]

    def write(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([write(HEADINGS), rule, *(write(row.cells) for row in rows)])
