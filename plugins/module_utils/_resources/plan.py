# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans: what is, what is wanted, and the steps between. Made by pure functions, carried out in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from .._api.client import Client
from .._api.deadline import Deadline
from .._api.errors import ApiError, PreconditionFailed


class Observation(Protocol):
    """What was read. content is the object as the API gives it, or None where there is none."""

    @property
    def content(self) -> Mapping[str, Any] | None: ...


State = TypeVar("State", bound=Observation)


@dataclass(frozen=True)
class Step:
    """One request that changes something.

    action is the word the user reads in the result, doing the words in an error, advice what to do about one.
    """

    action: str
    doing: str
    method: str
    path: str
    payload: Mapping[str, Any] | None = None
    etag: str | None = None
    advice: str = ""


@dataclass(frozen=True)
class Plan:
    """before and after: the object in the terms of the options, empty where there is none.

    notes: what else the user should know, as keys of the result; warnings: as sentences. in_api_terms: the fields of after
    that the API has in another form.
    """

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    steps: tuple[Step, ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)
    in_api_terms: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def predicted(self) -> dict[str, Any]:
        """The object as the API would give it afterwards, as far as that is known."""
        return {**self.after, **self.in_api_terms}


class Resource(Protocol[State]):
    """An object on a server, as the user wants it."""

    def read(self) -> State:
        """The object as it is, and whatever else the plan depends on."""

    def read_again(self, state: State) -> State:
        """The object alone, after a change; whatever else was read before is taken over."""

    def plan(self, state: State) -> Plan:
        """What is to be done: a pure function of state and wish. Raises InvalidInput for what cannot be."""

    def perform(self, step: Step, deadline: Deadline) -> None:
        """Carry out one step of the plan."""


@dataclass(frozen=True)
class Outcome(Generic[State]):
    """What converge() did, or would do in check mode. state: the object read again afterwards."""

    plan: Plan
    actions: tuple[str, ...]
    state: State
    checked_only: bool

    @property
    def changed(self) -> bool:
        return bool(self.actions)

    def result(self) -> dict[str, Any]:
        """The part of a module's result that all share."""
        result: dict[str, Any] = {"changed": self.changed, "actions": list(self.actions), **self.plan.notes}
        if self.changed:
            result["diff"] = {"before": dict(self.plan.before), "after": dict(self.plan.after)}
        return result


def converge(resource: Resource[State], deadline: Deadline, *, check: bool) -> Outcome[State]:
    """Bring an object to where the user wants it; in check mode only say how.

    Somebody else's change between our read and our write shows as a 412. It is taken in by reading and planning again,
    once: to lose the race twice in a row is a fight, and the user should know of it.
    """
    state = resource.read()
    plan = resource.plan(state)
    actions = tuple(step.action for step in plan.steps)
    if check or not plan.steps:
        return Outcome(plan, actions, state, checked_only=check)
    try:
        _apply(resource, plan, deadline)
    except PreconditionFailed:
        state = resource.read()
        plan = resource.plan(state)
        actions = tuple(step.action for step in plan.steps)
        _apply(resource, plan, deadline)
    return Outcome(plan, actions, resource.read_again(state), checked_only=False)


def write(client: Client, step: Step, deadline: Deadline) -> Any:
    """Carry out a step that is what it says, one request. Returns the answer's metadata."""
    return client.write(step.method, step.path, step.payload, doing=step.doing, deadline=deadline, etag=step.etag)


def _apply(resource: Resource[State], plan: Plan, deadline: Deadline) -> None:
    for step in plan.steps:
        try:
            resource.perform(step, deadline)
        except ApiError as error:
            if not step.advice:
                raise
            raise type(error)(error.remote, error.doing, error.status, error.text, step.advice) from error
