# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a unit is to go: ``0``, ``lxd:0``, ``new``, ``haproxy``, ``lxd:haproxy/2``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .names import APPLICATION, NUMBER

NEW = "new"
_FORM = re.compile(f"(?:([a-z]+):)?(?:({APPLICATION})(?:/({NUMBER}))?|({NUMBER}))")


@dataclass(frozen=True)
class Placement:
    """container is the kind of one to be made there, or empty. Either application is set, or machine: a number, or ``new``.

    unit: a number; None stands for the next unit of the application that has none of ours yet.
    """

    container: str = ""
    application: str = ""
    unit: int | None = None
    machine: str = ""

    @property
    def may_repeat(self) -> bool:
        """Whether as the last of a list it holds for the units that are left. A machine or a unit of it is meant once."""
        return self.machine == NEW or (self.application != "" and self.unit is None)


def parse(text: str) -> Placement | None:
    """None for what is no placement."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    container, application, unit, machine = (part or "" for part in match.groups())
    if application == NEW:
        return None if unit else Placement(container, machine=NEW)
    return Placement(container, application, int(unit) if unit else None, machine)
