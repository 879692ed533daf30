# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several documents as one: the base, and overlays laid over it in turn.

Source: overlay.go and bundledata.go of Juju's charm library say what an overlay does to each field.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

from .document import Value
from .findings import Findings
from .prepare import check_base, prepared, with_applications

# Maps of an application, to which an overlay adds; of the second kind, an entry that is null is taken away.
_TEXT_MAPS = ("annotations", "storage", "devices", "bindings")
_VALUE_MAPS = ("options", "resources", "offers", "exposed-endpoints")
# What an overlay says of itself.
_BASE_ONLY = ("bundle", "description", "tags")


def prepare(documents: list[Value], findings: Findings) -> list[Value]:
    """The documents with all in them said in the one way there is for it: the base, and the overlays that say something.

    There has to be one.
    """
    base, *overlays = documents
    if base.data is None:
        findings.problem("malformed bundle: bundle is empty", base.place)
        return [base]
    kind = base.entries.get("bundle")
    base = prepared(with_applications(base, findings), kind, findings)
    check_base(base, findings)
    saying = (each for each in overlays if each.data is not None)
    return [base, *(prepared(_without_services(each, findings), kind, findings) for each in saying)]


def overlaid(documents: list[Value]) -> Value:
    """The bundle that prepared documents make together, as far as they are maps. There has to be one."""
    base, *overlays = documents
    return reduce(_overlaid, overlays, base) if isinstance(base.data, dict) else base


def _without_services(overlay: Value, findings: Findings) -> Value:
    services = overlay.entries.get("services")
    if services is None:
        return overlay
    findings.problem(
        "bundle overlay file used deprecated 'services' key, this is not valid for bundle overlay files: write applications",
        services.place,
    )
    return replace(overlay, data={key: value for key, value in overlay.entries.items() if key != "services"})


def _overlaid(base: Value, overlay: Value) -> Value:
    entries = dict(base.entries)
    # Relations come last: those of an application that is taken away go, and the overlay's own stay.
    for field in sorted(overlay.entries, key=lambda field: field == "relations"):
        above, below = overlay.entries[field], entries.get(field)
        if above.data in (None, "") or field in _BASE_ONLY:
            continue
        if field in ("applications", "saas") and isinstance(above.data, dict):
            entries[field] = _merged_parts(below or replace(above, data={}), above)
            gone = {name for name, value in above.data.items() if value.data is None}
            entries.update(_without_relations(entries.get("relations"), gone))
        elif field == "relations" and isinstance(above.data, list) and below is not None and below.data is not None:
            entries[field] = replace(below, data=[*below.data, *above.data]) if isinstance(below.data, list) else below
        else:
            entries[field] = above
    return replace(base, data=entries)


def _merged_parts(below: Value, above: Value) -> Value:
    """Applications by their names: those that are null are taken away."""
    content = dict(below.entries)
    for name, value in above.entries.items():
        if value.data is None:
            content.pop(name, None)
        elif name in content and isinstance(value.data, dict):
            content[name] = _merged_fields(content[name], value)
        else:
            content[name] = value
    return replace(below, data=content)


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


def _without_relations(relations: Value | None, gone: set[str]) -> dict[str, Value]:
    """Without those of applications that are taken away."""
    if relations is None or not isinstance(relations.data, list):
        return {}
    return {"relations": replace(relations, data=[each for each in relations.data if not gone & _applications(each)])}


def _applications(relation: Value) -> set[str]:
    ends = relation.data if isinstance(relation.data, list) else []
    # Of what is not a pair, nothing is known; it is a problem of its own.
    return {end.text.partition(":")[0] for end in ends} if len(ends) == 2 else set()
