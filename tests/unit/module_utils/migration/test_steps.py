# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of docs/migration.md: what is seen at both ends, and the step that follows."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.mark import Mark, read
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.steps import (
    NOTHING,
    Journey,
    View,
    foresee,
    next_step,
)

MOVE = Journey("move", "a/default/c1", "b/default/c1")
COPY = replace(MOVE, mode="copy")
REFRESH = replace(MOVE, mode="refresh")
LIVE = replace(MOVE, live=True)
MARK = Mark("one", MOVE.origin, MOVE.destination, "move", "copying", "running")
OTHER = replace(MARK, id="other")
COPY_MARK = replace(MARK, mode="copy")
ELSEWHERE = replace(MARK, destination="c/default/c1")
REFUSED = "refused"

up, down = View("running"), View("stopped")
waiting = View("stopped", MARK)


def target(phase: str, status: str = "stopped", mark: Mark = MARK) -> View:
    return View(status, mark.at(phase), MOVE.origin if mark.mode != "move" else None)


@pytest.mark.parametrize(
    ("journey", "source", "there", "expected"),
    [
        # a move that begins
        (MOVE, up, NOTHING, "mark"),
        (MOVE, down, NOTHING, "mark"),
        (MOVE, View("running", MARK), NOTHING, "stop"),
        (MOVE, View("frozen", MARK), NOTHING, "stop"),
        (LIVE, View("running", MARK), NOTHING, "transfer"),
        (MOVE, waiting, NOTHING, "transfer"),
        # the target is there
        (MOVE, waiting, target("copying"), "clear"),
        (MOVE, waiting, target("arrived"), "verify"),
        (MOVE, waiting, target("verified"), "start"),
        (MOVE, waiting, target("verified", "running"), "delete"),
        (MOVE, View("stopped", replace(MARK, was="stopped")), target("verified"), "delete"),
        (MOVE, View("stopped", replace(MARK, was="frozen")), target("verified", "running"), "start"),
        (MOVE, View("stopped", replace(MARK, was="frozen")), target("verified", "frozen"), "delete"),
        # live, the servers start it
        (LIVE, View("stopped", replace(MARK, live=True)), target("copying", "running"), "verify"),
        (LIVE, View("running", replace(MARK, live=True)), target("copying"), "clear"),
        # it is of an earlier run that was given up, or somebody has started the source since
        (MOVE, up, target("verified"), "clear"),
        (MOVE, View("stopped", OTHER), target("verified"), "clear"),
        (MOVE, View("running", MARK), target("arrived"), "clear"),
        # the source is gone
        (MOVE, NOTHING, target("verified", "running"), "unmark"),
        (MOVE, NOTHING, target("verified"), "unmark"),
        (MOVE, NOTHING, up, None),
        (MOVE, NOTHING, down, None),
        (MOVE, NOTHING, target("copying"), REFUSED),
        (MOVE, NOTHING, target("arrived"), REFUSED),
        (MOVE, NOTHING, NOTHING, REFUSED),
        # what is not ours is not touched, nor what somebody uses
        (MOVE, up, down, REFUSED),
        (MOVE, waiting, down, REFUSED),
        (MOVE, up, View("stopped", ELSEWHERE), REFUSED),
        (MOVE, View("stopped", ELSEWHERE), NOTHING, REFUSED),
        (MOVE, waiting, target("copying", "running"), REFUSED),
        (MOVE, View("running", MARK), target("verified", "running"), REFUSED),
        (MOVE, up, target("verified", "running"), REFUSED),
        # copies
        (COPY, up, NOTHING, "transfer"),
        (COPY, up, target("copying", mark=COPY_MARK), "clear"),
        (COPY, up, target("arrived", mark=COPY_MARK), "verify"),
        (COPY, up, target("verified", mark=COPY_MARK), "unmark"),
        (COPY, up, target("refreshing", mark=COPY_MARK), "transfer"),
        (COPY, up, View("stopped", copy_of=MOVE.origin), None),
        (COPY, up, View("running", copy_of=MOVE.origin), None),
        (COPY, NOTHING, View("running", copy_of=MOVE.origin), None),
        (COPY, up, down, REFUSED),
        (COPY, up, View("stopped", copy_of="a/default/c2"), REFUSED),
        (COPY, NOTHING, NOTHING, REFUSED),
        (COPY, waiting, NOTHING, REFUSED),
        (COPY, up, target("verified"), "clear"),
        (REFRESH, up, View("stopped", copy_of=MOVE.origin), "transfer"),
        (REFRESH, up, NOTHING, "transfer"),
        (REFRESH, up, down, REFUSED),
        (REFRESH, NOTHING, View("stopped", copy_of=MOVE.origin), REFUSED),
        (replace(REFRESH, refreshed=True), up, View("stopped", copy_of=MOVE.origin), None),
    ],
)
def test_next_step(journey, source, there, expected):
    if expected is REFUSED:
        with pytest.raises(InvalidInput):
            next_step(journey, source, there)
    else:
        assert next_step(journey, source, there) == expected


VIEWS = [
    View(status, mark, copy_of)
    for status in (None, "running", "stopped", "frozen")
    for phase in (None, "copying", "refreshing", "arrived", "verified")
    for base in (MARK, OTHER, COPY_MARK, ELSEWHERE, replace(MARK, was="stopped"), replace(MARK, live=True))
    for mark in [base.at(phase) if phase else None]
    for copy_of in (None, MOVE.origin)
    if status or not (mark or copy_of)
]


@pytest.mark.parametrize("journey", [MOVE, LIVE, COPY, REFRESH], ids=lambda one: f"{one.mode}-{one.live}")
def test_wherever_one_is_the_way_ends(journey):
    for source, there in product(dict.fromkeys(VIEWS), repeat=2):
        steps = []
        try:
            for step in foresee(
                journey, source, there, replace(MARK, mode=journey.mode, was=source.status or "stopped")
            ):
                steps.append(step)
                assert len(steps) < 12, (source, there, steps)
        except InvalidInput:
            continue
        # The source is only deleted after the target was found good, in this run or before.
        if "delete" in steps:
            before = steps[: steps.index("delete")]
            assert "verify" in before or there.phase == "verified"
        # And a target is only removed that is ours and that nobody uses.
        if "clear" in steps:
            assert journey.owns(there.mark) and not there.is_up


def test_a_mark_that_is_none_is_not_ours():
    for text in ("x", "{}", "[]", '{"id": 1}', "null"):
        mark = read({"user.flotilla.migration": text})
        assert mark is not None and not MOVE.owns(mark)
    assert read({}) is None
    assert read({"user.flotilla.migration": replace(MARK, live=True).text()}) == replace(MARK, live=True)


WITHIN = replace(MOVE, home="c1")


@pytest.mark.parametrize(
    ("source", "there", "expected"),
    [
        (waiting, NOTHING, "transfer"),
        (waiting, target("arrived"), "verify"),
        (waiting, target("verified"), "delete"),
        (waiting, target("verified", "running"), REFUSED),
        (NOTHING, replace(target("verified"), name="arriving-c1"), "rename"),
        (NOTHING, replace(target("verified", "running"), name="arriving-c1"), REFUSED),
        (NOTHING, replace(target("verified"), name="c1"), "start"),
        (NOTHING, replace(target("verified", "running"), name="c1"), "unmark"),
        (NOTHING, replace(target("arrived"), name="arriving-c1"), REFUSED),
        (NOTHING, replace(down, name="c1"), None),
    ],
)
def test_within_a_project(source, there, expected):
    if expected == REFUSED:
        with pytest.raises(InvalidInput):
            next_step(WITHIN, source, there)
    else:
        assert next_step(WITHIN, source, there) == expected


@pytest.mark.parametrize("journey", [MOVE, WITHIN])
def test_another_container_of_the_name_of_a_source_that_is_gone(journey):
    """What has arrived is then all there is of it, and is not taken for old."""
    there = replace(target("verified"), identity="one")
    with pytest.raises(InvalidInput, match="another container of its name"):
        next_step(journey, replace(down, identity="other"), there)
    assert next_step(journey, replace(down, identity="one"), there) == "clear"
