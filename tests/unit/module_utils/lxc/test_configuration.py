# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the configuration of a classic container is read."""

from __future__ import annotations

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._lxc import configuration


@pytest.fixture
def read(tmp_path):
    """The configuration in a file of this text, as pairs."""

    def read(text: str) -> list[tuple[str, str]]:
        (tmp_path / "config").write_text(text)
        return [(entry.key, entry.value) for entry in configuration.read(str(tmp_path / "config"))]

    return read


def test_lines(read):
    assert read("# comment\n\n  lxc.uts.name=c1\nlxc.arch =\tx86_64  \n") == [
        ("lxc.uts.name", "c1"),
        ("lxc.arch", "x86_64"),
    ]


@pytest.mark.parametrize("text", ['"c 1"', "'c 1'"])
def test_quotes(read, text):
    assert read(f"lxc.uts.name = {text}") == [("lxc.uts.name", "c 1")]


def test_the_last_one_counts(read):
    assert read("lxc.uts.name = a\nlxc.uts.name = b\n") == [("lxc.uts.name", "b")]


def test_repeated_keys_add_up(read):
    assert read("lxc.cap.drop = a\nlxc.cap.drop = b c\n") == [("lxc.cap.drop", "a"), ("lxc.cap.drop", "b c")]


def test_an_empty_value_takes_back_what_was_said(read):
    assert read("lxc.cap.drop = a\nlxc.cap.drop =\nlxc.cap.drop = b\n") == [("lxc.cap.drop", "b")]


def test_includes(read, tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "2.conf").write_text("lxc.environment = B=2\n")
    (tmp_path / "more" / "1.conf").write_text("lxc.environment = A=1\n")
    (tmp_path / "more" / "README").write_text("no configuration\n")
    (tmp_path / "one").write_text(f"lxc.include = {tmp_path}/more\n")
    found = read(f"lxc.include = {tmp_path}/one\nlxc.environment = C=3\nlxc.include = {tmp_path}/nosuch/\n")
    assert [value for key, value in found if key == "lxc.environment"] == ["A=1", "B=2", "C=3"]


def test_include_that_is_not_there(read, tmp_path):
    with pytest.raises(InvalidInput, match="nosuch cannot be read: No such file"):
        read(f"lxc.include = {tmp_path}/nosuch")


def test_files_that_include_each_other(read, tmp_path):
    with pytest.raises(InvalidInput, match="includes it in turn"):
        read(f"lxc.include = {tmp_path}/config")


def test_line_that_is_none(read, tmp_path):
    with pytest.raises(InvalidInput, match=r"config:2 is no line"):
        read("lxc.arch = x86_64\nnonsense\n")


def test_map():
    entries = [
        configuration.Entry("lxc.uts.name", "c1", "config:1"),
        configuration.Entry("lxc.cap.drop", "a", "config:2"),
        configuration.Entry("lxc.cap.drop", "b", "config:3"),
        configuration.Entry("lxc.include", "/usr/share/lxc/config/common.conf", "config:4"),
        configuration.Entry("lxc.pty.max", "1024", "common.conf:1", shipped=True),
    ]
    assert configuration.as_map(entries) == {"lxc.uts.name": "c1", "lxc.cap.drop": ["a", "b"]}
