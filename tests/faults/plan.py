# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rounds are played: every flow, and of each mode every fault at every moment, equally often, in an order drawn."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from typing import TypeVar

from tests.faults import faults, flows, moments
from tests.faults.faults import Fault
from tests.faults.flows import Flow
from tests.faults.rounds import Round

_T = TypeVar("_T")
Cell = tuple[Fault, str]


def draw(count: int, seed: int, *, fault: str = "", flow: str = "", live: bool = True) -> list[Round]:
    """The plan of a seed. fault, flow: only those with this text in their titles; live: whether CRIU is there."""
    dice = random.Random(seed)
    chosen = [one for one in flows.ALL if flow in one.title and (live or one.state != flows.LIVE)]
    cells = {one.mode: _cells(one.mode, fault) for one in chosen}
    if not all(cells.values()) or not chosen:
        return []
    open_flows: list[Flow] = []
    open_cells: dict[str, list[Cell]] = defaultdict(list)
    plan = []
    for number in range(1, count + 1):
        this = _next(open_flows, chosen, dice)
        what, moment = _next(open_cells[this.mode], cells[this.mode], dice)
        delay = dice.uniform(0, moments.LONGEST.get(moment, 0))
        pair, is_short, fallback = dice.choice(this.pairs), dice.random() < 0.5, dice.random() < 0.5
        plan.append(Round(number, what, moment, this, pair, round(delay, 2), is_short, fallback))
    return plan


def _cells(mode: str, text: str) -> list[Cell]:
    return [(fault, moment) for fault in faults.ALL if text in fault.title for moment in fault.moments_of(mode)]


def _next(left: list[_T], of: Sequence[_T], dice: random.Random) -> _T:
    """Take one of those that are left; all are, when none is."""
    if not left:
        left += dice.sample(of, len(of))
    return left.pop()
