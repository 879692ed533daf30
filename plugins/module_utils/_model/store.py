# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and writes what is kept of a model, on the remotes it is on."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Callable

from .._api.client import Client, Reply, path
from .._api.deadline import REQUEST_SECONDS, Deadline
from .._api.errors import ApiError, FlotillaError, InvalidInput, NotFound, PreconditionFailed
from .._resources import addresses, power
from . import lock
from .neighbours import objection
from .record import PREFIX, from_json, unit_of
from .servers import Servers, in_parallel
from .state import MACHINE_KEY, MODEL_KEY, Application, Container, State, application_of, counted, to_json
from .state import from_json as state_from_json

HOME_KEY = "user.flotilla.home"
# In a project that was made for the model, and so goes with it.
MADE_KEY = "user.flotilla.made"
# In such a project that has outlasted its model, for the volumes in it.
KEPT_KEY = "user.flotilla.kept"
# What is shared with the default project: a project of its own would have no images and an empty profile.
_FEATURES = {"features.images": "false", "features.profiles": "false"}
# How long a write that has begun may take to be seen, in seconds.
_MOMENT = 0.2
_ATTEMPTS = 5
# How long to wait for what a run has started that is dead, in seconds.
_LAST_STEP = 60
_NAME = r"[a-zA-Z0-9][a-zA-Z0-9.-]*"


@dataclass(frozen=True)
class _Found:
    """A project's config, or None where there is no such project; the model's containers in it, and the names of others."""

    config: Mapping[str, str] | None
    containers: tuple[Container, ...] = ()
    foreign: tuple[str, ...] = ()

    @property
    def is_taken_up(self) -> bool:
        """Whether a model has the project already, or has begun to."""
        return not {MODEL_KEY, HOME_KEY, MADE_KEY, lock.LOCK_KEY}.isdisjoint(self.config or {})


@dataclass(frozen=True)
class Survey:
    """A model as far as it can be seen. unreachable: by the remotes that could not be asked, why."""

    state: State
    unreachable: Mapping[str, str]


class Store:
    """The model's project on each remote. The first remote given is its home, which has all but the containers."""

    def __init__(self, servers: Servers, remotes: Sequence[str]) -> None:
        if not all(remotes) or not remotes or len(set(remotes)) < len(remotes):
            raise InvalidInput("remotes: at least one is needed, each by its name and once")
        if not re.fullmatch(_NAME, servers.project):
            raise InvalidInput(
                f"model {servers.project or 'without a name'}: its name is a project's, and may have letters, digits,"
                " hyphens and dots, with a letter or a digit first"
            )
        self.servers = servers
        self.name = servers.project
        self.remotes = tuple(remotes)
        # Those on which the project was found.
        self.there: frozenset[str] = frozenset()
        # To the model's being where it is not yet.
        self._objections: list[str] = []

    @property
    def home(self) -> str:
        return self.remotes[0]

    def read(self) -> State | None:
        """The model, on the remotes named and on those it has been on before; None where there is none.

        Raises InvalidInput where the first remote named is not the model's home.
        """
        state = self._assembled(self._look)
        if state is None:
            return None
        there = {each.machine.partition("/")[0] for each in state.containers}
        machines = {number: each for number, each in state.machines.items() if number in there}
        leaving = state.leaving & {unit for each in state.containers for unit in each.units}
        return replace(state, machines=machines, leaving=leaving, keeping=state.keeping & leaving)

    def survey(self) -> Survey | None:
        """The model as far as it can be seen: a remote that does not answer is no error, and what is gone is still known.

        Raises what read() raises where nothing is left to be seen.
        """
        errors: dict[str, FlotillaError] = {}

        def look(remote: str) -> _Found:
            try:
                return self._look(remote)
            except FlotillaError as error:
                errors[remote] = error
                return _Found(None)

        state = self._assembled(look, errors)
        return None if state is None else Survey(state, {remote: str(error) for remote, error in errors.items()})

    def _assembled(
        self, look: Callable[[str], _Found], errors: Mapping[str, FlotillaError] = MappingProxyType({})
    ) -> State | None:
        """What is kept, with the containers that are there. errors: of the remotes that look() could not see."""
        found = dict(zip(self.remotes, in_parallel(look, self.remotes)))
        self.there = frozenset(remote for remote, each in found.items() if each.config is not None)
        config = found[self.home].config or {}
        if self.home in errors:
            return self._without_home(found, errors[self.home])
        if MODEL_KEY not in config:
            self._refuse_other_home(found)
            self._objections = self._objections_to(found)
            # A run that was cut short may have made the project, and nothing more.
            return State(self.name, self.remotes) if MADE_KEY in config else None
        kept = state_from_json(self.name, config[MODEL_KEY])
        self._objections = self._objections_to({key: found[key] for key in found if key not in kept.remotes})
        self.remotes = tuple(dict.fromkeys([*self.remotes, *kept.remotes]))
        more = [remote for remote in self.remotes if remote not in found]
        found.update(zip(more, in_parallel(look, more)))
        self.there = frozenset(remote for remote, each in found.items() if each.config is not None)
        return replace(kept, remotes=self.remotes, containers=self._containers(found))

    def _without_home(self, found: Mapping[str, _Found], error: FlotillaError) -> State:
        """What the containers on the other remotes tell; raises the error where there are none."""
        containers = self._containers(found)
        if not containers:
            raise error
        records = {unit: record for each in containers for unit, record in each.units.items()}
        applications = {
            application_of(unit): Application("", subordinate=bool(record.principal))
            for unit, record in records.items()
        }
        return State(self.name, self.remotes, applications, containers=containers)

    def _containers(self, found: Mapping[str, _Found]) -> tuple[Container, ...]:
        return tuple(each for remote in self.remotes for each in found[remote].containers)

    def require_own_projects(self) -> None:
        """Raises InvalidInput where the model, as read last, would come among what is somebody else's."""
        if self._objections:
            raise InvalidInput("; ".join(self._objections))

    def _objections_to(self, found: Mapping[str, _Found]) -> list[str]:
        """To the projects that no model has taken up."""
        new = {remote: each for remote, each in found.items() if each.config is not None and not each.is_taken_up}
        objections = (objection(self.name, remote, each.foreign) for remote, each in new.items())
        return [each for each in objections if each]

    def no_model(self) -> InvalidInput:
        """What to say where there is none, and has to be one."""
        return InvalidInput(f"remote {self.home}: project {self.name} is no model: nothing was deployed there")

    def begin(self, wanted: lock.Lock, *, take_over: bool) -> lock.Lock | None:
        """Take the lock, in a project that is made if need be. Returns that of a run that is gone, if there was one."""
        orphaned = None

        def take(config: Mapping[str, str]) -> dict[str, str]:
            nonlocal orphaned
            there = lock.held(config)
            orphaned = there if there is not None and there.is_orphaned else None
            return lock.taken(config, self.name, wanted, take_over=take_over or orphaned is not None)

        self._make_project(self.home)
        if not take_over:
            self._outlast_a_dead_run()
        self._change(self.home, take)
        # The servers compare ETags before they write and not while they do: of two runs in one moment both may get in.
        time.sleep(_MOMENT)
        self.renew(wanted)
        return orphaned

    def _outlast_a_dead_run(self) -> None:
        """A module outlives the run that is killed, and goes on until it is done."""
        give_up = time.monotonic() + _LAST_STEP
        while time.monotonic() < give_up:
            project = self._project(self.servers.client(self.home))
            there = lock.held(project.metadata.get("config") or {}) if project is not None else None
            if there is None or there.is_orphaned or not there.is_of_a_dead_run:
                return
            time.sleep(_MOMENT)

    def spread(self) -> None:
        """Make the projects on the other remotes that are not there. It takes the lock."""
        for remote in self.remotes[1:]:
            self._make_project(remote)
            self._change(remote, lambda config: {**config, HOME_KEY: self.home})

    def renew(self, wanted: lock.Lock) -> None:
        """Raises InvalidInput if somebody else has taken the lock over."""
        self._change(self.home, lambda config: lock.taken(config, self.name, wanted, take_over=False))

    def give_back(self, token: str) -> None:
        self._change(self.home, lambda config: lock.given_back(config, token))

    def keep(self, state: State) -> None:
        """Write what is kept of the model, if it differs."""
        text = to_json(counted(state))
        self._change(self.home, lambda config: {**config, MODEL_KEY: text})

    def forget(self) -> list[str]:
        """Remove the projects that were made for the model, and from others all that is the model's.

        One with volumes in it stays: they were kept, or belong to nobody any more. Returns which those are, for people.
        """
        kept = []
        for remote in reversed(self.remotes):
            project = self._project(self.servers.client(remote))
            if project is None:
                continue
            is_made = MADE_KEY in (project.metadata.get("config") or {})
            volumes = _volumes(project.metadata) if is_made else []
            if is_made and not volumes:
                self._delete_project(remote)
                continue
            self._change(remote, _kept if is_made else _without_model)
            if volumes:
                kept.append(
                    f"project {self.name} on remote {remote} stays, for the volumes in it: {', '.join(volumes)}"
                )
        return kept

    def _look(self, remote: str) -> _Found:
        client = self.servers.client(remote)
        project = self._project(client)
        if project is None:
            return _Found(None)
        listed = client.get(path("instances"), doing="list containers", recursion="2").metadata
        containers = [_container(remote, each) for each in listed or () if _is_ours(each)]
        foreign = sorted(each["name"] for each in listed or () if not _is_ours(each))
        return _Found(project.metadata.get("config") or {}, tuple(containers), tuple(foreign))

    def _refuse_other_home(self, found: Mapping[str, _Found]) -> None:
        homes = {remote: (each.config or {}).get(HOME_KEY) for remote, each in found.items()}
        for remote, home in homes.items():
            if home and home != self.home:
                raise InvalidInput(
                    f"model {self.name} on remote {remote} has its home on another remote, {home}: name that one first in"
                    " remotes"
                )
        orphans = [f"{remote}:{each.name}" for remote, seen in found.items() for each in seen.containers]
        if orphans:
            raise InvalidInput(
                f"project {self.name} has containers of a model, {', '.join(orphans)}, and nothing else of it: delete them,"
                " or name the model's home first in remotes"
            )

    def _project(self, client: Client) -> Reply | None:
        try:
            return client.get(path("projects", self.name), doing=f"read project {self.name}")
        except NotFound:
            return None

    def _make_project(self, remote: str) -> None:
        client = self.servers.client(remote)
        project = self._project(client)
        if project:
            if KEPT_KEY in (project.metadata.get("config") or {}):
                self._change(remote, _taken_up_again)
            return
        config = {**_FEATURES, MADE_KEY: "true"}
        payload = {"name": self.name, "description": f"Model {self.name}", "config": config}
        try:
            client.write("POST", path("projects"), payload, doing=f"create project {self.name}", deadline=_deadline())
        except ApiError:
            # Another run may have been quicker.
            if not self._project(client):
                raise

    def _delete_project(self, remote: str) -> None:
        client = self.servers.client(remote)
        client.write("DELETE", path("projects", self.name), doing=f"delete project {self.name}", deadline=_deadline())

    def _change(self, remote: str, change: Callable[[Mapping[str, str]], Mapping[str, str]]) -> None:
        """Change a project's config; again from the start when somebody else has changed it in between."""
        client = self.servers.client(remote)
        where = path("projects", self.name)
        for attempt in range(_ATTEMPTS):
            found = client.get(where, doing=f"read project {self.name}")
            config = found.metadata.get("config") or {}
            changed = dict(change(config))
            if changed == config:
                return
            payload = {"description": found.metadata.get("description") or "", "config": changed}
            try:
                client.write(
                    "PUT", where, payload, doing=f"update project {self.name}", deadline=_deadline(), etag=found.etag
                )
                return
            except PreconditionFailed:
                if attempt == _ATTEMPTS - 1:
                    raise


def _is_ours(content: Mapping[str, Any]) -> bool:
    return MACHINE_KEY in (content.get("config") or {})


def _container(remote: str, content: Mapping[str, Any]) -> Container:
    config = content["config"]
    units = {
        unit_of(key): from_json(text, f"unit {unit_of(key)}") for key, text in config.items() if key.startswith(PREFIX)
    }
    try:
        machine = str(json.loads(config[MACHINE_KEY])["number"])
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidInput(
            f"remote {remote}: what container {content['name']} keeps in {MACHINE_KEY} is not understood"
        ) from error
    return Container(
        name=content["name"],
        remote=remote,
        machine=machine,
        status=power.status(content),
        addresses=addresses.by_family(content.get("state") or {}),
        units=units,
        devices=content.get("devices") or {},
        location=str(content.get("location") or ""),
    )


def _without_model(config: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in config.items() if key not in (MODEL_KEY, HOME_KEY, MADE_KEY, lock.LOCK_KEY)}


def _kept(config: Mapping[str, str]) -> dict[str, str]:
    return {**_without_model(config), KEPT_KEY: "true"}


def _taken_up_again(config: Mapping[str, str]) -> dict[str, str]:
    return {**{key: value for key, value in config.items() if key != KEPT_KEY}, MADE_KEY: "true"}


def _volumes(project: Mapping[str, Any]) -> list[str]:
    """The custom volumes among what uses a project."""
    return sorted(
        url.partition("?")[0].rpartition("/")[2] for url in project.get("used_by") or () if "/volumes/custom/" in url
    )


def _deadline() -> Deadline:
    return Deadline(REQUEST_SECONDS)
