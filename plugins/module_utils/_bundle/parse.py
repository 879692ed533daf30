# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The merged document as a Bundle. What has the wrong form is a problem, what nobody knows a warning; the rest is read on."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Callable, TypeVar

from .bundle import EVERYTHING, Application, Bundle, ExposedEndpoint, Machine, Offer, Part, Relation, Saas
from .document import Value
from .findings import Findings, quoted

_P = TypeVar("_P", bound=Part)


class _IllTyped(Exception):
    """The value is not what the words say it has to be."""

    def __init__(self, value: Value, wanted: str) -> None:
        super().__init__(wanted)
        self.value = value


def bundle_from(document: Value, findings: Findings) -> Bundle:
    """What a document says, as far as it can be understood: a value of the wrong type is a problem, and is left out."""
    if not isinstance(document.data, dict):
        if document.data is not None:
            findings.problem(f"a bundle has to be a map of keys, and this is {document.kind}", document.place)
        return Bundle(document, frozenset({EVERYTHING}))
    return _Parser(findings).part(Bundle, _BUNDLE, document, "the bundle")


class _Parser:
    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def part(self, kind: Callable[..., _P], readers: Mapping[str, _Reader], value: Value, what: str) -> _P:
        """One part of a bundle, from its map of fields. what: its name for messages."""
        content: dict[str, Any] = {}
        broken = set()
        for key, each in value.entries.items():
            if key not in readers:
                similar = difflib.get_close_matches(key, readers, n=1)
                hint = f": did you mean {similar[0]}?" if similar else ""
                text = f"{what} has the field {quoted(key)}, which bundles do not have{hint}"
                self._findings.warn(text, each.place)
                continue
            name = "kind" if key == "bundle" else key.replace("-", "_")
            try:
                content[name] = readers[key](self, each)
            except _IllTyped as error:
                broken.add(name)
                text = f"{key} of {what} has to be {error}, and is {error.value.kind}"
                self._findings.problem(text, error.value.place)
        return kind(value, frozenset(broken), **content)

    def parts(self, kind: Callable[..., _P], readers: Mapping[str, _Reader], noun: str, value: Value) -> dict[str, _P]:
        """Parts by their names. One that has no body says nothing."""
        parts = {}
        for name, each in self.entries(value).items():
            label = f"{noun} {quoted(name)}"
            if isinstance(each.data, dict):
                parts[name] = self.part(kind, readers, each, label)
                continue
            parts[name] = kind(each, frozenset() if each.data is None else frozenset({EVERYTHING}))
            if each.data is not None:
                self._findings.problem(f"{label} has to be a map, and is {each.kind}", each.place)
        return parts

    def applications(self, value: Value) -> dict[str, Application]:
        parts = self.parts(Application, _APPLICATION, "application", value)
        # A base application without a body is told of where documents are merged.
        without_body = {name for name, part in parts.items() if part.source.data is None}
        return {
            name: replace(part, name=name, broken=frozenset({EVERYTHING}) if name in without_body else part.broken)
            for name, part in parts.items()
        }

    def relations(self, value: Value) -> tuple[Relation, ...]:
        if not isinstance(value.data, (list, type(None))):
            raise _IllTyped(value, "a list")
        relations = []
        for each in value.data or ():
            try:
                relations.append(Relation(self.texts(each), each.place))
            except _IllTyped as error:
                there = each.kind if error.value is each else f"a list with {error.value.kind} in it"
                self._findings.problem(
                    f"a relation has to be a list of two ends, application or application:endpoint, and is {there}",
                    each.place,
                )
        return tuple(relations)

    def text(self, value: Value) -> str:
        if isinstance(value.data, (dict, list)):
            raise _IllTyped(value, "a text")
        return "" if value.data is None else value.text

    def flag(self, value: Value) -> bool:
        if not isinstance(value.data, (bool, type(None))):
            raise _IllTyped(value, "true or false")
        return bool(value.data)

    def number(self, value: Value) -> int:
        if value.data is None:
            return 0
        if not isinstance(value.data, int) or isinstance(value.data, bool):
            raise _IllTyped(value, "a whole number")
        return value.data

    def revision(self, value: Value) -> int | None:
        return None if value.data is None else self.number(value)

    def texts(self, value: Value) -> tuple[str, ...]:
        if not isinstance(value.data, (list, type(None))):
            raise _IllTyped(value, "a list")
        try:
            return tuple(self.text(each) for each in value.data or ())
        except _IllTyped as error:
            raise _IllTyped(error.value, "a list of texts") from error

    def entries(self, value: Value) -> dict[str, Value]:
        if not isinstance(value.data, (dict, type(None))):
            raise _IllTyped(value, "a map")
        return value.entries

    def text_map(self, value: Value) -> dict[str, str]:
        entries = self.entries(value)
        try:
            return {key: self.text(each) for key, each in entries.items()}
        except _IllTyped as error:
            raise _IllTyped(error.value, "a map of texts") from error

    def values(self, value: Value) -> dict[str, Any]:
        return {key: each.plain() for key, each in self.entries(value).items()}

    def exposed(self, value: Value) -> dict[str, ExposedEndpoint]:
        return self.parts(ExposedEndpoint, _EXPOSED, "exposed endpoint", value)

    def offers(self, value: Value) -> dict[str, Offer]:
        return self.parts(Offer, _OFFER, "offer", value)

    def machines(self, value: Value) -> dict[str, Machine]:
        return self.parts(Machine, _MACHINE, "machine", value)

    def saas(self, value: Value) -> dict[str, Saas]:
        return self.parts(Saas, _SAAS, "SAAS", value)


_Reader = Callable[[_Parser, Value], Any]
_EXPOSED: Mapping[str, _Reader] = {"expose-to-spaces": _Parser.texts, "expose-to-cidrs": _Parser.texts}
_OFFER: Mapping[str, _Reader] = {"endpoints": _Parser.texts, "acl": _Parser.text_map}
_SAAS: Mapping[str, _Reader] = {"url": _Parser.text}
_MACHINE: Mapping[str, _Reader] = {
    "constraints": _Parser.text,
    "annotations": _Parser.text_map,
    "series": _Parser.text,
    "base": _Parser.text,
}
_APPLICATION: Mapping[str, _Reader] = {
    "charm": _Parser.text,
    "channel": _Parser.text,
    "revision": _Parser.revision,
    "series": _Parser.text,
    "base": _Parser.text,
    "resources": _Parser.values,
    "num_units": _Parser.number,
    "to": _Parser.texts,
    "expose": _Parser.flag,
    "exposed-endpoints": _Parser.exposed,
    "options": _Parser.values,
    "annotations": _Parser.text_map,
    "constraints": _Parser.text,
    "storage": _Parser.text_map,
    "devices": _Parser.text_map,
    "bindings": _Parser.text_map,
    "offers": _Parser.offers,
    "plan": _Parser.text,
    "trust": _Parser.flag,
}
_BUNDLE: Mapping[str, _Reader] = {
    "bundle": _Parser.text,
    "applications": _Parser.applications,
    "machines": _Parser.machines,
    "saas": _Parser.saas,
    "series": _Parser.text,
    "default-base": _Parser.text,
    "relations": _Parser.relations,
    "tags": _Parser.texts,
    "description": _Parser.text,
}
