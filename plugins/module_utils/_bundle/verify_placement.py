# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the units are to go: that it can be understood, and that it is there."""

from __future__ import annotations

from collections.abc import Mapping

from .._api.errors import InvalidInput
from . import charm_url
from .bundle import Application, Bundle, Machine
from .findings import Findings, quoted
from .placement import NEW, Placement, parse


def verify(bundle: Bundle, findings: Findings) -> None:
    if bundle.is_kubernetes:
        for application in bundle.applications.values():
            _verify_selector(application, findings)
        return
    used = set()
    for application in bundle.applications.values():
        used |= _verify_units(application, bundle, findings)
    if bundle.knows("applications") and all(each.knows("to") for each in bundle.applications.values()):
        for number, machine in bundle.machines.items():
            if number not in used:
                findings.problem(f"machine {quoted(number)} is not referred to by a placement directive", machine.at())
    _verify_order(bundle, findings)


def waiting_for(application: Application) -> set[str]:
    """The applications whose units have to have their machines before this one's can be placed."""
    placements = (parse(text) for text in application.to)
    return {placement.application for placement in placements if placement is not None and placement.application}


def _verify_units(application: Application, bundle: Bundle, findings: Findings) -> set[str]:
    """Returns the machines that are named."""
    name, units = quoted(application.name), application.num_units
    if application.knows("num_units") and 0 <= units < len(application.to):
        findings.problem(
            f"too many units specified in unit placement for application {name}",
            application.at("to"),
        )
    used = set()
    to = application.source.entries.get("to")
    places = [each.place for each in to.data] if to is not None and application.to else []
    for text, place in zip(application.to, places):
        placement = parse(text)
        if placement is None:
            findings.problem(f"invalid placement syntax {quoted(text)}", place)
            continue
        problem = _problem(text, placement, application, bundle)
        if problem:
            findings.problem(problem, place)
        used.add(placement.machine)
    return used


def _problem(text: str, placement: Placement, application: Application, bundle: Bundle) -> str | None:
    if placement.application:
        target = bundle.applications.get(placement.application)
        if target is None:
            known = bundle.knows("applications")
            return f"placement {quoted(text)} refers to an application not defined in this bundle" if known else None
        if placement.unit is not None and placement.unit >= target.num_units and target.knows("num_units"):
            return (
                f"placement {quoted(text)} specifies a unit greater than the {target.num_units} unit(s) started by the"
                " target application"
            )
        return None
    if placement.machine == NEW or not bundle.knows("machines"):
        return None
    if placement.machine not in bundle.machines:
        return f"placement {quoted(text)} refers to a machine not defined in this bundle"
    return None if placement.container else _other_series(text, application, bundle.machines)


def _other_series(text: str, application: Application, machines: Mapping[str, Machine]) -> str | None:
    try:
        series = application.series or charm_url.parse(application.charm).series
    except InvalidInput:
        return None
    there = machines[text].series
    if not series or not there or series == there:
        return None
    return (
        f"charm {application.charm} of application {quoted(application.name)} is for series {series} and cannot be deployed"
        f" to machine {quoted(text)} with different series {there}"
    )


def _verify_selector(application: Application, findings: Findings) -> None:
    """On Kubernetes to is one selector of nodes: key=value, by commas."""
    name = quoted(application.name)
    if len(application.to) > 1:
        findings.problem(f"too many placement directives for application {name}", application.at("to"))
        return
    for text in application.to:
        for each in text.split(","):
            key, equals, _value = each.partition("=")
            if not (key and equals):
                findings.problem(
                    f'expected "key=value", got {quoted(each)} for application {name}', application.at("to")
                )


def _verify_order(bundle: Bundle, findings: Findings) -> None:
    """That no two applications wait for each other's units."""
    waiting = {name: waiting_for(each) & bundle.applications.keys() for name, each in bundle.applications.items()}
    while True:
        free = {name for name, others in waiting.items() if not others}
        if not free:
            break
        waiting = {name: others - free for name, others in waiting.items() if name not in free}
    if waiting:
        names = sorted(waiting)
        findings.problem(
            f"cycle in placement directives for: {', '.join(names)}", bundle.applications[names[0]].at("to")
        )
