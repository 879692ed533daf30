# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an application says of itself alone."""

from __future__ import annotations

import ipaddress
import os

from .._api.errors import InvalidInput
from . import charm_url, constraints
from .bundle import Application, Bundle
from .charm_url import CharmUrl
from .findings import Findings, quoted
from .include import is_path
from .names import is_application, is_base, is_endpoint, is_series
from .storage import check_device, parse_storage


def verify(application: Application, bundle: Bundle, findings: Findings) -> None:
    name = quoted(application.name)
    if not is_application(application.name):
        findings.problem(f"invalid application name {name}", application.at())
    if application.name in bundle.saas:
        findings.problem(f"SAAS {name} already exists with application {name} name", application.at())
    if application.num_units < 0:
        findings.problem(f"negative number of units specified on application {name}", application.at("num_units"))
    if application.base and not is_base(application.base):
        text = f"application {name} declares an invalid base {quoted(application.base)}"
        findings.problem(text, application.at("base"))
    if application.series and not is_series(application.series):
        text = f"application {name} declares an invalid series {quoted(application.series)}"
        findings.problem(text, application.at("series"))
    _verify_charm(application, findings)
    _verify_constraints(application, findings)
    _verify_resources(application, findings)
    _verify_offers(application, findings)
    _verify_exposure(application, findings)


def _verify_charm(application: Application, findings: Findings) -> None:
    charm = application.charm
    if not charm:
        if application.knows("charm"):
            findings.problem(f"empty charm path: application {quoted(application.name)} has no charm", application.at())
    elif is_path(charm):
        if not os.path.exists(charm):
            findings.problem(
                f"charm path in application {quoted(application.name)} does not exist: {charm}", application.at("charm")
            )
    else:
        try:
            _verify_url(application, charm_url.parse(charm), findings)
        except InvalidInput as error:
            findings.problem(
                f"invalid charm URL in application {quoted(application.name)}: {error}", application.at("charm")
            )


def _verify_url(application: Application, url: CharmUrl, findings: Findings) -> None:
    name, revision = quoted(application.name), application.revision
    if url.on_hub and url.revision is not None:
        findings.problem(f"cannot specify revision in {quoted(str(url))}, please use revision", application.at("charm"))
    if url.series and application.series and url.series != application.series:
        findings.problem(
            f"the charm URL for application {name} has a series which does not match, please remove the series from the"
            " URL",
            application.at("series"),
        )
    if revision is None:
        return
    if url.on_hub and not application.channel:
        findings.problem(
            f"application {name} with a revision requires a channel for future upgrades, please use channel",
            application.at("revision"),
        )
    if revision < 0:
        findings.problem(f"the revision for application {name} must be zero or greater", application.at("revision"))


def _verify_constraints(application: Application, findings: Findings) -> None:
    name = quoted(application.name)
    try:
        asked = constraints.parse(application.constraints)
    except InvalidInput as error:
        text = f"invalid constraints {quoted(application.constraints)} in application {name}: {error}"
        findings.problem(text, application.at("constraints"))
    else:
        for space in sorted({f"^{bound}" for bound in application.bindings.values()} & {*(asked.spaces or ())}):
            text = f"space {quoted(space[1:])} is required but it's forbidden by constraint in application {name}"
            findings.problem(text, application.at("constraints"))
    for field, noun, check in (("storage", "storage", parse_storage), ("devices", "device", check_device)):
        for key, text in getattr(application, field).items():
            place = application.at(field, key)
            if not is_application(key):
                findings.problem(f"invalid {noun} name {quoted(key)} in application {name}", place)
            try:
                check(text)
            except InvalidInput as error:
                findings.problem(f"invalid {noun} {quoted(key)} in application {name}: {error}", place)


def _verify_resources(application: Application, findings: Findings) -> None:
    name = quoted(application.name)
    for key, value in application.resources.items():
        place = application.at("resources", key)
        if not key:
            findings.problem(f"missing resource name on application {name}", place)
        if not isinstance(value, (int, str)) or isinstance(value, bool):
            findings.problem(f"resource revision {name} is not int or string", place)


def _verify_offers(application: Application, findings: Findings) -> None:
    name = quoted(application.name)
    for key, offer in application.offers.items():
        if not is_application(key):
            findings.problem(f"invalid offer name {quoted(key)} in application {name}", offer.at())
        for endpoint in offer.endpoints:
            if not is_endpoint(endpoint):
                findings.problem(
                    f"invalid endpoint name {quoted(endpoint)} for offer {quoted(key)} in application {name}",
                    offer.at("endpoints"),
                )


def _verify_exposure(application: Application, findings: Findings) -> None:
    name = quoted(application.name)
    if application.exposed_endpoints and application.expose:
        findings.problem(
            f'exposed-endpoints cannot be specified together with "expose: true" in application {name}: all endpoints would'
            " be open to everyone",
            application.at("exposed-endpoints"),
        )
        return
    for key, exposed in application.exposed_endpoints.items():
        for cidr in exposed.expose_to_cidrs:
            if not _is_cidr(cidr):
                findings.problem(
                    f"invalid CIDR {quoted(cidr)} for expose to CIDRs field for endpoint {quoted(key)} in application"
                    f" {name}",
                    exposed.at("expose-to-cidrs"),
                )


def _is_cidr(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return "/" in text
