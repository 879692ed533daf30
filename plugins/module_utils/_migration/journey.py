# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One container, from one place to another: looks, takes the next step, looks again, and goes back if it has to."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Optional

from .._api.deadline import Deadline
from .._api.errors import FlotillaError, InvalidInput
from . import mark as marks
from . import preflight, steps, transfer
from .end import End, Seen, Source, Stop, view
from .known_keys import unknown_keys
from .mark import Mark
from .preflight import Question, findings, survey
from .retreat import Retreat
from .snapshots import Adaptation, short_name, size
from .steps import Journey
from .translate import Changes, changes
from .verify import differences, snapshot_differences

# Each step is taken at most once; more turns than there are steps are a fight with somebody else.
_MOST_STEPS = 12


# What is at the source, and what at the target.
Sight = tuple[Optional[Seen], Optional[Seen]]


@dataclass(frozen=True)
class Options:
    """The options of the module that are about the way, by their names there."""

    mode: str = steps.MOVE
    transfer: str = transfer.AUTO
    snapshots: str = preflight.ALL
    running: str = "move"
    live_fallback: bool = False
    target: str | None = None
    force: bool = False
    stop_timeout: int = 30
    changes: Changes = field(default_factory=Changes)


@dataclass
class Report:
    """What was done with one container, or would be. transfer: the way it went, if it did; failure: why it was not done."""

    name: str
    target_name: str
    actions: list[str] = field(default_factory=list)
    transfer: str | None = None
    warnings: list[str] = field(default_factory=list)
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    failure: str | None = None


class Migration(ABC):
    """A container on its way from one end to the other, whatever kind of source it has."""

    def __init__(self, source: Source, target: End, options: Options, report: Report | None = None) -> None:
        self.source = source
        self.target = target
        self.options = options
        self.report = report or Report(source.name, target.name)
        self._journey = Journey(options.mode, str(source.place), str(target.place), live=options.running == "live")

    @property
    def is_local(self) -> bool:
        return self.source.place.server == self.target.place.server

    def check(self) -> None:
        """What would be done. Raises InvalidInput with all findings."""
        self._require_a_way()
        source, target = self._look()
        plan = self._foresee(source, target)
        self._require_no_findings(plan, source, target)
        self.report.actions = plan
        self.report.before, self.report.after = self._before_and_after(plan, source, target)

    def run(self, deadline: Deadline) -> None:
        """Do it, or finish what an earlier run began.

        Raises what the servers raise, with a sentence about what there is now.
        """
        self._require_a_way()
        source, target = self._look()
        if view(source).mark or view(target).mark:
            # What an earlier run began may still be going on.
            source, target = self._look_patiently()
        plan = self._foresee(source, target)
        try:
            self._require_no_findings(plan, source, target)
        except InvalidInput as error:
            if not view(source).mark:
                raise
            # An earlier run has stopped it. It does not have to stay so until the user has seen to what is in the way.
            Retreat(self.source, self.target, self._journey).instead(steps.TRANSFER, error)
        self.report.before, self.report.after = self._before_and_after(plan, source, target)
        for _turn in range(_MOST_STEPS):
            step = self._next(source, target)
            if step is None:
                return
            source, target = self._take(step, source, target, deadline)
            self.report.actions.append(step)
            self._journey = replace(self._journey, refreshed=self._journey.refreshed or step == steps.TRANSFER)
        raise self._invalid("the two ends keep changing: is another migration at work on it?")

    def _take(self, step: str, source: Seen | None, target: Seen | None, deadline: Deadline) -> Sight:
        """Take a step and look again. An error does not say that nothing was done, so then it is looked at as well."""
        try:
            self._perform(step, source, target, deadline)
            return self._look()
        except FlotillaError as error:
            return Retreat(self.source, self.target, self._journey).after(step, error)

    def _require_a_way(self) -> None:
        """Refuse a server that does not know this client, and a target that is the source."""
        self.source.require_trust()
        self.target.require_trust()
        self._require_two_places()

    def _require_two_places(self) -> None:
        here, there = self.source.place, self.target.place
        if here == there:
            raise self._invalid(
                "source and target are the same: name another target_remote, target_project or target_name, or move it to a"
                " target_pool or target"
            )
        if self.options.mode == steps.MOVE and (here.server, here.project) == (there.server, there.project):
            raise self._invalid(
                "within a project it is renamed with rename_from of flotilla.lxd.container, and moved to another pool or"
                " member under the name that it has"
            )

    def _look(self) -> Sight:
        return self.source.look(), self.target.look()

    def _look_patiently(self) -> Sight:
        """What there is once nothing is at work on it any more."""
        return self.source.look_patiently(), self.target.look_patiently()

    def _next(self, source: Seen | None, target: Seen | None) -> str | None:
        try:
            return steps.next_step(self._journey, view(source), view(target))
        except InvalidInput as error:
            raise self._invalid(str(error)) from None

    def _foresee(self, source: Seen | None, target: Seen | None) -> list[str]:
        try:
            return list(steps.foresee(self._journey, view(source), view(target), self._mark(source)))
        except InvalidInput as error:
            raise self._invalid(str(error)) from None

    def _require_no_findings(self, plan: list[str], source: Seen | None, target: Seen | None) -> None:
        """If the container is yet to be sent, look whether it can be."""
        if steps.TRANSFER in plan and source is not None:
            found = self._findings(source, target)
            if found:
                raise self._invalid("; ".join(found))

    def _findings(self, source: Seen, target: Seen | None) -> list[str]:
        options = self.options
        body = self._body(source)
        keys = unknown_keys(self.target.client, body["config"]) if not self.is_local else []
        question = Question(
            options.mode,
            options.running,
            options.snapshots,
            source,
            body,
            {} if options.snapshots != preflight.ALL else self._snapshot_profiles(source),
            self.source.usage() + size(source.snapshots),
            options.target,
        )
        found = findings(question, survey(self.target, body, keys, options.target))
        if self._adapt(source) and options.transfer in (transfer.PULL, transfer.PUSH):
            found.append(
                f"the target does not take its snapshots as they are, and {options.transfer} cannot change them: say"
                " transfer: relay, or snapshots: none"
            )
        found += self._objections(source)
        if target is not None and options.mode == steps.REFRESH and view(target).is_up:
            found.append("the copy runs, and only one that is stopped can be brought up to date")
        return found

    @abstractmethod
    def _body(self, source: Seen) -> dict[str, Any]:
        """The container as it is to be at the target."""

    @abstractmethod
    def _send(self, parcel: transfer.Parcel, deadline: Deadline) -> str:
        """Send it, and return by which way it went."""

    def _objections(self, source: Seen) -> list[str]:
        """What speaks against it at this kind of source, in words."""
        return []

    def _adapt(self, source: Seen) -> Adaptation | None:
        """How the snapshots have to change, if they have to."""
        return None

    def _expected_snapshots(self, source: Seen) -> list[dict[str, Any]]:
        """As they are to be at the target."""
        return []

    def _snapshot_profiles(self, source: Seen) -> dict[str, list[str]]:
        return {short_name(one): list(one.get("profiles") or ()) for one in self._expected_snapshots(source)}

    def _perform(self, step: str, source: Seen | None, target: Seen | None, deadline: Deadline) -> None:
        options = self.options
        deadline.remaining()
        if step == steps.MARK:
            self.source.mark_as_source(self._mark(_there(source)), deadline)
        elif step == steps.STOP:
            how = Stop(options.stop_timeout, options.force, stateful=options.running == "stateful")
            self.source.bring_to("stopped", deadline, how)
        elif step == steps.CLEAR:
            self.target.clear(_there(target), deadline)
        elif step == steps.TRANSFER:
            self._transfer(_there(source), target, deadline)
        elif step == steps.VERIFY:
            self._verify(_there(source), _there(target), deadline)
        elif step == steps.RENAME:
            self.target.rename(self._journey.home, deadline)
        elif step == steps.START:
            self.target.bring_to((view(source).mark or _mark_of(target)).was, deadline)
        elif step == steps.DELETE:
            self.source.delete(deadline)
        elif step == steps.UNMARK:
            self._unmark(_there(target), deadline)

    def _transfer(self, source: Seen, target: Seen | None, deadline: Deadline) -> None:
        options = self.options
        mark = view(source).mark or self._mark(source)
        refresh = target is not None
        if target is not None:
            if view(target).phase == marks.REFRESHING and options.snapshots == preflight.ALL:
                # One of them may be a half, as when the daemon died. What is there by its name is never sent again.
                for snapshot in target.snapshots:
                    self.target.delete_snapshot(short_name(snapshot), deadline)
            self.target.set_mark(mark.at(marks.REFRESHING), deadline)
        body = self._body(source)
        stateful = options.mode == steps.MOVE and bool(source.content.get("stateful"))
        parcel = transfer.Parcel(
            body={**_marked(body, mark.at(marks.COPYING), **{marks.AUTOSTART: "false"}), "stateful": stateful},
            type=str(source.content.get("type") or "container"),
            snapshot=self._snapshot,
            alone=options.snapshots != preflight.ALL,
            refresh=refresh,
            live=mark.live and view(source).is_up,
            loose=options.mode != steps.MOVE and view(source).is_up,
            adapt=self._adapt(source),
        )
        self.report.transfer = self._send(parcel, deadline)
        self._settle(body, mark.at(marks.ARRIVED), deadline)

    def _settle(self, body: Mapping[str, Any], mark: Mark, deadline: Deadline) -> None:
        self.target.settle(_marked(body, mark), deadline)

    def _unmark(self, target: Seen, deadline: Deadline) -> None:
        self.target.set_mark(None, deadline)

    def _arrived(self, target: Seen) -> Mapping[str, Any]:
        """What is at the target, as it is compared with what was to arrive."""
        return target.content

    def _verify(self, source: Seen, target: Seen, deadline: Deadline) -> None:
        options = self.options
        if view(target).phase == marks.COPYING:
            # It has come alive in a run that did not see it, and so was never settled.
            self._settle(self._body(source), _mark_of(target).at(marks.ARRIVED), deadline)
            target = _there(self.target.look())
        found = differences(self._body(source), self._arrived(target))
        if options.snapshots == preflight.ALL:
            found += snapshot_differences(self._expected_snapshots(source), target.snapshots)
        if found:
            raise self._invalid(f"what arrived is not what was sent: {'; '.join(found)}")
        self.target.set_mark(_mark_of(target).at(marks.VERIFIED), deadline)

    @property
    def _snapshot(self) -> str | None:
        """The one that is to become the container, if the user says so."""
        return None if self.options.snapshots in (preflight.ALL, preflight.NONE) else self.options.snapshots

    def _mark(self, source: Seen | None) -> Mark:
        """The mark of a migration that begins now."""
        journey, was = self._journey, view(source).status or "stopped"
        autostart = source.config.get(marks.AUTOSTART, "") if source else ""
        number = uuid.uuid4().hex[:12]
        live = journey.live and was == "running"
        return Mark(number, journey.origin, journey.destination, journey.mode, marks.COPYING, was, live, autostart)

    def _before_and_after(
        self, plan: list[str], source: Seen | None, target: Seen | None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Where the container is, and what becomes different on the way, for the diff."""
        if not plan:
            return {}, {}
        before, after = self._places(target)
        if source is None or steps.TRANSFER not in plan:
            return before, after
        old, new = changes(source.content, self._body(source))
        return {**before, **old}, {**after, **new}

    def _places(self, target: Seen | None) -> tuple[dict[str, Any], dict[str, Any]]:
        here, there = str(self.source), str(self.target)
        if self.options.mode == steps.MOVE:
            return {"place": here}, {"place": there}
        return {"places": [here, there] if target else [here]}, {"places": [here, there]}

    def _invalid(self, reason: str) -> InvalidInput:
        verb = {steps.MOVE: "moved", steps.COPY: "copied", steps.REFRESH: "copied anew"}[self.options.mode]
        return InvalidInput(
            f"remote {self.source.remote}: container {self.source.name} cannot be {verb} to {self._destination}: {reason}"
        )

    @property
    def _destination(self) -> str:
        return str(self.target)


def _marked(body: Mapping[str, Any], mark: Mark, **config: str) -> dict[str, Any]:
    return {**body, "config": {**body["config"], **config, marks.KEY: mark.text()}}


def _there(seen: Seen | None) -> Seen:
    """What is there by the step this is."""
    if seen is None:
        raise InvalidInput("the container went away in the middle of its migration")
    return seen


def _mark_of(seen: Seen | None) -> Mark:
    mark = view(_there(seen)).mark
    if mark is None:
        raise InvalidInput("somebody took the mark off the container in the middle of its migration")
    return mark
