# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bundle says, once it is read and merged: the terms are Juju's, as are the names of the fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any

from .document import Value
from .findings import Place

# What bundles call the fields that are not only written with - for _ there.
_KEYS = {"kind": "bundle", "num_units": "num_units"}
EVERYTHING = "*"
KUBERNETES = "kubernetes"


@dataclass(frozen=True)
class Part:
    """What all parts of a bundle have in common.

    source: the part as it stands in the files. broken: the fields that are there and could not be understood, which are
    problems of their own, so that nothing is to be concluded from their having no value here.
    """

    source: Value = field(compare=False, repr=False)
    broken: frozenset[str] = field(default=frozenset(), compare=False, repr=False)

    def knows(self, *names: str) -> bool:
        """Whether these fields say what the bundle does."""
        return self.broken.isdisjoint({EVERYTHING, *names})

    def at(self, *keys: str) -> Place:
        """Where a field, or an entry of one, stands in the files."""
        return self.source.at(*keys)

    def as_dict(self) -> dict[str, Any]:
        """As a bundle file would say it, without what is empty."""
        content = {}
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name not in ("source", "broken", "name") and value != _default(one):
                content[_KEYS.get(one.name, one.name.replace("_", "-"))] = _plain(value)
        return content


@dataclass(frozen=True)
class ExposedEndpoint(Part):
    """From where the ports of an endpoint may be reached."""

    expose_to_spaces: tuple[str, ...] = ()
    expose_to_cidrs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Offer(Part):
    """Endpoints that other models may relate to. acl: user to access."""

    endpoints: tuple[str, ...] = ()
    acl: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Saas(Part):
    """An offer of another model, by its URL."""

    url: str = ""


@dataclass(frozen=True)
class Machine(Part):
    """A machine that units are placed on by its number."""

    constraints: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)
    series: str = ""
    base: str = ""


@dataclass(frozen=True)
class Application(Part):
    """An application: a charm, how often, where, and with which options.

    to has a placement for each unit, as far as there are any; constraints, storage and devices are Juju's texts.
    """

    name: str = ""
    charm: str = ""
    channel: str = ""
    revision: int | None = None
    series: str = ""
    base: str = ""
    resources: Mapping[str, Any] = field(default_factory=dict)
    num_units: int = 0
    to: tuple[str, ...] = ()
    expose: bool = False
    exposed_endpoints: Mapping[str, ExposedEndpoint] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    constraints: str = ""
    storage: Mapping[str, str] = field(default_factory=dict)
    devices: Mapping[str, str] = field(default_factory=dict)
    bindings: Mapping[str, str] = field(default_factory=dict)
    offers: Mapping[str, Offer] = field(default_factory=dict)
    plan: str = ""
    trust: bool = False

    @property
    def exposed(self) -> bool:
        return self.expose or bool(self.exposed_endpoints)


@dataclass(frozen=True)
class Relation:
    """Two ends, each an application or application:endpoint. What is not a pair is kept, to be told of."""

    ends: tuple[str, ...]
    place: Place = field(compare=False)


@dataclass(frozen=True)
class Bundle(Part):
    """kind is empty, or ``kubernetes``."""

    kind: str = ""
    applications: Mapping[str, Application] = field(default_factory=dict)
    machines: Mapping[str, Machine] = field(default_factory=dict)
    saas: Mapping[str, Saas] = field(default_factory=dict)
    series: str = ""
    default_base: str = ""
    relations: tuple[Relation, ...] = ()
    tags: tuple[str, ...] = ()
    description: str = ""

    @property
    def is_kubernetes(self) -> bool:
        return self.kind == KUBERNETES

    def as_dict(self) -> dict[str, Any]:
        """Juju leaves out the machines that a bundle for Kubernetes must not have."""
        content = super().as_dict()
        return {key: each for key, each in content.items() if not (self.is_kubernetes and key == "machines")}


def _default(one: Field[Any]) -> Any:
    return one.default if one.default_factory is MISSING else one.default_factory()


def _plain(value: Any) -> Any:
    if isinstance(value, Part):
        return None if value.source.data is None else value.as_dict()
    if isinstance(value, Relation):
        return list(value.ends)
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value
