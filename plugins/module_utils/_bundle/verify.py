# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that is wrong with a bundle, at once.

Source: bundledata.go of Juju's charm library says what Juju refuses; each of its rules is here, in its words where they are
clear. Constraints, storage and devices the library leaves to who calls it: as Juju's own command does, they are parsed.
What Juju can do and nothing here can is in unsupported.py.
"""

from __future__ import annotations

from collections.abc import Mapping

from .._api.errors import InvalidInput
from . import (
    constraints,
    unsupported,
    verify_application,
    verify_charms,
    verify_placement,
    verify_relations,
    verify_storage,
)
from .bundle import KUBERNETES, Bundle
from .charm import Charm
from .findings import Findings, quoted
from .names import is_application, is_base, is_number, is_offer_url, is_series
from .series import differ


def verify(bundle: Bundle, charms: Mapping[str, Charm | None] | None, findings: Findings) -> None:
    """charms: by what the bundle calls them, None for one of which nothing is known; None if nothing is known of any."""
    _verify_whole(bundle, findings)
    _verify_saas(bundle, findings)
    _verify_machines(bundle, findings)
    _verify_releases(bundle, findings)
    for application in bundle.applications.values():
        verify_application.verify(application, bundle, findings)
    verify_placement.verify(bundle, findings)
    verify_relations.verify(bundle, charms, findings)
    if charms is not None:
        verify_charms.verify(bundle, charms, findings)
        verify_storage.verify(bundle, charms, findings)
    unsupported.find(bundle, findings)


def _verify_whole(bundle: Bundle, findings: Findings) -> None:
    if bundle.kind not in ("", KUBERNETES):
        findings.problem(f"bundle has an invalid type {quoted(bundle.kind)}", bundle.at("bundle"))
    if bundle.is_kubernetes and bundle.machines:
        findings.problem("bundle machines not valid for Kubernetes bundles", bundle.at("machines"))
    if bundle.series and not is_series(bundle.series):
        findings.problem(f"bundle declares an invalid series {quoted(bundle.series)}", bundle.at("series"))
    if bundle.default_base and not is_base(bundle.default_base):
        findings.problem(f"bundle declares an invalid base {quoted(bundle.default_base)}", bundle.at("default-base"))
    if not bundle.applications and bundle.source.data is not None and bundle.knows("applications"):
        findings.problem("at least one application must be specified", bundle.at("applications"))


def _verify_saas(bundle: Bundle, findings: Findings) -> None:
    for name, saas in bundle.saas.items():
        if name in bundle.applications:
            findings.problem(f"application {quoted(name)} already exists with SAAS {quoted(name)} name", saas.at())
        if not is_application(name):
            findings.problem(f"invalid SAAS name {quoted(name)} found", saas.at())
        if saas.url and not is_offer_url(saas.url):
            findings.problem(f"invalid offer URL {quoted(saas.url)} for SAAS {name}", saas.at("url"))


def _verify_machines(bundle: Bundle, findings: Findings) -> None:
    for number, machine in bundle.machines.items():
        if not is_number(number):
            findings.problem(f"invalid machine id {quoted(number)} found in machines", machine.at())
        if machine.series and not is_series(machine.series):
            findings.problem(
                f"invalid series {quoted(machine.series)} for machine {quoted(number)}", machine.at("series")
            )
        if machine.base and not is_base(machine.base):
            findings.problem(f"invalid base {quoted(machine.base)} for machine {quoted(number)}", machine.at("base"))
        try:
            constraints.parse(machine.constraints)
        except InvalidInput as error:
            findings.problem(
                f"invalid constraints {quoted(machine.constraints)} in machine {quoted(number)}: {error}",
                machine.at("constraints"),
            )


def _verify_releases(bundle: Bundle, findings: Findings) -> None:
    """Whatever says both a series and a base has to mean one release. Source: Juju's deploy command, from 3.1 on."""
    said = [("bundle", bundle.series, bundle.default_base, bundle.at("default-base"))]
    for kind, entries in (("machine", bundle.machines), ("application", bundle.applications)):
        said += [(f"{kind} {quoted(key)}", each.series, each.base, each.at("base")) for key, each in entries.items()]
    for whose, series, base, place in said:
        if differ(series, base):
            both = f"series {quoted(series)} and base {quoted(base)}"
            findings.problem(f"{whose} {both} must match if both supplied", place)
