# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images there are, and which containers are behind them, on a real LXD and a real Incus."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time
import uuid

import pytest

INFO = "flotilla.lxd.image_info"


@pytest.fixture
def image(remote, name, command_line):
    """A property and an alias of the test's own; every image that has the property is removed afterwards."""
    yield name
    for each in json.loads(command_line(remote, "image", "list", f"{remote}:", "--format=json")):
        if each["properties"].get("os") == name:
            command_line(remote, "image", "delete", f"{remote}:{each['fingerprint']}")


@pytest.fixture
def versions(tmp_path, image):
    """Two versions of an image, as files: paths and fingerprints."""
    made = []
    for version in ("first", "second"):
        # Any two runs make other images, and the second is the younger.
        date = int(time.time()) - (10**6 if version == "first" else 0)
        metadata = f"architecture: x86_64\ncreation_date: {date}\nproperties: {{os: {image}, release: '1'}}\n"
        path = tmp_path / f"{version}.tar"
        with tarfile.open(path, "w") as tar:
            for name, content in [("metadata.yaml", metadata), ("rootfs/etc/issue", f"{version} {uuid.uuid4()}")]:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content.encode()))
        made.append((str(path), hashlib.sha256(path.read_bytes()).hexdigest()))
    return made


def test_drift(remote, image, versions, local_tasks):
    """A container drifts when its alias moves on, and is current again once it is made anew."""
    (first, old), (second, new) = versions

    def imported(file):
        return {"flotilla.lxd.image": {"remote": remote, "name": f"{image}/a", "file": file}}

    def made(name):
        return {"flotilla.lxd.container": {"remote": remote, "name": name, "image": f"{image}/a", "state": "present"}}

    def looked(title):
        return {"name": title, INFO: {"remote": remote, "drift": True}}

    run = local_tasks(
        [
            imported(first),
            made(f"{image}-1"),
            looked("current"),
            imported(second),
            made(f"{image}-2"),
            looked("drifted"),
            {"name": "everywhere", INFO: {"remote": remote, "drift": True, "all_projects": True}},
            {"name": "without", INFO: {"remote": remote, "properties": {"os": image}}},
            {"flotilla.lxd.container": {"remote": remote, "name": f"{image}-1", "state": "absent"}},
            made(f"{image}-1"),
            looked("made anew"),
        ]
    )

    def found(title):
        listed = [one for one in run.result(title)["drift"] if one["container"].startswith(image)]
        assert all(one["alias"] == f"{image}/a" and one["project"] == "default" for one in listed)
        return [(one["container"], one["base_image"], one["image"], one["state"]) for one in listed]

    assert found("current") == [(f"{image}-1", old, old, "current")]
    both = [(f"{image}-1", old, new, "drifted"), (f"{image}-2", new, new, "current")]
    assert found("drifted") == both
    assert found("everywhere") == both
    assert found("made anew") == [(f"{image}-1", new, new, "current"), (f"{image}-2", new, new, "current")]
    assert "drift" not in run.result("without")
    assert {one["fingerprint"] for one in run.result("without")["images"]} == {old, new}


def test_drift_with_the_old_image_gone_and_in_a_project(remote, image, versions, local_tasks, command_line):
    """A project without images of its own uses the default one's, and a container outlives its image."""
    (first, old), (second, new) = versions
    project = f"{image}-p"
    command_line(remote, "project", "create", f"{remote}:{project}", "-c", "features.images=false")
    try:
        here = {"remote": remote, "project": project}
        alias = {**here, "name": image}
        container = {**here, "name": image, "image": image, "state": "present"}
        pools = json.loads(command_line(remote, "storage", "list", f"{remote}:", "--format=json"))
        disk = {"root": {"type": "disk", "path": "/", "pool": pools[0]["name"]}}
        run = local_tasks(
            [
                {"flotilla.lxd.image": {**alias, "file": first}},
                {"flotilla.lxd.container": {**container, "devices": disk}},
                {"flotilla.lxd.image": {**alias, "state": "absent"}},
                {"name": "unknown", INFO: {**here, "drift": True}},
                {"flotilla.lxd.image": {**alias, "file": second}},
                {"name": "drifted", INFO: {"remote": remote, "drift": True, "all_projects": True}},
            ]
        )
        (unknown,) = run.result("unknown")["drift"]
        assert (unknown["state"], unknown["base_image"], unknown["image"]) == ("unknown", old, None)
        assert "is no longer in the store" in unknown["reason"]
        (drifted,) = (one for one in run.result("drifted")["drift"] if one["project"] == project)
        assert (drifted["state"], drifted["alias"], drifted["image"]) == ("drifted", image, new)
    finally:
        command_line(remote, "delete", "--project", project, f"{remote}:{image}", check=False)
        command_line(remote, "project", "delete", f"{remote}:{project}")


def test_images_asked_for(remote, image, versions, local_tasks):
    (first, old), (second, new) = versions
    cases = {
        "alias": ({"name": f"{image}/b"}, {new}),
        "beginning": ({"name": old[:20]}, {old}),
        "none": ({"name": f"{image}/c"}, set()),
        "properties": ({"properties": {"os": image, "release": 1}}, {old, new}),
        "public": ({"properties": {"os": image}, "public": True, "type": "container"}, {new}),
        "architecture": ({"properties": {"os": image}, "architecture": "amd64"}, {old, new}),
        "other architecture": ({"properties": {"os": image}, "architecture": "aarch64"}, set()),
        "cached": ({"properties": {"os": image}, "cached": True}, set()),
        "updated": ({"properties": {"os": image}, "auto_update": False}, {old, new}),
    }
    refused = {
        "unknown architecture": ({"architecture": "pdp11"}, "architecture pdp11 is unknown"),
        "no drift": ({"all_projects": True}, "missing: drift"),
        "no project": ({"project": f"{image}-x"}, "Project not found"),
    }
    run = local_tasks(
        [
            {"flotilla.lxd.image": {"remote": remote, "name": f"{image}/a", "file": first}},
            {"flotilla.lxd.image": {"remote": remote, "name": f"{image}/b", "file": second, "public": True}},
            *({"name": title, INFO: {"remote": remote, **options}} for title, (options, _found) in cases.items()),
            *(
                {"name": title, INFO: {"remote": remote, **options}, "ignore_errors": True}
                for title, (options, _text) in refused.items()
            ),
        ]
    )
    for title, (_options, found) in cases.items():
        assert {one["fingerprint"] for one in run.result(title)["images"]} == found, title
    for title, (_options, text) in refused.items():
        assert run.result(title)["failed"] and text in run.result(title)["msg"], (title, run.result(title))
