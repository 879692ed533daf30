# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that is full, where images come to or where they go: nothing half-made, and a second run completes."""

from __future__ import annotations

import os
import subprocess
import tarfile

import pytest
from image_files import archive, metadata, sha256
from private_daemon import private_daemon

from lab.settings import INCUS, LXD

MODULE = "flotilla.lxd.image"
KINDS = {"lxd-a": LXD, "incus-a": INCUS}


@pytest.fixture
def large(tmp_path):
    """An image of 20 MB that does not compress."""
    path = tmp_path / "large.tar"
    (tmp_path / "metadata.yaml").write_bytes(metadata())
    (tmp_path / "noise").write_bytes(os.urandom(20_000_000))
    with tarfile.open(path, "w") as tar:
        tar.add(tmp_path / "metadata.yaml", "metadata.yaml")
        tar.add(tmp_path / "noise", "rootfs/noise")
    return path


@pytest.fixture
def small_disk(tmp_path):
    """A directory with room for a megabyte, and a function that gives it so many."""
    directory = tmp_path / "small"
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(directory)], check=True)
    yield (
        directory,
        lambda megabytes: subprocess.run(["mount", "-o", f"remount,size={megabytes}m", str(directory)], check=True),
    )
    subprocess.run(["umount", str(directory)], check=True)


@pytest.mark.parametrize("remote", sorted(KINDS))
def test_on_the_server(remote, tmp_path, large, local_tasks):
    little = tmp_path / "little.tar.gz"
    archive(little, {"metadata.yaml": metadata(), "rootfs/etc/issue": b"x"})
    with private_daemon(KINDS[remote], megabytes=16) as socket:
        run = local_tasks(
            [
                {"name": "full", MODULE: {"url": socket, "name": "a", "file": str(large)}, "ignore_errors": True},
                {"name": "after", "flotilla.lxd.image_info": {"url": socket}},
                {"name": "fits", MODULE: {"url": socket, "name": "a", "file": str(little)}},
            ]
        )
    assert run.result("full")["failed"]
    assert "import image" in run.result("full")["msg"] and "no space left" in run.result("full")["msg"]
    assert run.result("after")["images"] == []
    assert run.result("fits")["actions"] == ["import", "alias"]


def test_where_it_is_exported_to(remote, name, large, small_disk, local_tasks):
    directory, give = small_disk
    image, export = {"remote": remote, "name": name}, {"state": "exported", "dest": f"{directory}/"}
    try:
        run = local_tasks(
            [{MODULE: {**image, "file": str(large)}}, {"name": "full", MODULE: {**image, **export}}], fails=True
        )
        assert "No space left on device" in run.result("full")["msg"] and str(directory) in run.result("full")["msg"]
        assert list(directory.iterdir()) == []
        give(30)
        run = local_tasks([{"name": "fits", MODULE: {**image, **export}}])
        assert run.result("fits")["actions"] == ["export"]
        assert [path.name for path in directory.iterdir()] == [f"{sha256(large)}.tar"]
    finally:
        local_tasks([{MODULE: {**image, "state": "absent"}}])
