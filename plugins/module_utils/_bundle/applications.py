# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applications that are missing, and what has changed of those that are there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from . import charm_url, constraints
from .bundle import Application, Bundle
from .changes import AddCharm, Deploy, Expose, SetAnnotations, SetConstraints, SetOptions, SetOrigin, UpgradeCharm
from .draft import Draft
from .model import Deployed
from .names import natural
from .roles import Roles

_V = TypeVar("_V")


def plan_applications(draft: Draft, roles: Roles) -> None:
    charms: dict[tuple[str, str], int] = {}
    there = {(each.charm, each.series) for each in draft.model.applications.values()}
    for name in sorted(draft.bundle.applications, key=natural):
        application = draft.bundle.applications[name]
        series = series_of(application, draft.bundle)
        key = (application.charm, series)
        if key not in charms and key not in there:
            charms[key] = draft.add(AddCharm(_charm(application), roles.role(application.charm), series))
        requires = [charms[key]] if key in charms else []
        deployed = draft.model.applications.get(name)
        if deployed is None:
            _plan_new(draft, application, series, requires)
        else:
            _plan_changed(draft, application, deployed, series, requires)


def series_of(application: Application, bundle: Bundle) -> str:
    """The series, or the base, of an application's units: its own, that of its charm's URL, or that of the bundle."""
    own = application.series or application.base or charm_url.parse(application.charm).series
    return own or bundle.series or bundle.default_base


def changed(there: Mapping[str, _V], wanted: Mapping[str, _V]) -> dict[str, _V]:
    """The entries that are not there, or others."""
    return {key: value for key, value in wanted.items() if key not in there or there[key] != value}


def _plan_new(draft: Draft, application: Application, series: str, requires: list[int]) -> None:
    name = application.name
    deploying = draft.deployed[name] = draft.add(Deploy(application, _charm(application), series), *requires)
    if application.exposed:
        draft.add(Expose(name, application.exposed_endpoints), deploying)
    if application.annotations:
        draft.add(SetAnnotations(name, application.annotations), deploying)


def _plan_changed(draft: Draft, application: Application, deployed: Deployed, series: str, requires: list[int]) -> None:
    name = application.name
    if deployed.charm != application.charm:
        draft.add(UpgradeCharm(application, _charm(application), series), *requires)
    else:
        _plan_origin(draft, application, deployed)
    options = changed(deployed.options, application.options)
    if options:
        draft.add(SetOptions(name, options))
    if constraints.parse(deployed.constraints) != constraints.parse(application.constraints):
        draft.add(SetConstraints(name, application.constraints))
    if application.exposed and not (deployed.exposed and _is_open_to_the_same(application, deployed)):
        draft.add(Expose(name, application.exposed_endpoints))
    annotations = changed(deployed.annotations, application.annotations)
    if annotations:
        draft.add(SetAnnotations(name, annotations))


def _plan_origin(draft: Draft, application: Application, deployed: Deployed) -> None:
    channel = application.channel if application.channel != deployed.channel else ""
    revision = application.revision if application.revision != deployed.revision else None
    bindings = changed(deployed.bindings, application.bindings)
    if channel or revision is not None or bindings:
        draft.add(SetOrigin(application.name, channel, revision, bindings))


def _is_open_to_the_same(application: Application, deployed: Deployed) -> bool:
    wanted = {name: {*each.expose_to_cidrs} for name, each in application.exposed_endpoints.items()}
    return wanted == {name: {*cidrs} for name, cidrs in deployed.exposed_endpoints.items()}


def _charm(application: Application) -> str:
    return charm_url.parse(application.charm).name
