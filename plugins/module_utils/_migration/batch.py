# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several containers by their names or by patterns, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, Union

from .._api.client import Client, path
from .._api.deadline import Deadline
from .._api.errors import DeadlineExceeded, FlotillaError, Interrupted, InvalidInput, Unreachable
from .._lxc.host import Host
from .._resources.instance import check_name
from .classic import ClassicEnd
from .classic_journey import ClassicMigration
from .end import End
from .journey import Migration, Options, Report
from .mark import Place, read
from .steps import MOVE

_PATTERN = frozenset("*?[")


# Where the containers are: a server, or classic LXC on this host.
Home = Union[Client, Host]


def names(source: Home, target: Client, wanted: Sequence[str]) -> list[str]:
    """The names meant, in order, each once. A pattern stands for what there is, and for what was on its way to the target
    when an earlier run ended. Raises InvalidInput for what is no name.
    """
    found: list[str] = []
    for each in wanted:
        if _PATTERN & set(each):
            found += [name for name in _known(source, target) if fnmatchcase(name, each)]
        else:
            if isinstance(source, Client):
                check_name(each)
            found.append(each)
    return list(dict.fromkeys(found))


def migrate(
    source: Home,
    target: Client,
    wanted: Sequence[str],
    target_name: str | None,
    options: Options,
    deadline: Deadline,
    *,
    check: bool,
) -> tuple[list[Report], list[FlotillaError]]:
    """Bring them all to the target; what fails with one does not keep the others."""
    chosen = names(source, target, wanted)
    if target_name is not None:
        check_name(target_name)
        if len(chosen) > 1 or any(_PATTERN & set(each) for each in wanted):
            raise InvalidInput("target_name is a name for one container, and name is a pattern or several")
    reports, errors = [], []
    for name in chosen:
        journey = _journey(source, name, End(target, target_name or name), options)
        try:
            check_name(journey.target.name)
            if check:
                journey.check()
            else:
                _run(journey, deadline)
        except FlotillaError as error:
            journey.report.failure = str(error)
            errors.append(error)
        reports.append(journey.report)
    return reports, errors


def result(reports: Sequence[Report]) -> dict[str, Any]:
    """The module's result: what was done with each, and of all of them what changed."""
    containers = [
        {
            "name": report.name,
            "target_name": report.target_name,
            "actions": report.actions,
            "transfer": report.transfer,
            "failure": report.failure,
        }
        for report in reports
    ]
    actions = [action for report in reports for action in report.actions]
    found: dict[str, Any] = {"changed": bool(actions), "actions": actions, "containers": containers}
    if actions:
        found["diff"] = {
            "before": {report.name: report.before for report in reports if report.before},
            "after": {report.name: report.after for report in reports if report.after},
        }
    return found


def _run(journey: Migration, deadline: Deadline) -> None:
    try:
        journey.run(deadline)
    except FlotillaError as error:
        if not (journey.options.running == "live" and journey.options.live_fallback) or _ends_all(error):
            raise
        journey.report.warnings.append(
            f"it could not be moved live, and was stopped for it: {error.__cause__ or error}"
        )
        options = replace(journey.options, running="move")
        again = Migration(journey.source, journey.target, options)
        again.report = journey.report
        again.run(deadline)


def _ends_all(error: FlotillaError) -> bool:
    """Whether it is no matter of the container's being moved live: stopping it would not help, or nobody wants that now."""
    return isinstance(error.__cause__ or error, (DeadlineExceeded, Interrupted, Unreachable))


def _journey(home: Home, name: str, target: End, options: Options) -> Migration:
    if isinstance(home, Client):
        return Migration(End(home, name), target, options)
    return ClassicMigration(ClassicEnd(home, name), target, options)


def _place(home: Home) -> Place:
    return (End(home, "") if isinstance(home, Client) else ClassicEnd(home, "")).place


def _names_at(home: Home) -> list[str]:
    if not isinstance(home, Client):
        return [container.name for container in home.containers()]
    listed = home.get(path("instances"), doing="list containers", recursion="1").metadata or ()
    return [str(one["name"]) for one in listed]


def _known(source: Home, target: Client) -> list[str]:
    there = target.get(path("instances"), doing="list containers", recursion="1").metadata or ()
    under_way = []
    for one in there:
        mark = read(one.get("config") or {})
        if mark is not None and mark.mode == MOVE:
            server_and_project, _slash, name = mark.origin.rpartition("/")
            if server_and_project == str(_place(source)).rpartition("/")[0]:
                under_way.append(name)
    return sorted({*_names_at(source), *under_way})
