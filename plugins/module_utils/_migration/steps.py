# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done next: a pure function of what is seen at both ends. docs/migration.md has it as a table.

A migration has no memory but the containers themselves. It looks at both ends, takes one step, and looks again. So it
makes no difference whether the step before was taken in this run or in one that was killed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from .._api.errors import InvalidInput
from .mark import ARRIVED, REFRESHING, VERIFIED, Mark

MOVE, COPY, REFRESH = "move", "copy", "refresh"

# The steps, by the words the user reads.
MARK = "mark"  # write on the source where it is going
STOP = "stop"  # the source
CLEAR = "clear"  # remove a target of ours that is not, or no longer, worth anything
TRANSFER = "transfer"  # make the target, or bring the copy up to date
VERIFY = "verify"  # compare it with the source
START = "start"  # the target, into the run state that the source had
DELETE = "delete"  # the source
RENAME = "rename"  # the target, from the name that it has meanwhile to that of the source, which is gone
UNMARK = "unmark"  # the target: done


@dataclass(frozen=True)
class Journey:
    """Which container is to go where. origin, destination: places as text; live: without being stopped.

    refreshed: the copy has been brought up to date in this run; home: the name, if it is that of the source and the target is
    to have it in the same project, where there can be only one at a time.
    """

    mode: str
    origin: str
    destination: str
    live: bool = False
    refreshed: bool = False
    home: str = ""

    def owns(self, mark: Mark | None) -> bool:
        return mark is not None and (mark.origin, mark.destination) == (self.origin, self.destination)


@dataclass(frozen=True)
class View:
    """One end, as far as it decides anything. status: the run state, or None where there is no container; identity: what a
    container keeps in a move and has of its own otherwise, where the server has such a thing.
    """

    status: str | None = None
    mark: Mark | None = None
    copy_of: str | None = None
    name: str = ""
    identity: str | None = None

    @property
    def is_there(self) -> bool:
        return self.status is not None

    @property
    def is_up(self) -> bool:
        return self.status not in (None, "stopped")

    @property
    def phase(self) -> str:
        return self.mark.phase if self.mark else ""


NOTHING = View()


def next_step(journey: Journey, source: View, target: View) -> str | None:
    """The next step, or None when all is done. Raises InvalidInput where only the user can decide."""
    if target.mark and not journey.owns(target.mark):
        raise InvalidInput("the container at the target belongs to another migration: see its user.flotilla.migration")
    if source.mark and not journey.owns(source.mark):
        raise InvalidInput(
            "it is in the middle of another migration: finish that one, with the same task, or unset"
            " user.flotilla.migration if you know that its other end is of no use"
        )
    if journey.mode == MOVE:
        return _next_of_move(journey, source, target)
    return _next_of_copy(journey, source, target)


def _next_of_move(journey: Journey, source: View, target: View) -> str | None:
    if not source.is_there:
        return _without_source(journey, target)
    if not target.is_there:
        if source.mark is None:
            return MARK
        return TRANSFER if journey.live or not source.is_up else STOP
    if target.mark is None:
        raise InvalidInput("the target has a container of that name, which this migration did not make")
    if source.mark is None and target.phase == VERIFIED and _are_two(source, target):
        raise InvalidInput(
            "the source is gone, and there is another container of its name: the one at the target is complete, and bears the"
            " mark user.flotilla.migration yet. Unset that to keep both"
        )
    if source.mark is None or source.mark.id != target.mark.id:
        return _clear(target, "the source is not waiting for it any more")
    if source.is_up:
        # Somebody has started it since: what the target has is old.
        return _clear(target, "the source runs as well")
    return _next_of_target(journey, target, source.mark)


def _are_two(source: View, target: View) -> bool:
    return bool(source.identity and target.identity) and source.identity != target.identity


def _next_of_target(journey: Journey, target: View, mark: Mark) -> str:
    """Of a move whose source is at rest and waits."""
    if journey.home and target.phase == VERIFIED:
        # A server starts neither of two that are the same to the network, so the one has to go first.
        return DELETE if not target.is_up else _refuse_provisional(target)
    if target.phase == VERIFIED:
        return DELETE if _is_as_it_was(target, mark.was) else START
    # Live, it is the servers that stop the one and start the other, when nothing can go wrong any more.
    if target.phase == ARRIVED or (mark.live and target.is_up):
        return VERIFY
    return _clear(target, "it was never seen to be complete")


def _is_as_it_was(target: View, was: str) -> bool:
    return was == "stopped" or target.status == was or (was == "running" and target.is_up)


def _refuse_provisional(target: View) -> str:
    raise InvalidInput(f"what is to take its place runs under its provisional name {target.name}: stop that")


def _without_source(journey: Journey, target: View) -> str | None:
    if not target.is_there:
        raise InvalidInput("there is no such container, neither at the source nor at the target")
    if target.mark is None:
        return None
    if target.phase == VERIFIED:
        return _next_alone(journey, target, target.mark)
    raise InvalidInput(
        f"the source is gone, and the container at the target was never compared with it (it is {target.phase}): it is left"
        " as it is. If it is what you want, unset its user.flotilla.migration"
    )


def _next_alone(journey: Journey, target: View, mark: Mark) -> str:
    """Of a move whose source is deleted."""
    if journey.home and target.name != journey.home:
        return RENAME if not target.is_up else _refuse_provisional(target)
    return START if journey.home and not _is_as_it_was(target, mark.was) else UNMARK


def _next_of_copy(journey: Journey, source: View, target: View) -> str | None:
    is_copy = target.copy_of == journey.origin
    if not source.is_there:
        if journey.mode == COPY and is_copy and target.mark is None:
            return None
        raise InvalidInput("there is no such container at the source")
    if source.mark is not None:
        raise InvalidInput("it is being moved at the same time: finish that first, with the same task")
    if not target.is_there:
        return TRANSFER
    if target.mark is None:
        return _next_of_finished_copy(journey, is_copy)
    if target.mark.mode not in (COPY, REFRESH):
        return _clear(target, "it was to be a moved container, and not a copy")
    if target.phase == VERIFIED:
        return UNMARK
    if target.phase == ARRIVED:
        return VERIFY
    if target.phase == REFRESHING:
        return TRANSFER
    return _clear(target, "it was never seen to be complete")


def _next_of_finished_copy(journey: Journey, is_copy: bool) -> str | None:
    if not is_copy:
        raise InvalidInput(
            "the target has a container of that name, which is not known to be a copy of this one (its"
            f" user.flotilla.copy_of is not {journey.origin})"
        )
    return None if journey.mode == COPY or journey.refreshed else TRANSFER


def _clear(target: View, reason: str) -> str:
    """A half is of no use, unless somebody uses it."""
    if target.is_up:
        raise InvalidInput(
            f"the container at the target runs, but {reason}: which of the two is the right one is yours to say. Stop the"
            " wrong one, and run the task again"
        )
    return CLEAR


def has_happened(journey: Journey, step: str, source: View, target: View) -> bool:
    """Whether what the step is for is so. Asked when a step failed: a lost answer does not mean that nothing was done."""
    own = source.mark or target.mark
    return {
        MARK: source.mark is not None,
        STOP: source.status == "stopped",
        CLEAR: not target.is_there,
        TRANSFER: target.phase == ARRIVED,
        VERIFY: target.phase == VERIFIED,
        START: own is not None and target.is_up and _is_as_it_was(target, own.was),
        DELETE: not source.is_there,
        RENAME: target.is_there and target.name == journey.home,
        UNMARK: target.is_there and target.mark is None,
    }[step]


def is_committed(source: View, target: View) -> bool:
    """Whether the target is the container from now on, so that the way of a move leads forward only."""
    at_rest = source.mark is not None and source.mark.was == "stopped"
    return not source.is_there or target.is_up or (target.phase == VERIFIED and at_rest)


def predict(journey: Journey, step: str, source: View, target: View, mark: Mark) -> tuple[View, View]:
    """Both ends after a step that goes well."""
    own = source.mark or target.mark
    if step == MARK:
        return replace(source, mark=mark), target
    if step == STOP:
        return replace(source, status="stopped"), target
    if step == CLEAR:
        return source, NOTHING
    if step == TRANSFER:
        arrived = (source.mark or mark).at(ARRIVED)
        if journey.mode != MOVE:
            return source, View("stopped", arrived, journey.origin)
        return replace(source, status="stopped"), View(source.status, arrived)
    if step == DELETE:
        return NOTHING, target
    if step == VERIFY and target.mark:
        return source, replace(target, mark=target.mark.at(VERIFIED))
    if step == START and own:
        return source, replace(target, status=own.was)
    if step == RENAME:
        return source, replace(target, name=journey.home)
    return source, replace(target, mark=None)


def foresee(journey: Journey, source: View, target: View, mark: Mark) -> Iterator[str]:
    """All steps that lie ahead if every one goes well: the plan, and all of check mode."""
    while (step := next_step(journey, source, target)) is not None:
        yield step
        source, target = predict(journey, step, source, target, mark)
        journey = replace(journey, refreshed=journey.refreshed or step == TRANSFER)
