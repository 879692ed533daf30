# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A graph in columns from left to right, with few lines that cross: Sugiyama's method. Pure.

1. circles are broken up; 2. every node is right of those that lead to it; 3. a line over several columns gets a joint in
each of them, so that it passes between the nodes; 4. each column is ordered by where its neighbours are; 5. and each node
moves as near to its neighbours' height as the others let it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Union

Size = tuple[float, float]
Edge = tuple[str, str]
# A node by its name, or a line's joint: the line and the column.
Place = Union[str, tuple[str, str, int]]

GAP_ACROSS, GAP_DOWN = 84.0, 26.0
_JOINT_HEIGHT = 10.0
_SWEEPS = 12


@dataclass(frozen=True)
class Box:
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height


@dataclass
class Drawing:
    """boxes: by the nodes' names. joints: by a line, the boxes it passes between its ends, from left to right."""

    boxes: dict[str, Box] = field(default_factory=dict)
    joints: dict[Edge, list[Box]] = field(default_factory=dict)

    @property
    def size(self) -> Size:
        found = [*self.boxes.values(), *(box for each in self.joints.values() for box in each)]
        return max((box.right for box in found), default=0), max((box.bottom for box in found), default=0)

    def moved(self, across: float, down: float) -> Drawing:
        def move(box: Box) -> Box:
            return Box(box.x + across, box.y + down, box.width, box.height)

        joints = {edge: [move(box) for box in each] for edge, each in self.joints.items()}
        return Drawing({name: move(box) for name, box in self.boxes.items()}, joints)


def layered(sizes: Mapping[str, Size], edges: Collection[Edge]) -> Drawing:
    """sizes: of all nodes, which have to be connected. edges: from left to right. The left top corner is at 0, 0."""
    forward = _without_circles(list(sizes), edges)
    column_of = _columns(list(sizes), forward)
    columns: list[list[Place]] = [[] for _each in range(max(column_of.values()) + 1)]
    for name in sizes:
        columns[column_of[name]].append(name)
    links: list[tuple[Place, Place]] = []
    for left, right in forward:
        chain: list[Place] = [left]
        for number in range(column_of[left] + 1, column_of[right]):
            chain.append((left, right, number))
            columns[number].append(chain[-1])
        links += zip(chain, [*chain[1:], right])
    return _drawn(_ordered(columns, links), links, sizes)


def _without_circles(names: Sequence[str], edges: Collection[Edge]) -> list[Edge]:
    """The edges, those turned round that would lead back."""
    after: dict[str, list[str]] = {name: [] for name in names}
    for left, right in sorted(edges):
        after[left].append(right)
    done: set[str] = set()
    on_the_way: list[str] = []
    forward: dict[Edge, None] = {}

    def visit(name: str) -> None:
        on_the_way.append(name)
        for other in after[name]:
            leads_back = other in on_the_way
            forward[(other, name) if leads_back else (name, other)] = None
            if not leads_back and other not in done:
                visit(other)
        on_the_way.pop()
        done.add(name)

    sources = [name for name in names if not any(right == name for _left, right in edges)]
    for name in [*sources, *names]:
        if name not in done:
            visit(name)
    return list(forward)


def _columns(names: Sequence[str], edges: Collection[Edge]) -> dict[str, int]:
    before: dict[str, list[str]] = {name: [] for name in names}
    after: dict[str, list[str]] = {name: [] for name in names}
    for left, right in edges:
        before[right].append(left)
        after[left].append(right)
    found: dict[str, int] = {}

    def column(name: str) -> int:
        if name not in found:
            found[name] = max((column(each) + 1 for each in before[name]), default=0)
        return found[name]

    for name in names:
        column(name)
    # What nothing leads to stands beside what it leads to, and not at the far left.
    return {
        name: number if before[name] or not after[name] else min(found[each] for each in after[name]) - 1
        for name, number in found.items()
    }


def _ordered(columns: list[list[Place]], links: Collection[tuple[Place, Place]]) -> list[list[Place]]:
    beside: tuple[dict[Place, list[Place]], dict[Place, list[Place]]] = ({}, {})
    for left, right in links:
        beside[0].setdefault(right, []).append(left)
        beside[1].setdefault(left, []).append(right)
    best, fewest = columns, _crossings(columns, links)
    for sweep in range(_SWEEPS):
        to_the_left = sweep % 2
        columns = [list(column) for column in columns]
        numbers = range(len(columns) - 2, -1, -1) if to_the_left else range(1, len(columns))
        for number in numbers:
            rank = {place: index for index, place in enumerate(columns[number + 1 if to_the_left else number - 1])}
            own = {place: index for index, place in enumerate(columns[number])}
            neighbours = beside[to_the_left]
            columns[number].sort(
                key=lambda place: _mean([rank[each] for each in neighbours.get(place, ())], own[place])
            )
        crossings = _crossings(columns, links)
        if crossings < fewest:
            best, fewest = columns, crossings
    return best


def _crossings(columns: list[list[Place]], links: Collection[tuple[Place, Place]]) -> int:
    column_of = {place: number for number, column in enumerate(columns) for place in column}
    rank = {place: index for column in columns for index, place in enumerate(column)}
    by_column: dict[int, list[tuple[int, int]]] = {}
    for left, right in links:
        by_column.setdefault(column_of[left], []).append((rank[left], rank[right]))
    return sum(
        (one[0] - other[0]) * (one[1] - other[1]) < 0
        for found in by_column.values()
        for index, one in enumerate(found)
        for other in found[:index]
    )


def _drawn(columns: list[list[Place]], links: Collection[tuple[Place, Place]], sizes: Mapping[str, Size]) -> Drawing:
    heights = {
        place: sizes[place][1] if isinstance(place, str) else _JOINT_HEIGHT for column in columns for place in column
    }
    near: dict[Place, list[Place]] = {place: [] for place in heights}
    for left, right in links:
        near[left].append(right)
        near[right].append(left)
    middles: dict[Place, float] = {}
    for column in columns:
        middles.update(zip(column, _apart([0.0] * len(column), [heights[place] for place in column])))
    for sweep in range(_SWEEPS):
        for column in reversed(columns) if sweep % 2 else columns:
            wanted = [_mean([middles[each] for each in near[place]], middles[place]) for place in column]
            middles.update(zip(column, _apart(wanted, [heights[place] for place in column])))
    top = min(middles[place] - heights[place] / 2 for place in heights)
    drawing, across = Drawing(), 0.0
    for column in columns:
        width = max((sizes[place][0] for place in column if isinstance(place, str)), default=0.0)
        for place in column:
            box = Box(across, middles[place] - heights[place] / 2 - top, width, heights[place])
            if isinstance(place, str):
                drawing.boxes[place] = box
            else:
                drawing.joints.setdefault(place[:2], []).append(box)
        across += width + GAP_ACROSS
    return drawing


def _apart(wanted: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Middles as near to those wanted as order and gap allow: least squares, pooling those in each other's way."""
    offsets = [0.0]
    for upper, lower in zip(heights, heights[1:]):
        offsets.append(offsets[-1] + (upper + lower) / 2 + GAP_DOWN)
    pools: list[tuple[float, int]] = []
    for middle, offset in zip(wanted, offsets):
        pool = (middle - offset, 1)
        while pools and pools[-1][0] > pool[0]:
            other = pools.pop()
            count = other[1] + pool[1]
            pool = ((other[0] * other[1] + pool[0] * pool[1]) / count, count)
        pools.append(pool)
    shifts = [middle for middle, count in pools for _each in range(count)]
    return [shift + offset for shift, offset in zip(shifts, offsets)]


def _mean(values: Iterable[float], otherwise: float) -> float:
    found = list(values)
    return sum(found) / len(found) if found else otherwise
