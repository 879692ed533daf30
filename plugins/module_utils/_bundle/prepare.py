# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One document of a bundle before it meets the others: each thing said in the one way there is for it, and paths resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .bundle import KUBERNETES
from .document import Value
from .findings import Findings, quoted
from .include import absolute, included, is_path

_OVERLAY_ONLY = {
    "offers": ("endpoints", "acl"),
    "exposed-endpoints": ("expose-to-spaces", "expose-to-cidrs"),
}


def with_applications(document: Value, findings: Findings) -> Value:
    """With what bundles up to version 4 call services under its new name."""
    entries = dict(document.entries)
    services = entries.pop("services", None)
    if services is None:
        return document
    if "applications" in entries:
        findings.problem("cannot specify both applications and services", services.place)
        services = entries["applications"]
    return replace(document, data={**entries, "applications": services})


def prepared(document: Value, kind: Value | None, findings: Findings) -> Value:
    """With all that depends on the file it stands in resolved, and each thing said in the one way there is for it."""
    if not isinstance(document.data, dict):
        return document
    entries = dict(document.data)
    applications, machines = entries.get("applications"), entries.get("machines")
    if applications is not None and applications.entries:
        content = {name: _application(name, each, kind, findings) for name, each in applications.entries.items()}
        entries["applications"] = replace(applications, data=content)
    if machines is not None and machines.entries:
        content = {name: _machine(name, each, findings) for name, each in machines.entries.items()}
        entries["machines"] = replace(machines, data=content)
    return replace(document, data=entries)


def _application(name: str, value: Value, kind: Value | None, findings: Findings) -> Value:
    if not isinstance(value.data, dict):
        return value
    entries = dict(value.data)
    _say_units(name, entries, findings)
    _say_placement(name, entries, kind, findings)
    charm = entries.get("charm")
    if charm is not None and isinstance(charm.data, str) and is_path(charm.data):
        path = absolute(charm.data, charm)
        entries["charm"] = replace(charm, data=path, text=path)
    for field, noun in (("options", "option"), ("annotations", "annotation")):
        entries.update(_includes(entries, field, noun, f"application {quoted(name)}", findings))
    return replace(value, data=entries)


def _machine(name: str, value: Value, findings: Findings) -> Value:
    entries = _includes(value.entries, "annotations", "annotation", f"machine {quoted(name)}", findings)
    return replace(value, data={**value.entries, **entries}) if entries else value


def _includes(entries: Mapping[str, Value], field: str, noun: str, owner: str, findings: Findings) -> dict[str, Value]:
    value = entries.get(field)
    if value is None or not isinstance(value.data, dict):
        return {}
    content = {key: included(each, f"{noun} {quoted(key)} for {owner}", findings) for key, each in value.data.items()}
    return {field: replace(value, data=content)}


def _say_units(name: str, entries: dict[str, Value], findings: Findings) -> None:
    """scale is another word for num_units."""
    scale, units = entries.pop("scale", None), entries.get("num_units")
    if scale is None or not scale.data:
        return
    if units is not None and units.data:
        findings.problem(f"cannot specify both scale and num_units for application {quoted(name)}", scale.place)
    else:
        entries["num_units"] = scale


def _say_placement(name: str, entries: dict[str, Value], kind: Value | None, findings: Findings) -> None:
    """placement is another word for a single to, in a bundle for Kubernetes."""
    placement, to = entries.pop("placement", None), entries.get("to")
    if placement is None or not placement.data:
        return
    if kind is None or kind.data != KUBERNETES:
        findings.problem(
            f"placement ({placement.text}) not valid for non-Kubernetes application {quoted(name)}: write to",
            placement.place,
        )
    elif to is not None and to.data:
        findings.problem(f"cannot specify both placement and to for application {quoted(name)}", placement.place)
    else:
        entries["to"] = replace(placement, data=[placement])


def check_base(base: Value, findings: Findings) -> None:
    """What only an overlay may say, so that a bundle that is shared gives nothing of its user's away."""
    applications = base.entries.get("applications")
    for name, application in applications.entries.items() if applications is not None else ():
        if application.data is None:
            findings.problem(f"base application {quoted(name)} has no body", application.place)
        for field, inner in _OVERLAY_ONLY.items():
            value = application.entries.get(field)
            if value is None or value.data is None:
                continue
            found = [(f"{field}", value)]
            for key, each in value.entries.items():
                found += [
                    (f"{field}.{key}.{part}", each.entries[part])
                    for part in inner
                    if part in each.entries and each.entries[part].data is not None
                ]
            for path, there in found:
                findings.problem(f"applications.{name}.{path} can only appear in an overlay section", there.place)
