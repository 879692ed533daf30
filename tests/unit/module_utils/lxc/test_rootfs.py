# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory as a stream that is a unified image."""

from __future__ import annotations

import io
import json
import os
import tarfile

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._lxc.configuration import Entry
from ansible_collections.flotilla.lxd.plugins.module_utils._lxc.idmap import IdMap
from ansible_collections.flotilla.lxd.plugins.module_utils._lxc.rootfs import Rootfs


def of(path: str) -> Rootfs:
    return Rootfs.of([Entry("lxc.rootfs.path", path, "config:1")])


@pytest.fixture
def root(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "one").write_text("x" * 1000)
    os.link(tmp_path / "etc" / "one", tmp_path / "etc" / "two")
    (tmp_path / "etc" / "link").symlink_to("/etc/one")
    with open(tmp_path / "sparse", "wb") as stream:
        stream.truncate(64 * 1024 * 1024)
    return tmp_path


def test_image(root):
    content = b"".join(of(f"dir:{root}").image({"architecture": "x86_64"}))
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        members = {member.name: member for member in tar}
        assert json.load(tar.extractfile("metadata.yaml")) == {"architecture": "x86_64"}
    assert next(iter(members)) == "metadata.yaml"
    assert members["rootfs"].isdir()
    assert members["rootfs/etc/two"].islnk() and members["rootfs/etc/two"].linkname == "rootfs/etc/one"
    assert members["rootfs/etc/link"].linkname == "/etc/one"
    assert members["rootfs/sparse"].size == 64 * 1024 * 1024
    assert len(content) < 1024 * 1024


def test_image_of_what_is_gone(root):
    rootfs = of(f"dir:{root}")
    root.rename(root.with_name("elsewhere"))
    with pytest.raises(InvalidInput, match="cannot be packed"):
        list(rootfs.image({}))


@pytest.mark.parametrize("path", ["{}", "dir:{}", "btrfs:{}", "{}/"])
def test_places(root, path):
    assert of(path.format(root)).path == str(root)


@pytest.mark.parametrize("path", ["overlay:/a:/b", "lvm:/dev/vg/c1", "zfs:pool/c1", "dir:relative"])
def test_places_that_are_no_directories(path):
    with pytest.raises(InvalidInput, match="only a directory can be read"):
        of(path)


def test_place_that_is_not_there(tmp_path):
    with pytest.raises(InvalidInput, match="nosuch .config:1. is not there"):
        of(f"dir:{tmp_path}/nosuch")
    with pytest.raises(InvalidInput, match="no lxc.rootfs.path"):
        Rootfs.of([])


def test_numbers_that_the_kernel_maps(root):
    lines = {"lxc.rootfs.path": f"dir:{root}", "lxc.idmap": "u 0 100000 65536"}
    assert not Rootfs.of([Entry(key, value, "config:1") for key, value in lines.items()]).ids.is_empty
    lines["lxc.rootfs.options"] = "idmap=container"
    assert Rootfs.of([Entry(key, value, "config:1") for key, value in lines.items()]).ids.is_empty


def test_survey(root):
    mine = os.lstat(root)
    lines = [f"u 0 {mine.st_uid} 1", f"g 0 {mine.st_gid} 1"]
    ids = IdMap.parse([Entry("lxc.idmap", line, "config:1") for line in lines])
    found = Rootfs(str(root), ids).survey()
    assert found.strangers == []
    assert 0 < found.size < 1024 * 1024


def test_survey_finds_strangers(root):
    ids = IdMap.parse([Entry("lxc.idmap", "u 0 4000000 1", "config:1")])
    found = Rootfs(str(root), ids).survey()
    assert len(found.strangers) == 5
    mine = os.lstat(root)
    assert found.strangers[0] == f"/ of {mine.st_uid}:{mine.st_gid}"
