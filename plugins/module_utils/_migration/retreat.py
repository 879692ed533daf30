# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back, when a step failed: the source as it was, and no half left behind, as far as both can be reached."""

from __future__ import annotations

from typing import Callable, NoReturn

from .._api.deadline import Deadline
from .._api.errors import FlotillaError
from . import steps
from .end import End, Seen, Source, view
from .mark import REFRESHING, Mark

# The user's deadline may be what failed: putting things back has time of its own.
_SECONDS = 120.0


class Failed(FlotillaError):
    """A migration that did not come about, with what there is now."""


class Retreat:
    """What is seen after a failure, and what is made of it. undone: what could not be put back, in words."""

    def __init__(self, source: Source, target: End, journey: steps.Journey) -> None:
        self._source = source
        self._target = target
        self._journey = journey
        self._undone: list[str] = []

    def after(self, step: str, error: FlotillaError) -> tuple[Seen | None, Seen | None]:
        """Return what is at both ends if the step has happened nevertheless. Else put back what can be, and raise Failed."""
        source, source_problem = _look(self._source)
        target, target_problem = _look(self._target)
        seen = not (source_problem or target_problem)
        if seen and steps.has_happened(self._journey, step, view(source), view(target)):
            return source, target
        if source_problem:
            raise self._failed(error, "the source cannot be reached, and nothing more was done")
        raise self._failed(error, self._put_back(step, source, target, target_problem))

    def instead(self, step: str, error: FlotillaError) -> NoReturn:
        """Put back what can be, in place of a step that cannot be taken."""
        source, target = self._source.look(), self._target.look()
        raise self._failed(error, self._put_back(step, source, target, None))

    def _put_back(self, step: str, source: Seen | None, target: Seen | None, blind: str | None) -> str:
        """Returns what there is then."""
        if self._journey.mode == steps.MOVE:
            return self._of_move(step, source, target, blind)
        return self._of_copy(target, blind)

    def _of_move(self, step: str, source: Seen | None, target: Seen | None, blind: str | None) -> str:
        mark = view(source).mark
        if blind and (step in (steps.START, steps.DELETE, steps.RENAME, steps.UNMARK) or (mark and mark.live)):
            return f"{self._target} cannot be reached, and may have the container running: the source is kept as it is"
        if not blind and steps.is_committed(view(source), view(target)):
            kept = "; the source is still there, stopped" if source else ""
            return f"the container is complete on {self._target}{kept}"
        if mark is None or not self._journey.owns(mark):
            self._clear(target, blind)
            return f"the container is on {self._source} as it was"
        # It does not have to wait for the half to be removed, unless that is in its way.
        error = self._restart(mark)
        self._clear(target, blind)
        if error and (error := self._restart(mark)):
            self._undone.append(f"start the source again ({error})")
            return f"the container is complete on {self._source}, stopped"
        self._try("remove the mark from the source", lambda: self._source.unmark_as_source(mark, Deadline(_SECONDS)))
        return f"the container is on {self._source} as it was"

    def _restart(self, mark: Mark) -> FlotillaError | None:
        """Bring the source into the run state it had; one that was at rest is left alone."""
        try:
            if mark.was != "stopped":
                self._source.bring_to(mark.was, Deadline(_SECONDS))
        except FlotillaError as error:
            return error
        return None

    def _of_copy(self, target: Seen | None, blind: str | None) -> str:
        if view(target).phase == REFRESHING:
            return f"the source is as it was; the copy on {self._target} is neither the old one nor the new"
        self._clear(target, blind)
        return "the source is as it was"

    def _clear(self, target: Seen | None, blind: str | None) -> None:
        if blind:
            self._undone.append(f"look for a half on {self._target} ({blind})")
        elif target and self._journey.owns(view(target).mark) and not view(target).is_up:
            self._try(f"remove the half on {self._target}", lambda: self._target.clear(target, Deadline(_SECONDS)))

    def _try(self, what: str, act: Callable[[], None]) -> None:
        try:
            act()
        except FlotillaError as error:
            self._undone.append(f"{what} ({error})")

    def _failed(self, error: FlotillaError, what: str) -> Failed:
        undone = f"; it was not possible to {', or to '.join(self._undone)}" if self._undone else ""
        failed = Failed(f"{error}. Now {what}{undone}. The same task again goes on from there")
        failed.__cause__ = error
        return failed


def _look(end: Source) -> tuple[Seen | None, str | None]:
    """What is there, or why that cannot be known."""
    try:
        return end.look_patiently(), None
    except FlotillaError as error:
        return None, str(error)
