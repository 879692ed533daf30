# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which units have to run, and what. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .._bundle.charm import PROVIDER
from .charms import RELATION_CHANGED, STOP, Role
from .shown import digest_of
from .state import Application, Container, Placed, State, application_of, endpoint_of
from .view import digest, view

MOST_ROUNDS = 10


@dataclass(frozen=True)
class Run:
    """A unit that is to run an entry point of its role.

    digest: of what it is given, kept when that has gone well. variables: the role's, as far as they are set.
    """

    unit: str
    entry: str
    digest: str
    container: Container
    seen: Mapping[str, Any]
    variables: Mapping[str, Any]


def digest_of_main(state: State, unit: str, role: Role) -> str:
    return _digest_of_main(state.applications[application_of(unit)], role)


def to_install(state: State, roles: Mapping[str, Role]) -> list[Placed]:
    """Units that are new, whose options or role have changed, or that failed; principals first."""
    wanted = {name: _digest_of_main(each, roles[name]) for name, each in state.applications.items() if name in roles}
    found = [
        (unit, record, container)
        for unit, record, container in _staying(state)
        if record.failed or record.installed != wanted[application_of(unit)]
    ]
    return sorted(found, key=lambda each: bool(each[1].principal))


def to_tell(state: State, roles: Mapping[str, Role]) -> list[Run]:
    """Units for which what they see of others has changed since they were told."""
    found = []
    for unit, record, container in _staying(state):
        role = roles[application_of(unit)]
        if record.failed or not record.installed or RELATION_CHANGED not in role.entries:
            continue
        now = digest(state, unit, record, container)
        if now != record.seen:
            seen = view(state, unit, record, container, role)
            variables = role.variables(state.applications[application_of(unit)])
            found.append(Run(unit, RELATION_CHANGED, now, container, seen, variables))
    return found


def to_stop(state: State, roles: Mapping[str, Role]) -> list[Placed]:
    """Units that are leaving, run, and have something to do before; subordinates first."""
    found = [
        (unit, record, container)
        for unit, record, container in state.departing()
        if container.running
        and record.installed
        and application_of(unit) in roles
        and STOP in roles[application_of(unit)].entries
    ]
    return sorted(found, key=lambda each: not each[1].principal)


def providers_first(state: State, runs: Iterable[Run]) -> list[Run]:
    """Those that wait for nobody who is to run as well; all where each waits for another."""
    runs = list(runs)
    running = {application_of(run.unit) for run in runs}
    waiting = set()
    for relation in state.relations:
        for own, other in (relation, relation[::-1]):
            known = endpoint_of(state, other)
            if known is not None and known.role == PROVIDER and other.partition(":")[0] in running:
                waiting.add(own.partition(":")[0])
    return [run for run in runs if application_of(run.unit) not in waiting] or runs


def _digest_of_main(application: Application, role: Role) -> str:
    return digest_of([role.digest, application.charm, application.options])


def _staying(state: State) -> list[Placed]:
    return [
        each for each in state.units() if each[0] not in state.leaving and application_of(each[0]) in state.applications
    ]
