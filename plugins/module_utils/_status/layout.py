# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the applications of a model are drawn: where its bundle says, or else in columns. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from .layers import GAP_ACROSS, GAP_DOWN, Box, Drawing, Edge, Size, layered

Point = tuple[float, float]

_GAP = 36.0
_SMALLEST, _LARGEST = 0.25, 3.0
_LEAST_WIDTH = 900.0


def positions(annotations: Mapping[str, Mapping[str, str]]) -> dict[str, Point]:
    """By application, what ``gui-x`` and ``gui-y`` say; those are left out where they say nothing of use."""
    found = {}
    for name, each in annotations.items():
        try:
            point = float(each["gui-x"]), float(each["gui-y"])
        except (KeyError, ValueError, TypeError):
            continue
        if all(map(math.isfinite, point)):
            found[name] = point
    return found


def drawing(sizes: Mapping[str, Size], edges: Collection[Edge], given: Mapping[str, Point]) -> Drawing:
    """sizes: by application. edges: from who requires to who provides. No two boxes overlap."""
    there = {name: point for name, point in given.items() if name in sizes}
    parts = [_as_given({name: sizes[name] for name in there}, there)] if there else []
    rest = [name for name in sizes if name not in there]
    links = [edge for edge in edges if edge[0] in rest and edge[1] in rest and edge[0] != edge[1]]
    groups = _connected(rest, links)
    for group in groups:
        if len(group) > 1:
            own = [edge for edge in links if edge[0] in group]
            parts.append(layered({name: sizes[name] for name in rest if name in group}, own))
    parts.sort(key=lambda part: -len(part.boxes))
    alone = [name for name in rest if {name} in groups]
    if alone:
        parts.append(_in_rows(alone, sizes, max([_LEAST_WIDTH, *(part.size[0] for part in parts)])))
    return _below_each_other(parts)


def _connected(names: Collection[str], edges: Collection[Edge]) -> list[set[str]]:
    groups: list[set[str]] = [{name} for name in names]
    for edge in edges:
        met = [group for group in groups if group & {*edge}]
        groups = [group for group in groups if group not in met] + [set().union(*met)]
    return groups


def _as_given(sizes: Mapping[str, Size], points: Mapping[str, Point]) -> Drawing:
    """The given places, all drawn apart alike until the boxes have room. What still overlaps goes further down."""
    factor = min(_LARGEST, max(_SMALLEST, _room_needed(sizes, points)))
    left, top = (min(point[axis] for point in points.values()) for axis in (0, 1))
    found = Drawing()
    for name in sorted(points, key=lambda each: (points[each][1], points[each][0], each)):
        x, y = (points[name][0] - left) * factor, (points[name][1] - top) * factor
        box = Box(x, y, *sizes[name])
        while met := [other for other in found.boxes.values() if _meet(box, other)]:
            box = Box(x, max(other.bottom for other in met) + _GAP, *sizes[name])
        found.boxes[name] = box
    return found


def _room_needed(sizes: Mapping[str, Size], points: Mapping[str, Point]) -> float:
    needed = 0.0
    names = list(points)
    for index, one in enumerate(names):
        for other in names[:index]:
            left, upper = (min((one, other), key=lambda each: points[each][axis]) for axis in (0, 1))
            across, down = (abs(points[one][axis] - points[other][axis]) for axis in (0, 1))
            factors = [
                (size + _GAP) / distance
                for size, distance in ((sizes[left][0], across), (sizes[upper][1], down))
                if distance
            ]
            needed = max(needed, min(factors, default=0.0))
    return needed


def _meet(one: Box, other: Box) -> bool:
    # A hair less than the gap: places computed to be just so far apart are.
    gap = _GAP - 0.01
    return (
        one.x < other.right + gap
        and other.x < one.right + gap
        and one.y < other.bottom + gap
        and other.y < one.bottom + gap
    )


def _in_rows(names: Collection[str], sizes: Mapping[str, Size], width: float) -> Drawing:
    found = Drawing()
    x = y = lowest = 0.0
    for name in names:
        if x and x + sizes[name][0] > width:
            x, y = 0.0, lowest + GAP_DOWN
        found.boxes[name] = Box(x, y, *sizes[name])
        x, lowest = x + sizes[name][0] + GAP_ACROSS / 2, max(lowest, y + sizes[name][1])
    return found


def _below_each_other(parts: Collection[Drawing]) -> Drawing:
    whole, top = Drawing(), 0.0
    for part in parts:
        moved = part.moved(0.0, top)
        whole.boxes.update(moved.boxes)
        whole.joints.update(moved.joints)
        top += part.size[1] + 2 * GAP_DOWN
    return whole
