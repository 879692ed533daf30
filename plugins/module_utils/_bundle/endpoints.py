# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ends of a relation: read, and where only the application is named, found by the charms' interfaces."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from .._api.errors import InvalidInput
from .bundle import Bundle, Relation
from .charm import JUJU_INFO, PEER, PROVIDER, REQUIRER, Charm
from .charm import Endpoint as CharmEndpoint
from .findings import quoted
from .names import APPLICATION, ENDPOINT, is_application

_FORM = re.compile(f"({APPLICATION}):({ENDPOINT})")
_COUNTERPART = {PROVIDER: REQUIRER, REQUIRER: PROVIDER}


@dataclass(frozen=True, order=True)
class End:
    """endpoint is empty where it is left to the charms."""

    application: str
    endpoint: str = ""

    def __str__(self) -> str:
        return f"{self.application}:{self.endpoint}" if self.endpoint else self.application


def parse(text: str) -> End | None:
    """None for what is no end of a relation."""
    match = _FORM.fullmatch(text)
    if match is not None:
        return End(*match.groups())
    return End(text) if is_application(text) else None


def resolved(relation: Relation, bundle: Bundle, charms: Mapping[str, Charm | None] | None) -> tuple[End, End]:
    """The two ends of a relation that is right, with the endpoints as far as the charms tell."""
    first, second = (parse(text) or End(text) for text in relation.ends)
    charm, other = (charm_of(end, bundle, charms) for end in (first, second))
    return (first, second) if charm is None or other is None else inferred(first, second, charm, other)


class Relations:
    """Relations to be found again by their ends, whichever is first."""

    def __init__(self, relations: Iterable[tuple[End, End]]) -> None:
        self._between: dict[frozenset[str], list[tuple[End, End]]] = {}
        for pair in relations:
            self._between.setdefault(_applications(pair), []).append(pair)

    def has(self, ends: tuple[End, End]) -> bool:
        """Whether one of them is this one. An end that names no endpoint is content with any."""
        return any(_is_content(ends, there) for there in self._between.get(_applications(ends), ()))

    def has_for(self, there: tuple[End, End]) -> bool:
        """The same where it is they that may name no endpoint."""
        return any(_is_content(ends, there) for ends in self._between.get(_applications(there), ()))


def ends_of(relation: tuple[str, str]) -> tuple[End, End]:
    """Of a relation that is there, as a model has it."""
    first, second = relation
    return parse(first) or End(first), parse(second) or End(second)


def _applications(ends: tuple[End, End]) -> frozenset[str]:
    return frozenset(end.application for end in ends)


def _is_content(ends: tuple[End, End], there: tuple[End, End]) -> bool:
    return any(
        all(
            end.application == other.application and end.endpoint in ("", other.endpoint)
            for end, other in zip(ends, pair)
        )
        for pair in (there, there[::-1])
    )


def charm_of(end: End, bundle: Bundle, charms: Mapping[str, Charm | None] | None) -> Charm | None:
    """What is known of the charm of an end's application."""
    application = bundle.applications.get(end.application)
    return charms.get(application.charm) if charms and application is not None else None


def inferred(first: End, second: End, charm: Charm, other: Charm) -> tuple[End, End]:
    """The ends with both endpoints. Raises InvalidInput where none fit, or more than one pair does."""
    if first.endpoint and second.endpoint:
        return first, second
    pairs = [
        (one, two)
        for one in _possible(first, charm)
        for two in _possible(second, other)
        if one.interface == two.interface and _COUNTERPART[one.role] == two.role
    ]
    explicit = [pair for pair in pairs if not (pair[0].is_implicit or pair[1].is_implicit)]
    if len(pairs) > 1 and len(explicit) == 1:
        pairs = explicit
    if not pairs:
        raise InvalidInput("no relations found")
    if len(pairs) > 1:
        keys = sorted(
            quoted(" ".join(sorted((f"{first.application}:{one.name}", f"{second.application}:{two.name}"))))
            for one, two in pairs
        )
        raise InvalidInput(f"ambiguous relation: {first} {second} could refer to {'; '.join(keys)}")
    return End(first.application, pairs[0][0].name), End(second.application, pairs[0][1].name)


def _possible(end: End, charm: Charm) -> Iterator[CharmEndpoint]:
    for endpoint in (*charm.endpoints.values(), JUJU_INFO):
        if endpoint.role != PEER and end.endpoint in ("", endpoint.name):
            yield endpoint
