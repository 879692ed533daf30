# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML, and where in it something stands."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle import document
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.findings import Findings


@pytest.fixture(params=["libyaml", "python"])
def load(request, directory, monkeypatch):
    """The documents of a text and the problems with it, by either of PyYAML's parsers."""
    if request.param == "python":
        monkeypatch.delattr(yaml, "CSafeLoader")
    elif not yaml.__with_libyaml__:
        pytest.skip("this PyYAML has no libyaml")

    def call(text):
        findings = Findings()
        found = document.documents(directory.write("file.yaml", text), findings)
        return found, [(finding.place.line, finding.text) for finding in findings.problems]

    return call


def test_every_value_knows_its_line(load):
    (first, second), problems = load(
        """\
        a: 1
        list:
          - x
          - y
        ---
        b:
          c: {d: e}
        """
    )
    assert not problems
    assert first.at("a").line == 1
    assert first.at("list").line == 2
    assert [each.place.line for each in first.entries["list"].data] == [3, 4]
    assert second.at("b", "c", "d").line == 7
    assert second.at("b", "nothing").line == 6
    assert first.plain() == {"a": 1, "list": ["x", "y"]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", 2),
        ("'2'", "2"),
        ("yes", True),
        ("~", None),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("-2.E+1", -20.0),
        ("'1e3'", "1e3"),
        ("!!str 1e3", "1e3"),
        ("1e3x", "1e3x"),
        ("0x10", 16),
        ("22:22", "22:22"),  # no number in base 60
        ("22:22.5", "22:22.5"),
        ("2026-11-24", "2026-11-24"),
        ("!!str 5", "5"),
        ("=", "="),
    ],
)
def test_scalars(load, text, value):
    (found,), problems = load(f"key: {text}")
    assert found.plain() == {"key": value} and not problems
    assert type(found.entries["key"].data) is type(value)


def test_a_number_is_kept_as_it_was_written(load):
    (found,), _problems = load("0: 010")
    assert found.entries["0"].text == "010"


def test_anchors_and_merge_keys(load):
    (found,), problems = load(
        """\
        base: &base {charm: x, num_units: 1}
        more: &more {expose: true, charm: z}
        one: {<<: *base, num_units: 2}
        two: {<<: [*base, *more]}
        three: *base
        """
    )
    assert not problems
    assert found.plain()["one"] == {"charm": "x", "num_units": 2}
    assert found.plain()["two"] == {"charm": "x", "num_units": 1, "expose": True}
    assert found.plain()["three"] == {"charm": "x", "num_units": 1}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", 3, "not YAML"),
        ("a: 1\n\tb: 2\n", 2, "not YAML: a tab where there has to be a space"),
        ("a: \x07\n", 1, "not YAML"),
        ("a: 1\nb: *nobody\n", 2, "not YAML"),
        ("a: 1\nb: 2\na: 3\n", 3, '"a" is said twice: here, and in line 1'),
        ("a:\n  ? [x]\n  : 1\n", 2, "a key has to be a text or a number"),
        ("a: !vault secret\n", 1, "no use for the tag !vault"),
        ("a: !!int x\n", 1, "is not what its tag"),
        ("a: !!bool x\n", 1, "is not what its tag"),
        ("a:\n  <<: 5\n", 2, "<< takes a map"),
    ],
)
def test_what_is_wrong_with_the_file(load, text, line, words):
    _found, problems = load(text)
    assert [each[0] for each in problems] == [line]
    assert words in problems[0][1]


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 150 + "]" * 150,
        "a: " + "[" * 900 + "]" * 900,
        "a: &a [*a]",
        "a: &a {<<: *a}",
        "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)),
        "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40)),
    ],
)
def test_more_than_there_can_be(load, text):
    found, problems = load(text)
    assert found is None
    assert problems == [(1, "the YAML is nested too deeply, or its aliases stand for too much")]


def test_no_text(directory):
    path = directory.path / "file.yaml"
    path.write_bytes(b"a: 1\nb: \xff\n")
    findings = Findings()
    assert document.documents(str(path), findings) is None
    assert [(each.place.line, each.text) for each in findings.problems] == [(2, "the file is not text in UTF-8")]


def test_no_file(directory):
    for path in (directory.path, directory.path / "missing.yaml"):
        with pytest.raises(InvalidInput, match="cannot be read"):
            document.documents(str(path), Findings())


def test_no_library(directory, monkeypatch):
    monkeypatch.setattr(document, "yaml", None)
    with pytest.raises(InvalidInput, match="PyYAML"):
        document.documents(directory.write("file.yaml", "a: 1"), Findings())
