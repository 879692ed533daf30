# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run over the units of a model, step by step: what they have done is taken down, and who is next is found out.

First new and changed units run ``main``, then whoever has to be told of the others, until nobody has; then those that leave
are stopped. Between the steps the roles run, which is not done here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, Callable

from .._api.deadline import Deadline
from .._api.errors import ApiError, InvalidInput
from .._bundle.roles import Roles
from .._images import choice
from .._resources.instance import Instance
from .._resources.instance_plan import Wanted
from .._resources.plan import converge
from . import expose, removal, rounds, volumes
from .charms import MAIN, RELATION_CHANGED, STOP, Role, roles_of
from .lock import Lock
from .record import UnitRecord, key_of
from .rounds import MOST_ROUNDS, Run
from .servers import Servers, in_parallel
from .state import Container, State, application_of
from .storage import device_name
from .store import Store
from .view import view, when_new
from .writing import update

NOT_DONE = "main has not been run to its end"
NO_RESULT = "its container was not reached, or the run was cut short"
SKIP_STOP = "skip_stop=true removes it all the same"
_HIDDEN = "********"


@dataclass(frozen=True)
class Ran:
    """What a unit was asked to run, and how that went: failed is what went wrong, or empty."""

    step: int
    unit: str
    entry: str
    digest: str = ""
    failed: str = ""


@dataclass(frozen=True)
class Step:
    """Who runs what, in order, and the role of each. No runs, when all is done. containers: all that the model has."""

    runs: tuple[tuple[Run, Role], ...]
    containers: tuple[Container, ...]


@dataclass(frozen=True)
class Ending:
    """How a run has ended. failed: by unit, what is wrong. unsettled: those that still change each other.

    closed: ports that could not be opened, and projects that could not be removed.
    """

    failed: Mapping[str, str]
    unsettled: tuple[str, ...]
    closed: tuple[str, ...]
    removed: tuple[str, ...]


class Steps:
    """One step of a run that has the lock of the model."""

    def __init__(self, servers: Servers, remotes: Sequence[str], roles: Roles, lock: Lock, timeout: int) -> None:
        self._servers = servers
        self._store = Store(servers, remotes)
        self._roles = roles
        self._lock = lock
        self._deadline = Deadline(timeout)

    def next(self, number: int, ran: Sequence[Ran], asked: Sequence[str], *, skip_stop: bool) -> Step:
        """Take down how the last step went, and say who runs what now.

        number: of the step, from 0. asked: the units that were to run in the last one. skip_stop: units that leave are not
        stopped first. Where that fails the run is over, and the lock given back.
        """
        lost = sorted({*asked} - {each.unit for each in ran})
        try:
            return self._next(
                number, [*ran, *(Ran(number - 1, unit, "", failed=NO_RESULT) for unit in lost)], skip_stop
            )
        except BaseException:
            self._store.give_back(self._lock.token)
            raise

    def _next(self, number: int, ran: Sequence[Ran], skip_stop: bool) -> Step:
        self._store.renew(self._lock)
        state = self._read()
        roles = roles_of(state.applications, self._roles)
        state = self._take_down(state, roles, ran)
        runs: list[Run] = []
        stopped = any(each.entry == STOP for each in ran)
        if number == 0:
            runs = [self._run(state, each, roles, MAIN) for each in rounds.to_install(state, roles)]
        if not runs and not stopped and number <= MOST_ROUNDS:
            runs = rounds.providers_first(state, rounds.to_tell(state, roles))
        if not runs and not stopped and not skip_stop:
            runs = [self._run(state, each, roles, STOP) for each in rounds.to_stop(state, roles)]
        return Step(tuple((run, roles[application_of(run.unit)]) for run in runs), tuple(state.containers))

    def finish(self, *, skip_stop: bool) -> Ending:
        """Remove what is leaving, open the ports of what is exposed, and give the lock back."""
        try:
            return self._finish(skip_stop)
        except BaseException:
            self._store.give_back(self._lock.token)
            raise

    def _finish(self, skip_stop: bool) -> Ending:
        self._store.renew(self._lock)
        state = self._read()
        roles = roles_of(state.applications, self._roles)
        kept = [] if skip_stop else [unit for unit, _record, _container in rounds.to_stop(state, roles)]
        failed = {
            unit: f"{record.failed}; {SKIP_STOP}" if unit in kept else record.failed
            for unit, record, _container in state.units()
            if record.failed and (unit not in state.leaving or unit in kept)
        }
        # What is written to a container while it stops is lost at times; that a unit is not done shows all the same.
        for unit, _record, _container in rounds.to_install(state, roles):
            failed.setdefault(unit, NOT_DONE)
        unsettled = tuple(run.unit for run in rounds.to_tell(state, roles))
        taken = removal.remove(state, kept)
        self._remove(taken, state.keeping)
        removed = tuple(sorted(state.leaving - {*kept}))
        if taken.state.ends and not taken.state.containers:
            return Ending(failed, (), tuple(self._store.forget()), removed)
        self._store.keep(taken.state)
        closed, refused = self._expose(self._read())
        self._store.give_back(self._lock.token)
        return Ending({**refused, **failed}, unsettled, tuple(closed), removed)

    def _read(self) -> State:
        state = self._store.read()
        if state is None:
            raise InvalidInput(f"remote {self._store.home}: project {self._store.name} is no model any more")
        return state

    def _run(
        self, state: State, placed: tuple[str, UnitRecord, Container], roles: Mapping[str, Role], entry: str
    ) -> Run:
        unit, record, container = placed
        role = roles[application_of(unit)]
        digest = rounds.digest_of_main(state, unit, role) if entry == MAIN else ""
        variables = role.variables(state.applications[application_of(unit)])
        seen = view(state, unit, record, container, role)
        if entry == MAIN and not record.installed and RELATION_CHANGED in role.entries:
            seen = when_new(seen)
        return Run(unit, entry, digest, container, seen, variables)

    def _take_down(self, state: State, roles: Mapping[str, Role], ran: Sequence[Ran]) -> State:
        how = {each.unit: _without_secrets(each, state, roles) for each in ran}

        def take(container: Container) -> Container:
            changes = {unit: _taking(how[unit]) for unit in container.units if unit in how}
            if not changes:
                return container
            update(self._servers.client(container.remote), container.name, changes)
            units = {
                unit: changes[unit](record) if unit in changes else record for unit, record in container.units.items()
            }
            return replace(container, units=units)

        # Who has the lock is the only one to change these: what was written need not be read again.
        return replace(state, containers=tuple(in_parallel(take, state.containers)))

    def _remove(self, taken: removal.Removal, keeping: Set[str]) -> None:
        def delete(container: Container) -> None:
            # A container whose storage is still to be deleted goes after it: it is what tells of the storage.
            units = {unit: record for unit, record in container.units.items() if record.storage and unit not in keeping}
            if units:
                self._change(container, state="stopped", force=True)
                self._detach(container, units)
                self._delete_storage(container, units)
            self._change(container, state="absent", force=True)

        in_parallel(delete, taken.containers)
        for unit, container in taken.units:
            units = {unit: container.units[unit]}
            if units[unit].storage:
                self._detach(container, units)
            if unit not in keeping:
                self._delete_storage(container, units)
            self._change(container, config={key_of(unit): None})

    def _detach(self, container: Container, units: Mapping[str, UnitRecord]) -> None:
        names = [device_name(unit, key) for unit, record in units.items() for key in record.storage]
        try:
            self._change(container, devices=dict.fromkeys(names))
        except ApiError:
            # It may have been done all the same, as where the container's disk is full: see writing.py.
            self._change(container, devices=dict.fromkeys(names))

    def _delete_storage(self, container: Container, units: Mapping[str, UnitRecord]) -> None:
        volumes.delete(self._servers.client(container.remote), container, units, self._deadline)

    def _change(self, container: Container, state: str = "present", **wanted: Any) -> None:
        client = self._servers.client(container.remote)
        converge(Instance(client, Wanted(container.name, state, **wanted), _no_image), self._deadline, check=False)

    def _expose(self, state: State) -> tuple[list[str], dict[str, str]]:
        """Returns what cannot be opened in any case, and by unit what a server refuses to open."""
        devices, closed = expose.devices(state)
        containers = {each.name: each for each in state.containers}
        refused: dict[str, str] = {}

        def open_ports(name: str) -> None:
            refused.update(self._open(state, containers[name], opening[name]))

        # A port may go from one container to another: nobody can listen on it before the first one has let it go.
        closing, opening = expose.to_close(devices), expose.to_open(devices)
        in_parallel(lambda name: self._change(containers[name], devices=closing[name]), closing)
        in_parallel(open_ports, opening)
        return closed, refused

    def _open(self, state: State, container: Container, devices: Mapping[str, Any]) -> dict[str, str]:
        try:
            self._change(container, devices=devices)
        except ApiError as error:
            if len(devices) > 1:
                # Of several the server says of one only what is wrong with it.
                alone = (self._open(state, container, {name: options}) for name, options in devices.items())
                return {unit: text for each in alone for unit, text in each.items()}
            unit, text = expose.refusal(state, container.name, next(iter(devices)), error.text)
            return {unit: text}
        return {}


def _without_secrets(ran: Ran, state: State, roles: Mapping[str, Role]) -> Ran:
    """What went wrong is shown to all who may see the model: what a role calls a secret is no part of it."""
    name = application_of(ran.unit)
    if not ran.failed or name not in roles:
        return ran
    text = ran.failed
    for secret in roles[name].secrets(state.applications[name]):
        text = text.replace(secret, _HIDDEN)
    return replace(ran, failed=text)


def _taking(ran: Ran) -> Callable[[UnitRecord], UnitRecord]:
    return lambda record: _after(record, ran)


def _after(record: UnitRecord, ran: Ran) -> UnitRecord:
    if ran.failed:
        return replace(record, failed=ran.failed)
    if ran.entry == MAIN:
        return replace(record, failed="", installed=ran.digest)
    if ran.entry == RELATION_CHANGED:
        return replace(record, failed="", seen=ran.digest)
    # What is stopped is not installed any more, and not to be stopped again.
    return replace(record, failed="", installed="")


def _no_image(text: str, kind: str) -> choice.ImageChoice:
    raise InvalidInput(f"image {text} for a {kind}: nothing is made here")
