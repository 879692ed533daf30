# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes a model as far as servers are concerned: what is kept of it, and its containers. Units are for roles to run."""

from __future__ import annotations

import getpass
import os
import socket
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Callable

from .._api.client import path
from .._api.deadline import REQUEST_SECONDS, Deadline
from .._api.errors import InvalidInput
from .._bundle.changes import Change, SetOptions
from .._bundle.roles import Roles
from .._resources import power, readiness
from . import expose, process, removal, rounds, volumes
from .charms import roles_of
from .growth import Growth, grow
from .lock import Lock
from .machines import Machines
from .neighbours import Neighbours
from .placing import Sites
from .record import UnitRecord, key_of
from .servers import Servers, in_parallel
from .state import Container, Settings, State, application_of, to_json
from .store import Store
from .volumes import Volumes
from .writing import update


@dataclass(frozen=True)
class Wanted:
    """How the user wants a model changed, beside the changes themselves. images and profiles: None is as before.

    machines: where those of the bundle are to be. timeout in seconds. run: the process that wants it, as the module process
    names it.
    """

    roles: Roles
    images: Mapping[str, str] | None = None
    profiles: list[str] | None = None
    machines: Mapping[str, str] = field(default_factory=dict)
    wait_for: Sequence[str] = ("ipv4",)
    take_over: bool = False
    timeout: int = 600
    run: str = ""


@dataclass(frozen=True)
class Draft:
    """state: as it is. growth: what comes of it; its state has units marked that leave.

    texts: what a person reads of it. stopped: containers that are there and do not run.
    """

    state: State
    growth: Growth
    texts: tuple[str, ...]
    stopped: tuple[Container, ...]


@dataclass(frozen=True)
class Done:
    """draft: what was done, which may be more than was thought at first. token: of the lock that the run now has.

    orphaned: the lock of a run that is gone, and in whose place this one goes on.
    """

    draft: Draft
    token: str
    orphaned: Lock | None


# From a model, or an empty one, to the changes of a plan and the state with what is to leave.
Plan = Callable[[State], tuple[Sequence[Change], State]]


class Deployment:
    """A change to a model, thought out first and then done."""

    def __init__(self, servers: Servers, remotes: Sequence[str], wanted: Wanted, plan: Plan, *, may_make: bool) -> None:
        self._servers = servers
        self._store = Store(servers, remotes)
        self._wanted = wanted
        self._plan = plan
        self._may_make = may_make

    def draft(self) -> Draft:
        """What there is to be done. Raises InvalidInput for what cannot be."""
        state = self._store.read()
        if state is None and not self._may_make:
            raise self._store.no_model()
        self._store.require_own_projects()
        state = state or State(self._store.name, self._store.remotes)
        changes, after = self._plan(state)
        after = replace(after, settings=self._settings(after.settings))
        growth = grow(after, changes, lambda applications: roles_of(applications, self._wanted.roles), self._sites())
        stopped = tuple(each for each in state.containers if not each.running and each.units.keys() - after.leaving)
        runs = _runs(growth, anew={change.application for change in changes if isinstance(change, SetOptions)})
        texts = [line for change in changes for line in change.text.splitlines()]
        texts += [change.text for change in growth.subordinates]
        texts += volumes.texts(growth)
        texts += [f"{power.to_start(each.status)} container {each.name} of machine {each.machine}" for each in stopped]
        texts += removal.texts(state, after)
        if after.ends and not state.ends:
            texts.append(f"delete model {after.name}")
        texts += runs
        texts += [] if texts else expose.texts(growth.state)
        texts += (
            [f"go on removing {', '.join(sorted(state.leaving)) or 'the model'}"] if state.leaving or state.ends else []
        )
        if not texts and to_json(state) != to_json(growth.state):
            texts = ["take down how charms and images are to be from now on"]
        return Draft(state, growth, tuple(texts), stopped)

    def perform(self, draft: Draft) -> Done:
        """Do it. What was made before something went wrong is kept, and the lock given back."""
        self.check(draft)
        token = uuid.uuid4().hex
        now = int(time.time())
        lock = Lock(
            token,
            f"{getpass.getuser()}@{socket.gethostname()}",
            now,
            now,
            run=self._wanted.run,
            step=process.name_of(os.getpid()),
        )
        orphaned = self._store.begin(lock, take_over=self._wanted.take_over)
        try:
            self._store.spread()
            # Somebody else may have been at work until the lock was ours.
            draft = self.draft()
            self._apply(draft)
        except BaseException:
            self._store.give_back(token)
            raise
        return Done(draft, token, orphaned)

    def check(self, draft: Draft) -> None:
        """What can be known before anything is made."""
        readiness.check(self._wanted.wait_for, "started")
        machines = self._machines(draft)
        machines.images(draft.growth.new, self._store.there)
        machines.require_profiles(draft.growth.new, self._store.there)
        profiles = draft.growth.state.settings.profiles_of_new
        Neighbours(self._servers, self._store.there, profiles).require_free_names(draft.growth.new)
        self._located(draft)

    def _apply(self, draft: Draft) -> None:
        draft = self._located(draft)
        growth, deadline = draft.growth, Deadline(self._wanted.timeout)
        machines = self._machines(draft)
        images = machines.images(growth.new, self._store.there)
        self._store.keep(growth.state)
        try:
            self._hand_over(draft.state, growth.state)
            self._join(draft, deadline)
            machines.start(draft.stopped, deadline)
            machines.make(growth.new, images, deadline)
        finally:
            made = self._store.read()
            if made is not None:
                self._store.keep(made)

    def _join(self, draft: Draft, deadline: Deadline) -> None:
        containers = {each.name: each for each in draft.state.containers}
        for name, units in draft.growth.joining.items():
            client = self._servers.client(containers[name].remote)
            container = client.get(path("instances", name), doing=f"read container {name}").metadata
            devices = volumes.made(client, container, units, deadline)
            client.write(
                "PATCH",
                path("instances", name),
                {"config": {key_of(unit): record.to_json() for unit, record in units.items()}, "devices": devices},
                doing=f"add units to container {name}",
                deadline=Deadline(REQUEST_SECONDS),
            )

    def _located(self, draft: Draft) -> Draft:
        """With the pools of all volumes that are to be made."""
        profiles = draft.growth.state.settings.profiles_of_new
        found = Volumes(self._servers, profiles, self._store.there)
        return replace(draft, growth=found.located(draft.growth, draft.state.containers))

    def _hand_over(self, before: State, after: State) -> None:
        """What an application as a whole has published goes to its next leader."""
        records = {unit: (record, container) for unit, record, container in before.units()}
        for name in after.applications:
            old, new = before.leader(name), after.leader(name)
            if old is None or new is None or old == new:
                continue
            data = records[old][0].application_data
            container = records[new][1]

            def change(record: UnitRecord, data: Mapping[str, Mapping[str, str]] = data) -> UnitRecord:
                return replace(record, application_data={**data, **record.application_data})

            update(self._servers.client(container.remote), container.name, {new: change})

    def _machines(self, draft: Draft) -> Machines:
        return Machines(self._servers, draft.growth.state.settings, self._wanted.wait_for)

    def _settings(self, before: Settings) -> Settings:
        wanted = self._wanted
        return Settings(
            images={**before.images, **(wanted.images or {})},
            profiles=before.profiles if wanted.profiles is None else wanted.profiles,
        )

    def _sites(self) -> Sites:
        remotes = self._store.remotes
        return Sites(remotes, dict(zip(remotes, in_parallel(self._members, remotes))), self._wanted.machines)

    def _members(self, remote: str) -> list[str]:
        """The names of the members of a remote's cluster."""
        client = self._servers.client(remote)
        if not client.server.environment.get("server_clustered"):
            return []
        urls = client.get(path("cluster", "members"), doing="list cluster members").metadata
        return [url.rpartition("/")[2] for url in urls or ()]


def _runs(growth: Growth, anew: set[str]) -> list[str]:
    """What units that are there have to run, where no other change says so. anew: the applications that get options."""
    texts = []
    for unit, record, _container in rounds.to_install(growth.state, growth.roles):
        if record.failed:
            texts.append(f"run {unit} again, which is in error")
        elif not record.installed:
            texts.append(f"run {unit}, which was not done")
        elif application_of(unit) not in anew:
            texts.append(f"run {unit} again, for its charm has changed")
    if not texts:
        texts = [f"tell {run.unit} what has changed" for run in rounds.to_tell(growth.state, growth.roles)]
    return texts


def refuse_leaving(state: State, applications: Iterable[str]) -> None:
    """What is on its way out cannot be deployed at the same time. Raises InvalidInput."""
    leaving = sorted(name for name in applications if name in state.applications and state.applications[name].leaving)
    if leaving or state.ends:
        what = f"model {state.name}" if state.ends else f"application {', '.join(leaving)} of model {state.name}"
        raise InvalidInput(
            f"{what} is still being removed: run the playbook that removes it again, until it is through"
        )
