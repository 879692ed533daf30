# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Relations: that each has two ends which are there, fit, and are not said twice."""

from __future__ import annotations

from collections.abc import Mapping

from .._api.errors import InvalidInput
from .bundle import Bundle, Relation
from .charm import PROVIDER, Charm
from .charm import Endpoint as CharmEndpoint
from .endpoints import End, inferred, parse
from .findings import Findings, quoted, quoted_list


def verify(bundle: Bundle, charms: Mapping[str, Charm | None] | None, findings: Findings) -> None:
    seen = set()
    for relation in bundle.relations:
        ends = _ends(relation, bundle, findings)
        if ends is None:
            continue
        if charms:
            ends = _fitting(relation, ends, bundle, charms, findings)
        pair = tuple(sorted(ends))
        if pair in seen:
            findings.problem(f"relation {quoted_list(relation.ends)} is defined more than once", relation.place)
        seen.add(pair)


def _ends(relation: Relation, bundle: Bundle, findings: Findings) -> tuple[End, End] | None:
    """The two ends as they are said, or None where not even that can be told."""
    shown = quoted_list(relation.ends)
    if len(relation.ends) != 2:
        findings.problem(f"relation {shown} has {len(relation.ends)} endpoint(s), not 2", relation.place)
        return None
    ends = [_end(text, relation, bundle, findings) for text in relation.ends]
    if ends[0] is None or ends[1] is None:
        return None
    if ends[0].application == ends[1].application:
        findings.problem(f"relation {shown} relates an application to itself", relation.place)
    return ends[0], ends[1]


def _end(text: str, relation: Relation, bundle: Bundle, findings: Findings) -> End | None:
    end = parse(text)
    if end is None:
        findings.problem(f"invalid relation syntax {quoted(text)}", relation.place)
        return None
    is_application, is_saas = end.application in bundle.applications, end.application in bundle.saas
    if is_application and is_saas:
        findings.problem(
            f"ambiguous relation {quoted(end.application)} refers to a application and a SAAS in this bundle",
            relation.place,
        )
    if not is_application and not is_saas and bundle.knows("applications", "saas"):
        findings.problem(
            f"relation {quoted_list(relation.ends)} refers to application {quoted(end.application)} not defined in this"
            " bundle",
            relation.place,
        )
    return end


def _fitting(
    relation: Relation,
    ends: tuple[End, End],
    bundle: Bundle,
    charms: Mapping[str, Charm | None],
    findings: Findings,
) -> tuple[End, End]:
    """The ends with the endpoints that the charms have for them, as far as that is known."""
    applications = [bundle.applications.get(end.application) for end in ends]
    if applications[0] is None or applications[1] is None or applications[0] is applications[1]:
        return ends
    found = [charms.get(application.charm) for application in applications if application is not None]
    if found[0] is None or found[1] is None:
        return ends
    try:
        ends = inferred(*ends, found[0], found[1])
    except InvalidInput as error:
        text = f"cannot infer endpoint between {ends[0]} and {ends[1]}: {error}"
        findings.problem(text, relation.place)
        return ends
    names = [application.charm for application in applications if application is not None]
    _check(
        relation,
        [(end, name, charm.related(end.endpoint)) for end, name, charm in zip(ends, names, found) if charm],
        findings,
    )
    return ends


def _check(relation: Relation, sides: list[tuple[End, str, CharmEndpoint | None]], findings: Findings) -> None:
    """sides: each end, its charm, and what the charm has of that name."""
    for end, charm, endpoint in sides:
        if endpoint is None:
            findings.problem(
                f"charm {quoted(charm)} used by application {quoted(end.application)} does not define relation"
                f" {quoted(end.endpoint)}",
                relation.place,
            )
    (end, _charm, one), (other_end, _other_charm, two) = sides
    if one is None or two is None:
        return
    if one.role == two.role:
        role = "provider" if one.role == PROVIDER else "requirer"
        text = f"relation {quoted(str(end))} to {quoted(str(other_end))} relates {role} to {role}"
        findings.problem(text, relation.place)
    elif one.interface != two.interface:
        if one.role != PROVIDER:
            end, other_end, one, two = other_end, end, two, one
        findings.problem(
            f"mismatched interface between {quoted(str(end))} and {quoted(str(other_end))} ({quoted(one.interface)} vs"
            f" {quoted(two.interface)})",
            relation.place,
        )
