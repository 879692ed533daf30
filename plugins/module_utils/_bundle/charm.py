# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Charms: what a role that plays one says of itself in ``meta/charm.yml``, and its options in ``meta/argument_specs.yml``.

Source: metadata.yaml of Juju's charms, whose keys these are; meta.go of its charm library says what is refused.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from . import charm_storage
from .charm_storage import CharmStorage
from .document import Value, documents
from .findings import Findings, Place, quoted

PROVIDER, REQUIRER, PEER = "provider", "requirer", "peer"
GLOBAL, CONTAINER = "global", "container"
_SECTIONS = {"provides": PROVIDER, "requires": REQUIRER, "peers": PEER}


@dataclass(frozen=True)
class Endpoint:
    """One end of a relation, as a charm has it. role: provider, requirer or peer; scope: global or container."""

    name: str
    role: str
    interface: str
    scope: str = GLOBAL
    optional: bool = False
    limit: int | None = None

    @property
    def is_implicit(self) -> bool:
        """Whether every charm has it, without saying so."""
        return self == JUJU_INFO


JUJU_INFO = Endpoint("juju-info", PROVIDER, "juju-info")


@dataclass(frozen=True)
class Option:
    """An argument of the role. variable: its name there; type: in Ansible's words; choices: none if anything will do."""

    variable: str
    type: str = "str"
    default: Any = None
    choices: tuple[Any, ...] = ()
    no_log: bool = False


@dataclass(frozen=True)
class Charm:
    """options: by the name that a bundle has for them; None where the role does not say what it takes."""

    name: str
    summary: str = ""
    subordinate: bool = False
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    extra_bindings: frozenset[str] = frozenset()
    options: Mapping[str, Option] | None = None
    storage: Mapping[str, CharmStorage] = field(default_factory=dict)

    def related(self, name: str) -> Endpoint | None:
        """The endpoint of this name that a relation can be made with: a peer's is made by itself."""
        endpoint = self.endpoints.get(name, JUJU_INFO if name == JUJU_INFO.name else None)
        return None if endpoint is None or endpoint.role == PEER else endpoint

    def option(self, name: str) -> Option | None:
        """Variables have ``_`` where the options of charms have ``-``."""
        options = self.options or {}
        return options.get(name, options.get(name.replace("-", "_")))


def read(directory: str, findings: Findings) -> Charm | None:
    """The charm that a role plays; None where it does not say, or says it wrongly. Raises InvalidInput."""
    path = os.path.join(directory, "meta", "charm.yml")
    if not os.path.isfile(path):
        return None
    before = len(findings.problems)
    content = _map_in(path, findings)
    charm = _Reader(os.path.basename(os.path.abspath(directory)), findings).charm(content, options(directory, findings))
    return charm if len(findings.problems) == before else None


def _map_in(path: str, findings: Findings) -> Value:
    content = (documents(path, findings) or [Value({}, Place(path, 1))])[0]
    if content.data is not None and not isinstance(content.data, dict):
        findings.problem(f"the file has to be a map, and is {content.kind}", content.place)
    return content


def options(directory: str, findings: Findings) -> dict[str, Option] | None:
    """What a role takes, by the names that a bundle has for them; None where it does not say. Raises InvalidInput.

    A role's variables begin with its name; the options of a charm do not.
    """
    prefix = f"{os.path.basename(os.path.abspath(directory))}_"
    for name in ("argument_specs.yml", "argument_specs.yaml"):
        path = os.path.join(directory, "meta", name)
        if os.path.isfile(path):
            value = _map_in(path, findings)
            for key in ("argument_specs", "main", "options"):
                value = value.entries.get(key, Value({}, value.place))
            return {
                variable[len(prefix) :] if variable.startswith(prefix) else variable: _option(variable, each)
                for variable, each in value.entries.items()
            }
    return None


def _option(variable: str, value: Value) -> Option:
    items = value.entries
    kind = items["type"].text if "type" in items else "str"
    said = {key: items[key].plain() for key in ("default", "choices", "no_log") if key in items}
    choices = said.get("choices")
    return Option(
        variable,
        kind,
        said.get("default"),
        tuple(choices) if isinstance(choices, list) else (),
        said.get("no_log") is True,
    )


class _Reader:
    """Reads and checks one charm.yml."""

    def __init__(self, name: str, findings: Findings) -> None:
        self._name = name
        self._findings = findings

    def charm(self, content: Value, options: dict[str, Option] | None) -> Charm:
        items = content.entries
        self._name = items["name"].text if "name" in items else self._name
        subordinate = "subordinate" in items and self._flag(items["subordinate"], "subordinate")
        endpoints: dict[str, Endpoint] = {}
        for section, role in _SECTIONS.items():
            for name, value in self._map(items.get(section), section).items():
                endpoint = self._endpoint(name, role, value, f"{section}.{name}")
                self._check(endpoint, value.place, subordinate)
                if name in endpoints:
                    self._problem(f"using a duplicated relation name: {quoted(name)}", value.place)
                endpoints[name] = endpoint
        if subordinate and not any(each.role == REQUIRER and each.scope == CONTAINER for each in endpoints.values()):
            self._findings.problem(
                f'subordinate charm {quoted(self._name)} lacks "requires" relation with container scope',
                content.at("subordinate"),
            )
        storage = {
            name: charm_storage.read(
                name, replace(value, data=self._map(value, f"storage.{name}")), self._name, self._findings
            )
            for name, value in self._map(items.get("storage"), "storage").items()
        }
        bindings = frozenset(self._map(items.get("extra-bindings"), "extra-bindings"))
        summary = items["summary"].text if "summary" in items else ""
        return Charm(self._name, summary, subordinate, endpoints, bindings, options, storage)

    def _endpoint(self, name: str, role: str, value: Value, path: str) -> Endpoint:
        if isinstance(value.data, str):
            return Endpoint(name, role, value.data)
        items = self._map(value, path)
        interface, scope, limit = items.get("interface"), items.get("scope"), items.get("limit")
        if interface is None or not isinstance(interface.data, str):
            self._findings.problem(f"metadata: {path}.interface: has to be a text", value.at("interface"))
        if scope is not None and scope.data not in (None, GLOBAL, CONTAINER):
            self._findings.problem(f"metadata: {path}.scope: unexpected value {quoted(scope.text)}", scope.place)
        if limit is not None and type(limit.data) not in (int, type(None)):
            self._findings.problem(f"metadata: {path}.limit: unexpected value {quoted(limit.text)}", limit.place)
        return Endpoint(
            name,
            role,
            interface.text if interface is not None else "",
            scope.text if scope is not None and scope.data else GLOBAL,
            "optional" in items and self._flag(items["optional"], f"{path}.optional"),
            limit.data if limit is not None and isinstance(limit.data, int) else None,
        )

    def _check(self, endpoint: Endpoint, place: Place, subordinate: bool) -> None:
        """That the names which mean something to Juju mean the same here."""
        joins_principal = subordinate and endpoint.role == REQUIRER and endpoint.scope == CONTAINER
        if self._reserved(endpoint.name) and not joins_principal:
            self._problem(f"using a reserved relation name: {quoted(endpoint.name)}", place)
        if self._reserved(endpoint.interface) and endpoint.role != REQUIRER:
            self._problem(
                f"relation {quoted(endpoint.name)} using a reserved interface: {quoted(endpoint.interface)}", place
            )

    def _reserved(self, name: str) -> bool:
        return not self._name.startswith("juju-") and (name == "juju" or name.startswith("juju-"))

    def _map(self, value: Value | None, path: str) -> dict[str, Value]:
        if value is not None and value.data is not None and not isinstance(value.data, dict):
            self._findings.problem(f"metadata: {path}: has to be a map, and is {value.kind}", value.place)
        return value.entries if value is not None else {}

    def _flag(self, value: Value, path: str) -> bool:
        if not isinstance(value.data, bool):
            self._findings.problem(f"metadata: {path}: expected bool, got {value.kind}", value.place)
        return value.data is True

    def _problem(self, text: str, place: Place) -> None:
        self._findings.problem(f"charm {quoted(self._name)} {text}", place)
