# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Relations: that each has two ends which are there, fit, and are not said twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from .._api.errors import InvalidInput
from .bundle import Bundle, Relation
from .charm import PROVIDER, Charm
from .charm import Endpoint as CharmEndpoint
from .endpoints import End, charm_of, inferred, parse
from .findings import Findings, quoted, quoted_list


def verify(bundle: Bundle, charms: Mapping[str, Charm | None] | None, findings: Findings) -> None:
    seen: set[tuple[End, ...]] = set()
    related: Counter[End] = Counter()
    for relation in bundle.relations:
        ends = _ends(relation, bundle, findings)
        if ends is None:
            continue
        pair = tuple(sorted(_fitting(relation, ends, bundle, charms, findings)))
        if pair in seen:
            findings.problem(f"relation {quoted_list(relation.ends)} is defined more than once", relation.place)
            continue
        seen.add(pair)
        related.update(pair)
        for end in pair:
            limit = _limit(end, charm_of(end, bundle, charms))
            if limit and related[end] > limit:
                text = f"relation {quoted_list(relation.ends)} would exceed the limit of {limit} that {end} has"
                findings.problem(text, relation.place)


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
            f"ambiguous relation {quoted(end.application)} refers to an application and a SAAS in this bundle",
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
    charms: Mapping[str, Charm | None] | None,
    findings: Findings,
) -> tuple[End, End]:
    """The ends with the endpoints that the charms have for them, as far as that is known."""
    charm, other = (charm_of(end, bundle, charms) for end in ends)
    if charm is None or other is None or ends[0].application == ends[1].application:
        return ends
    try:
        ends = inferred(*ends, charm, other)
    except InvalidInput as error:
        text = f"cannot infer endpoint between {ends[0]} and {ends[1]}: {error}"
        findings.problem(text, relation.place)
        return ends
    sides = [(end, each.related(end.endpoint)) for end, each in zip(ends, (charm, other))]
    for end, endpoint in sides:
        if endpoint is None:
            name = bundle.applications[end.application].charm
            findings.problem(
                f"charm {quoted(name)} used by application {quoted(end.application)} does not define relation"
                f" {quoted(end.endpoint)}",
                relation.place,
            )
    _check(relation, sides, findings)
    return ends


def _limit(end: End, charm: Charm | None) -> int | None:
    """In how many relations an endpoint can be, if its charm says so."""
    endpoint = charm.related(end.endpoint) if charm is not None else None
    return endpoint.limit if endpoint is not None else None


def _check(relation: Relation, sides: list[tuple[End, CharmEndpoint | None]], findings: Findings) -> None:
    """That the endpoints of the two ends go together."""
    (end, one), (other_end, two) = sides
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
