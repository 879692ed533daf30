# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a model is after a unit has published something: as a server would have it, but without one."""

from __future__ import annotations

from dataclasses import replace


def published(state, unit, **fields):
    containers = tuple(
        replace(each, units={**each.units, unit: replace(each.units[unit], **fields)}) if unit in each.units else each
        for each in state.containers
    )
    return replace(state, containers=containers)
