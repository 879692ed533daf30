# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of the labs beside a lab: tests that run at the same time have one for each process.

Nothing of the lab is imported here, as that settles which lab it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable


def name(lab: str, number: int) -> str:
    """Of the number-th beside a lab, which is number 0 itself.

    They are mine1 and mine2 beside mine, w1 and w2 beside the one without a name.
    """
    return f"{_stem(lab)}{number}" if number else lab


def names(lab: str, among: Iterable[str]) -> list[str]:
    """Those that are names of labs beside this one."""
    return sorted(each for each in among if re.fullmatch(rf"{_stem(lab)}[1-9]", each))


def _stem(lab: str) -> str:
    return lab[:6] or "w"  # with the number, a lab's name has seven characters at most
