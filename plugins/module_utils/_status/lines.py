# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines between boxes: smooth, from side to side, each with a place of its own on the side. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from .layers import GAP_ACROSS, Box, Drawing, Edge

_LEAST_BEND = 28.0
_BETWEEN_ENDS = 18.0
# How much of a side is taken by the ends of lines.
_USED = 0.7


@dataclass(frozen=True)
class Line:
    """path: the data of an SVG path. ends: where it begins and ends, of the edge's first and second."""

    path: str
    ends: tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True)
class _Way:
    """From one box through others to the last; sideways: from its right side to the left one, or else from below to above."""

    edge: Edge
    boxes: tuple[Box, ...]
    is_turned: bool
    sideways: bool


def lines(drawing: Drawing, edges: Collection[Edge]) -> dict[Edge, Line]:
    """By edge; no two edges are between the same boxes."""
    ways = [_way(drawing, edge) for edge in edges]
    places = _places(ways)
    found = {}
    for way in ways:
        first, last = way.boxes[0], way.boxes[-1]
        at_first, at_last = places[way.edge, 0], places[way.edge, 1]
        start = (first.right, at_first) if way.sideways else (at_first, first.bottom)
        end = (last.x, at_last) if way.sideways else (at_last, last.y)
        path = [f"M{_pair(start)}"]
        here = start
        for joint in way.boxes[1:-1]:
            middle = joint.middle[1]
            path.append(_bend(here, (joint.x, middle), way.sideways))
            path.append(f"H{joint.right:.1f}")
            here = joint.right, middle
        path.append(_bend(here, end, way.sideways))
        found[way.edge] = Line("".join(path), (end, start) if way.is_turned else (start, end))
    return found


def _way(drawing: Drawing, edge: Edge) -> _Way:
    one, other = (drawing.boxes[name] for name in edge)
    across = max(other.x - one.right, one.x - other.right)
    down = max(other.y - one.bottom, one.y - other.bottom)
    joints = drawing.joints.get(edge) or drawing.joints.get(edge[::-1]) or []
    sideways = bool(joints) or across >= min(GAP_ACROSS - 1, down)
    is_turned = other.x < one.x if sideways else other.y < one.y
    first, last = (other, one) if is_turned else (one, other)
    return _Way(edge, (first, *joints, last), is_turned, sideways)


def _places(ways: Collection[_Way]) -> dict[tuple[Edge, int], float]:
    """Where on its side a way begins (0) and ends (1), so that ways from one side do not cross at once."""
    sides: dict[tuple[Box, bool, int], list[tuple[float, Edge]]] = {}
    for way in ways:
        axis = 1 if way.sideways else 0
        for end, box, towards in ((0, way.boxes[0], way.boxes[1]), (1, way.boxes[-1], way.boxes[-2])):
            sides.setdefault((box, way.sideways, end), []).append((towards.middle[axis], way.edge))
    found = {}
    for (box, sideways, end), those in sides.items():
        length = box.height if sideways else box.width
        step = min(_BETWEEN_ENDS, length * _USED / len(those))
        middle = box.middle[1 if sideways else 0]
        for number, (_towards, edge) in enumerate(sorted(those)):
            found[edge, end] = middle + (number - (len(those) - 1) / 2) * step
    return found


def _bend(start: tuple[float, float], end: tuple[float, float], sideways: bool) -> str:
    bend = max(_LEAST_BEND, abs(end[0] - start[0] if sideways else end[1] - start[1]) / 2)
    (x, y), (to_x, to_y) = start, end
    first, second = ((x + bend, y), (to_x - bend, to_y)) if sideways else ((x, y + bend), (to_x, to_y - bend))
    return f"C{_pair(first)} {_pair(second)} {_pair(end)}"


def _pair(point: tuple[float, float]) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"
