# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images are asked for, and which containers are behind what their image's alias stands for."""

from __future__ import annotations

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._resources import drift
from ansible_collections.flotilla.lxd.plugins.module_utils._resources.drift import report
from ansible_collections.flotilla.lxd.plugins.module_utils._resources.image_listing import Wanted, select

OLD, NEW, NEWER, OTHER = "01" * 32, "02" * 32, "03" * 32, "a" * 64
DEBIAN = {"os": "Debian", "release": "bookworm", "variant": "default", "architecture": "amd64"}


def image(fingerprint, *aliases, created="2026-01-01T00:00:00Z", **more):
    return {
        "fingerprint": fingerprint,
        "aliases": [{"name": name, "description": ""} for name in aliases],
        "properties": DEBIAN,
        "created_at": created,
        "type": "container",
        "architecture": "x86_64",
        "public": False,
        **more,
    }


def container(name="c1", base=OLD, **more):
    config = {f"image.{key}": value for key, value in more.pop("properties", DEBIAN).items()}
    config |= {"volatile.base_image": base} if base else {}
    return {"name": name, "project": "p", "type": "container", "config": config, **more}


def one(stored, made):
    (found,) = report(stored, [made])
    assert found.base_image == made["config"]["volatile.base_image"]
    return found


def test_an_image_that_still_has_an_alias():
    found = one([image(NEW, "x"), image(OLD, "b", "a")], container())
    assert (found.state, found.alias, found.image) == ("current", "a", OLD)
    assert (found.container, found.project, found.reason) == ("c1", "p", "alias a stands for its image")


@pytest.mark.parametrize("kept", [[image(OLD)], []])
def test_an_alias_that_has_moved_on(kept):
    found = one([*kept, image(NEW, "debian/12"), image(OTHER, "busybox", properties={"os": "Busybox"})], container())
    assert (found.state, found.alias, found.image) == ("drifted", "debian/12", NEW)
    gone = "no alias stands for its image any more" if kept else "its image is no longer in the store"
    assert found.reason == f"{gone}, and alias debian/12 stands for another one of Debian bookworm default amd64"


def test_the_newest_of_those_that_are_alike():
    stored = [image(NEWER, "b", created="2026-03-01T00:00:00Z"), image(NEW, "a", created="2026-02-01T00:00:00Z")]
    found = one(stored, container())
    assert (found.alias, found.image) == ("b", NEWER)
    assert found.reason.endswith(", the newest of 2")


@pytest.mark.parametrize(
    "other",
    [
        {"properties": {**DEBIAN, "release": "trixie"}},
        {"properties": {**DEBIAN, "variant": "cloud"}},
        {"properties": {key: DEBIAN[key] for key in ("os", "release", "architecture")}},
        {"properties": None},
        {"type": "virtual-machine"},
    ],
)
def test_no_alias_to_compare_with(other):
    found = one([image(OLD), image(NEW, "x", **other)], container())
    assert (found.state, found.alias, found.image) == ("unknown", None, None)
    assert found.reason.endswith("none that has an alias is of Debian bookworm default amd64")


def test_an_image_that_said_nothing_of_itself():
    found = one([image(NEW, "x", properties={})], container(properties={"variant": "default"}))
    assert found.state == "unknown" and "neither os nor release" in found.reason


def test_only_containers_made_from_an_image():
    assert [found.container for found in report([], [container("a"), container("b", base=None)])] == ["a"]


class Store:
    """Answers as a server with three projects does, and keeps what it was asked."""

    def __init__(self, asked, project=None):
        self.asked, self.project = asked, project

    def scoped(self, *, project):
        return Store(self.asked, project)

    def send(self, method, where, *, doing, query):
        return self.get(where, doing=doing, **query)

    def get(self, where, *, doing, **query):
        self.asked.append((where, self.project))
        answers = {
            "/1.0/projects": [
                {"name": "default", "config": {"features.images": "true"}},
                {"name": "own", "config": {"features.images": "true"}},
                {"name": "shared", "config": {"features.images": "false"}},
            ],
            "/1.0/instances": [
                container(f"{project}-{number}", project=project)
                for number in range(20)
                for project in ("shared", "own", "default")
            ],
            "/1.0/images": [image(OLD, "old")] if self.project == "own" else [image(NEW, "new")],
        }
        return type("Reply", (), {"metadata": answers[where]})


def test_all_projects_are_asked_for_once_by_their_images():
    asked = []
    found = drift.of_all_projects(Store(asked))
    assert len(asked) == 4 and len(found) == 60
    assert {(one.project, one.state) for one in found} == {
        ("default", "drifted"),
        ("own", "current"),
        ("shared", "drifted"),
    }


STORED = [
    image(OLD, "a/b", public=True, properties={"os": "Debian", "release": "12"}),
    image(NEW, "0101", type="virtual-machine", auto_update=True, architecture="aarch64"),
    image(OTHER, cached=True, properties=None),
]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [OLD, NEW, OTHER]),
        ({"name": "a/b"}, [OLD]),
        ({"name": "01"}, [OLD]),
        # An alias goes before the beginning of a fingerprint.
        ({"name": "0101"}, [NEW]),
        ({"name": "010101"}, [OLD]),
        ({"name": "a"}, [OTHER]),
        ({"name": "a", "public": True}, []),
        ({"name": "none"}, []),
        ({"properties": {"os": "Debian", "release": 12}}, [OLD]),
        ({"properties": {"os": "Debian", "variant": None}}, [OLD]),
        ({"properties": {"variant": "default"}}, [NEW]),
        ({"architecture": "x86_64"}, [OLD, OTHER]),
        ({"architecture": "arm64"}, [NEW]),
        ({"type": "virtual-machine"}, [NEW]),
        ({"public": True}, [OLD]),
        ({"public": False}, [NEW, OTHER]),
        ({"cached": True}, [OTHER]),
        ({"auto_update": True, "type": "container"}, []),
    ],
)
def test_images_asked_for(wanted, found):
    assert [one["fingerprint"] for one in select(STORED, Wanted(**wanted))] == found


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ({"name": "0"}, f"image 0 may be {OLD} or {NEW}: say more of the fingerprint"),
        ({"properties": {"os": ["Debian"]}}, "property os: a value has to be text"),
        ({"architecture": "pdp11"}, "architecture pdp11 is unknown"),
    ],
)
def test_images_that_cannot_be_asked_for(wanted, text):
    with pytest.raises(InvalidInput, match=text):
        select(STORED, Wanted(**wanted))
