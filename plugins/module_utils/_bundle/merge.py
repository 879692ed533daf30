# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several documents as one: the base, and overlays laid over it in turn.

Source: overlay.go and bundledata.go of Juju's charm library say what an overlay does to each field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from .document import Value
from .findings import Findings, quoted
from .include import absolute, included, is_path

KUBERNETES = "kubernetes"
# Maps of an application, to which an overlay adds; of the second kind, an entry that is null is taken away.
_TEXT_MAPS = ("annotations", "storage", "devices", "bindings")
_VALUE_MAPS = ("options", "resources", "offers", "exposed-endpoints")
_OVERLAY_ONLY = {
    "offers": ("endpoints", "acl"),
    "exposed-endpoints": ("expose-to-spaces", "expose-to-cidrs"),
}


def merged(documents: list[Value], findings: Findings) -> Value:
    """The bundle that the documents make together, the first being the base. There has to be one."""
    maps = []
    for document in documents:
        if isinstance(document.data, dict):
            maps.append(document)
        elif document.data is not None:
            findings.problem(f"a bundle has to be a map of keys, and this is {document.kind}", document.place)
            if document is documents[0]:
                return document
    if documents[0].data is None:
        findings.problem("malformed bundle: bundle is empty", documents[0].place)
        return documents[0]
    kind = maps[0].entries.get("bundle")
    base = _prepared(_with_applications(maps[0], findings), kind, findings)
    _check_base(base, findings)
    for overlay in maps[1:]:
        services = overlay.entries.get("services")
        if services is not None:
            findings.problem(
                "bundle overlay file used deprecated 'services' key, this is not valid for bundle overlay files:"
                " write applications",
                services.place,
            )
            overlay = replace(overlay, data={key: value for key, value in overlay.entries.items() if key != "services"})
        base = _overlaid(base, _prepared(overlay, kind, findings))
    return base


def _with_applications(document: Value, findings: Findings) -> Value:
    """With what bundles up to version 4 call services under its new name."""
    entries = dict(document.entries)
    services = entries.pop("services", None)
    if services is None:
        return document
    if "applications" in entries:
        findings.problem("cannot specify both applications and services", services.place)
        services = entries["applications"]
    return replace(document, data={**entries, "applications": services})


def _prepared(document: Value, kind: Value | None, findings: Findings) -> Value:
    """With all that depends on the file it stands in resolved, and each thing said in the one way there is for it."""
    entries = dict(document.entries)
    applications, machines = entries.get("applications"), entries.get("machines")
    if applications is not None and applications.entries:
        prepared = {name: _application(name, each, kind, findings) for name, each in applications.entries.items()}
        entries["applications"] = replace(applications, data=prepared)
    if machines is not None and machines.entries:
        prepared = {name: _machine(name, each, findings) for name, each in machines.entries.items()}
        entries["machines"] = replace(machines, data=prepared)
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
        entries.update(_includes(entries, field, f"{noun} {{}} for application {quoted(name)}", findings))
    return replace(value, data=entries)


def _machine(name: str, value: Value, findings: Findings) -> Value:
    entries = _includes(value.entries, "annotations", f"annotation {{}} for machine {quoted(name)}", findings)
    return replace(value, data={**value.entries, **entries}) if entries else value


def _includes(entries: Mapping[str, Value], field: str, what: str, findings: Findings) -> dict[str, Value]:
    value = entries.get(field)
    if value is None or not isinstance(value.data, dict):
        return {}
    return {
        field: replace(
            value,
            data={key: included(each, what.format(quoted(key)), findings) for key, each in value.data.items()},
        )
    }


def _say_units(name: str, entries: dict[str, Value], findings: Findings) -> None:
    """scale is another word for num_units."""
    scale = entries.get("scale")
    if scale is None or not isinstance(scale.data, int) or isinstance(scale.data, bool) or scale.data <= 0:
        return
    units = entries.get("num_units")
    del entries["scale"]
    if units is not None and units.data:
        findings.problem(f"cannot specify both scale and num_units for application {quoted(name)}", scale.place)
    else:
        entries["num_units"] = scale


def _say_placement(name: str, entries: dict[str, Value], kind: Value | None, findings: Findings) -> None:
    """placement is another word for a single to, in a bundle for Kubernetes."""
    placement = entries.get("placement")
    if placement is None or not isinstance(placement.data, str) or not placement.data:
        return
    del entries["placement"]
    if kind is None or kind.data != KUBERNETES:
        findings.problem(
            f"placement ({placement.data}) not valid for non-Kubernetes application {quoted(name)}: write to",
            placement.place,
        )
    elif entries.get("to", placement) is not placement and entries["to"].data:
        findings.problem(f"cannot specify both placement and to for application {quoted(name)}", placement.place)
    else:
        entries["to"] = replace(placement, data=[placement])


def _check_base(base: Value, findings: Findings) -> None:
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


def _overlaid(base: Value, overlay: Value) -> Value:
    entries = dict(base.entries)
    for section in ("applications", "saas"):
        above = overlay.entries.get(section)
        if above is None or not isinstance(above.data, dict):
            # What is ill-typed is kept, for whoever reads the fields to find.
            entries.update({section: above} if above is not None and above.data is not None else {})
            continue
        below = entries.get(section)
        content = dict(below.entries) if below is not None else {}
        for name, value in above.data.items():
            if value.data is None:
                content.pop(name, None)
                entries.update(_without_relations(entries.get("relations"), name))
            elif name in content and isinstance(value.data, dict):
                content[name] = _merged_fields(content[name], value)
            else:
                content[name] = value
        entries[section] = replace(below or above, data=content)
    for field in ("series", "default-base"):
        if field in overlay.entries and overlay.entries[field].data not in (None, ""):
            entries[field] = overlay.entries[field]
    machines = overlay.entries.get("machines")
    if machines is not None and machines.data is not None:
        entries["machines"] = machines
    entries.update(_with_relations(entries.get("relations"), overlay.entries.get("relations")))
    known = {"applications", "saas", "series", "default-base", "machines", "relations"}
    known |= {"description", "tags", "bundle"}  # an overlay's own, which the base's stand for
    entries.update({key: value for key, value in overlay.entries.items() if key not in known})
    return replace(base, data=entries)


def _merged_fields(below: Value, above: Value) -> Value:
    entries = dict(below.entries)
    for field, value in above.entries.items():
        if field not in _TEXT_MAPS + _VALUE_MAPS or not isinstance(value.data, dict):
            entries[field] = value
            continue
        content = dict(entries[field].entries) if field in entries else {}
        for key, each in value.data.items():
            if each.data is None and field in _VALUE_MAPS:
                content.pop(key, None)
            else:
                content[key] = each
        entries[field] = replace(entries.get(field, value), data=content)
    return replace(below, data=entries)


def _without_relations(relations: Value | None, application: str) -> dict[str, Value]:
    """Without those of an application that is taken away."""
    if relations is None or not isinstance(relations.data, list):
        return {}
    kept = [each for each in relations.data if application not in _applications_of(each)]
    return {"relations": replace(relations, data=kept)}


def _applications_of(relation: Value) -> Iterable[str]:
    ends = relation.data if isinstance(relation.data, list) else []
    # Of what is not a pair, nothing is known; it is a problem of its own.
    return [end.text.partition(":")[0] for end in ends] if len(ends) == 2 else []


def _with_relations(below: Value | None, above: Value | None) -> dict[str, Value]:
    if above is None or not isinstance(above.data, list) or below is None or not isinstance(below.data, list):
        chosen = above if above is not None and above.data is not None else below
        return {} if chosen is None else {"relations": chosen}
    return {"relations": replace(below, data=[*below.data, *above.data])}
