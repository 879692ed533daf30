# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with an image's metadata, and what a user may write of it."""

from __future__ import annotations

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._images import metadata

GOOD = {"architecture": "x86_64", "creation_date": 1767225600}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"architecture": "arm64"},
        {"expiry_date": 0},
        {"properties": None},
        {"properties": {"os": "Debian"}},
        {"templates": {"/etc/hostname": {"when": ["create", "copy", "start"], "template": "hostname.tpl"}}},
    ],
)
def test_good_metadata(more):
    assert metadata.problems({**GOOD, **more}) == []


@pytest.mark.parametrize(
    ("more", "phrase"),
    [
        ({"architecture": None}, "architecture is missing"),
        ({"architecture": "pdp11"}, "architecture 'pdp11' is unknown"),
        ({"creation_date": 0}, "creation_date is missing"),
        ({"creation_date": "today"}, "creation_date is 'today'"),
        ({"creation_date": -1}, "creation_date is -1"),
        ({"creation_date": 1767225600000}, "not from 1970 to 9999"),
        ({"expiry_date": 253402300799}, "not from 1970 to 9999"),
        ({"properties": ["os"]}, "properties is no map of texts"),
        ({"properties": {"release": 12}}, "properties is no map of texts"),
        ({"templates": ["/etc/hostname"]}, "templates is no map of paths"),
        (
            {"templates": {"etc/hostname": {"when": ["create"], "template": "a"}}},
            "its path is not a plain absolute one",
        ),
        ({"templates": {"/etc/../x": {"when": ["create"], "template": "a"}}}, "its path is not a plain absolute one"),
        ({"templates": {"/etc/x": {"when": ["reboot"], "template": "a"}}}, "when is ['reboot']"),
        ({"templates": {"/etc/x": {"when": ["start"], "template": "../a"}}}, "template is '../a'"),
        ({"templates": {"/etc/x": None}}, "it is no map"),
    ],
)
def test_each_problem_is_a_phrase(more, phrase):
    (found,) = metadata.problems({**GOOD, **more})
    assert phrase in found


def test_no_map():
    assert metadata.problems("architecture: x86_64") == ["it is no map of keys and values"]


def test_templates_of_a_user():
    templates = metadata.templates_from({"/etc/motd": {"content": "x", "when": "start"}, "/etc/hosts": None})
    assert templates == {"/etc/motd": metadata.Template("x", ("start",)), "/etc/hosts": None}


@pytest.mark.parametrize(
    ("entry", "phrase"),
    [
        ("x", "has no content"),
        ({"when": ["start"]}, "has no content"),
        ({"content": "x", "template": "y"}, "template is none of"),
        ({"content": "x", "when": []}, "when is []"),
        ({"content": "x", "create_only": "maybe"}, "create_only is 'maybe'"),
        ({"content": "x", "properties": {"a": ["b"]}}, "property a is no text"),
    ],
)
def test_bad_templates_of_a_user(entry, phrase):
    with pytest.raises(InvalidInput) as error:
        metadata.templates_from({"/etc/motd": entry})
    assert "/etc/motd" in str(error.value) and phrase in str(error.value)


def test_architectures():
    assert metadata.kernel_architecture("x86_64") == "x86_64"
    assert metadata.kernel_architecture("arm64") == "aarch64"
    with pytest.raises(InvalidInput):
        metadata.kernel_architecture("pdp11")
