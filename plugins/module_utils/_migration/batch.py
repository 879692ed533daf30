# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several containers by their names or by patterns, one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from .server_journey import ServerMigration
from .steps import MOVE
from .within import WithinMigration, provisional

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
    """Bring them all to the target; what fails with one does not keep the others, unless somebody called it all off."""
    chosen = names(source, target, wanted)
    if target_name is not None:
        check_name(target_name)
        if len(chosen) > 1 or any(_PATTERN & set(each) for each in wanted):
            raise InvalidInput("target_name is a name for one container, and name is a pattern or several")
    reports, errors = [], []
    for name in chosen:
        report = Report(name, target_name or name)
        try:
            check_name(report.target_name)
            _migrate(source, target, report, options, deadline, check)
        except FlotillaError as error:
            report.failure = str(error)
            errors.append(error)
        reports.append(report)
        if errors and isinstance(errors[-1].__cause__ or errors[-1], Interrupted):
            break
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


def _migrate(source: Home, target: Client, report: Report, options: Options, deadline: Deadline, check: bool) -> None:
    try:
        _take(_journey(source, target, report, options), deadline, check)
    except FlotillaError as error:
        if not (options.running == "live" and options.live_fallback) or _ends_all(error):
            raise
        report.warnings.append(f"it cannot be moved live, and is stopped for it: {error.__cause__ or error}")
        _take(_journey(source, target, report, replace(options, running="move")), deadline, check)


def _ends_all(error: FlotillaError) -> bool:
    """Whether it is no matter of the container's being moved live: stopping it would not help, or nobody wants that now."""
    return isinstance(error.__cause__ or error, (DeadlineExceeded, Interrupted, Unreachable))


def _take(journey: Migration, deadline: Deadline, check: bool) -> None:
    if check:
        journey.check()
    else:
        journey.run(deadline)


def _journey(home: Home, target: Client, report: Report, options: Options) -> Migration:
    there = End(target, report.target_name)
    if isinstance(home, Client):
        here = End(home, report.name)
        stays = options.changes.pool is None and options.target is None
        if options.mode == MOVE and here.place == there.place and not stays:
            return WithinMigration(here, options, report)
        return ServerMigration(here, there, options, report)
    return ClassicMigration(ClassicEnd(home, report.name), there, options, report)


def _place(home: Home) -> Place:
    return (End(home, "") if isinstance(home, Client) else ClassicEnd(home, "")).place


def _names_at(home: Home) -> list[str]:
    if not isinstance(home, Client):
        return [container.name for container in home.containers()]
    listed = home.get(path("instances"), doing="list containers", recursion="1").metadata or ()
    return [str(one["name"]) for one in listed if not _is_provisional(one)]


def _is_provisional(container: Mapping[str, Any]) -> bool:
    """Whether it has its name only until it can have that of the container whose place it takes."""
    mark = read(container.get("config") or {})
    return mark is not None and provisional(mark.origin.rpartition("/")[2]) == container["name"]


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
