# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Juju has and neither LXD nor Incus does: refused where the bundle would come out as another one, else told."""

from __future__ import annotations

from .._api.errors import InvalidInput
from . import constraints, placement
from .bundle import Application, Bundle
from .findings import Findings, Place, quoted
from .limits import limits

_CONTAINERS = ("", "lxd", "lxc")


def find(bundle: Bundle, findings: Findings) -> None:
    if bundle.is_kubernetes:
        findings.refuse(
            "this is a bundle for Kubernetes, and there are only containers of systems here", bundle.at("bundle")
        )
        return
    for name, saas in bundle.saas.items():
        findings.refuse(
            f"SAAS {quoted(name)} is an offer of another model, and there are no relations between models here",
            saas.at(),
        )
    for number, machine in bundle.machines.items():
        _find_constraints(machine.constraints, f"machine {quoted(number)}", machine.at("constraints"), findings)
    for application in bundle.applications.values():
        what = f"application {quoted(application.name)}"
        _find_constraints(application.constraints, what, application.at("constraints"), findings)
        _find_placements(application, findings)
        _find_fields(application, what, findings)
    _find_choices(bundle, findings)


def _find_choices(bundle: Bundle, findings: Findings) -> None:
    """What chooses a charm in a store. Almost every application has it, so that it is told once."""
    chosen = [each for each in bundle.applications.values() if each.channel or each.revision is not None]
    if chosen:
        names = ", ".join(sorted(application.name for application in chosen))
        findings.warn(
            f"channel and revision are left out (applications {names}): a role plays the charm, whatever a store has",
            chosen[0].at("channel" if chosen[0].channel else "revision"),
        )


def _find_constraints(text: str, what: str, place: Place, findings: Findings) -> None:
    try:
        without = limits(constraints.parse(text)).without
    except InvalidInput:
        return  # told by verify
    for name, reason in without:
        findings.warn(f"the constraint {name} of {what} is left out: {reason}", place)


def _find_placements(application: Application, findings: Findings) -> None:
    for text in application.to:
        wanted = placement.parse(text)
        if wanted is not None and wanted.container not in _CONTAINERS:
            findings.refuse(
                f"placement {quoted(text)} of application {quoted(application.name)} asks for a container of the kind"
                f" {wanted.container}, and there is only lxd here",
                application.at("to"),
            )


def _find_fields(application: Application, what: str, findings: Findings) -> None:
    for name, resource in application.resources.items():
        reason = "it is a revision in a store of Juju's, and not a file"
        if not isinstance(resource, int):
            reason = "no charm here is given files that way: an option of the role may name one"
        findings.warn(f"resource {quoted(name)} of {what} is left out: {reason}", application.at("resources", name))
    for name, exposed in application.exposed_endpoints.items():
        if exposed.expose_to_spaces:
            findings.refuse(
                f"exposed endpoint {quoted(name)} of {what} is open to the spaces {', '.join(exposed.expose_to_spaces)}, and"
                " there are no spaces here: write expose-to-cidrs",
                exposed.at("expose-to-spaces"),
            )
    for field, reason in (
        ("bindings", "there are no spaces here: all endpoints are on the networks of the container"),
        ("devices", "no charm here is given devices of a cloud"),
        ("offers", "there are no relations between models here"),
        ("plan", "nothing is metered here"),
        ("trust", "no charm here has a cloud's credentials"),
    ):
        if getattr(application, field):
            findings.warn(f"{field} of {what} is left out: {reason}", application.at(field))
