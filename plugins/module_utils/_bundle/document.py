# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML files as trees in which every value knows its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .._api.errors import InvalidInput
from .findings import Findings, Place, quoted

try:
    import yaml
except ImportError:
    yaml = None  # type: ignore[assignment]

# No bundle has that many values, or levels; a few aliases of aliases do.
_MOST_VALUES = 200_000
_MOST_LEVELS = 100
# As much of a text is enough to find it by.
_SHOWN = 40
# A number in Juju's YAML, where YAML 1.1 asks for a point and a sign in it.
_WITH_EXPONENT = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)[eE][-+]?\d+\Z")
_TAG = "tag:yaml.org,2002:"
_KINDS = {dict: "a map", list: "a list", bool: "true or false", int: "a number", float: "a number", str: "a text"}


class _TooLarge(Exception):
    pass


@dataclass(frozen=True)
class Value:
    """A value and where it stands; in a map, where its key does.

    data: a map of names to Values, a list of Values, or what a scalar stands for. text: a scalar as it was written.
    """

    data: Any
    place: Place
    text: str = ""

    @property
    def kind(self) -> str:
        """In words, for messages."""
        if self.data is None:
            return "empty"
        words = _KINDS[type(self.data)]
        if not isinstance(self.data, (str, int, float)):
            return words
        return f"{words}, {quoted(self.text if len(self.text) <= _SHOWN else f'{self.text[:_SHOWN]}...')}"

    @property
    def entries(self) -> dict[str, Value]:
        """The entries of a map; of anything else, none."""
        return self.data if isinstance(self.data, dict) else {}

    def at(self, *keys: str) -> Place:
        """Where an entry stands, or as much of the way to it as there is."""
        inner = self.entries.get(keys[0]) if keys else None
        return inner.at(*keys[1:]) if inner is not None else self.place

    def plain(self) -> Any:
        """As a YAML library would give it."""
        if isinstance(self.data, dict):
            return {key: value.plain() for key, value in self.data.items()}
        return [value.plain() for value in self.data] if isinstance(self.data, list) else self.data


def documents(path: str, findings: Findings) -> list[Value] | None:
    """The YAML documents of a file; None, and a problem, where it is not YAML. Raises InvalidInput for no file at all."""
    content = _read(path)
    if yaml is None:
        raise InvalidInput(f"{path} is YAML, and this Python has no PyYAML to read it: install it there")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = Place(path, content.count(b"\n", 0, error.start) + 1)
        findings.problem("the file is not text in UTF-8", place)
        return None
    reader = _Reader(path, findings)
    try:
        nodes = yaml.compose_all(text, Loader=_loader())
        return [reader.value(node) for node in nodes]
    except yaml.reader.ReaderError as error:
        findings.problem(f"not YAML: {error.reason}", Place(path, text.count("\n", 0, error.position) + 1))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = "a tab where there has to be a space" if mark and _character(text, mark) == "\t" else error.problem
        findings.problem(f"not YAML: {what}", Place(path, mark.line + 1 if mark else 1))
    except (_TooLarge, RecursionError):
        findings.problem("the YAML is nested too deeply, or its aliases stand for too much", Place(path, 1))
    return None


def _loader() -> Any:
    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # which one is known at run time
        pass

    Loader.add_implicit_resolver(f"{_TAG}float", _WITH_EXPONENT, list("-+.0123456789"))
    return Loader


def _character(text: str, mark: Any) -> str:
    """The one at a mark, which may be behind the last."""
    return "".join(text.split("\n")[mark.line : mark.line + 1])[mark.column : mark.column + 1]


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from error


class _Reader:
    """Turns PyYAML's nodes of one file into Values."""

    def __init__(self, file: str, findings: Findings) -> None:
        self._file = file
        self._findings = findings
        self._count = 0
        self._level = 0
        constructor = yaml.constructor.SafeConstructor()
        self._scalars = {
            "null": lambda node: None,
            "bool": constructor.construct_yaml_bool,
            "int": constructor.construct_yaml_int,
            "float": constructor.construct_yaml_float,
        }

    def value(self, node: Any, place: Place | None = None) -> Value:
        self._count += 1
        self._level += 1
        if self._count > _MOST_VALUES or self._level > _MOST_LEVELS:
            raise _TooLarge
        place = place or self._place(node)
        if isinstance(node, yaml.MappingNode):
            value = Value(self._map(node), place)
        elif isinstance(node, yaml.SequenceNode):
            value = Value([self.value(each) for each in node.value], place)
        else:
            value = Value(self._scalar(node), place, node.value)
        self._level -= 1
        return value

    def _map(self, node: Any) -> dict[str, Value]:
        entries: dict[str, Value] = {}
        inherited: dict[str, Value] = {}
        for key, content in node.value:
            if key.tag == f"{_TAG}merge":
                for each in self._merged(content):
                    inherited = {**self._map(each), **inherited}
            elif not isinstance(key, yaml.ScalarNode):
                self._findings.problem("a key has to be a text or a number", self._place(key))
            elif key.value in entries:
                first = entries[key.value].place.line
                self._findings.problem(
                    f"{quoted(key.value)} is said twice: here, and in line {first}", self._place(key)
                )
            else:
                entries[key.value] = self.value(content, self._place(key))
        return {**inherited, **entries}

    def _merged(self, node: Any) -> Iterator[Any]:
        for each in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if isinstance(each, yaml.MappingNode):
                self._count += 1
                if self._count > _MOST_VALUES:
                    raise _TooLarge
                yield each
            else:
                self._findings.problem("<< takes a map, or a list of maps", self._place(each))

    def _scalar(self, node: Any) -> Any:
        name = node.tag[len(_TAG) :] if node.tag.startswith(_TAG) else node.tag
        # Juju's YAML knows no number in base 60: 22:22 is a text there. Dates are texts too.
        if name in ("str", "timestamp", "value") or (name in ("int", "float") and ":" in node.value):
            return node.value
        if name not in self._scalars:
            self._findings.problem(f"a bundle has no use for the tag {node.tag}", self._place(node))
            return node.value
        try:
            return self._scalars[name](node)
        except (ValueError, KeyError):
            self._findings.problem(f"{quoted(node.value)} is not what its tag {node.tag} says", self._place(node))
            return node.value

    def _place(self, node: Any) -> Place:
        return Place(self._file, node.start_mark.line + 1)
