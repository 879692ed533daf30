# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups in files: what they say of themselves, and what is planned for them."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile

import pytest
from backup_files import SETTINGS, backup, index, members, tarball

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._api.server import INCUS, LXD, Server
from ansible_collections.flotilla.lxd.plugins.module_utils._resources import backup_adapt, backup_file, backup_plan
from ansible_collections.flotilla.lxd.plugins.module_utils._resources.backup_file import inspect
from ansible_collections.flotilla.lxd.plugins.module_utils._resources.backup_plan import (
    Export,
    ExportObserved,
    Import,
    ImportObserved,
    plan_export,
    plan_import,
)
from ansible_collections.flotilla.lxd.plugins.module_utils._resources.whole_file import whole_file


@pytest.fixture
def file(tmp_path):
    return inspect(backup(tmp_path / "b.tar.gz"))


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_whole_backup_says_what_it_is(tmp_path, mode):
    path = backup(tmp_path / "b", mode=mode)
    found = inspect(path)
    assert found.index.name == "c1" and found.index.uuid == "u1" and found.index.profiles == ("default",)
    assert found.index.snapshots == ("s1",) and found.index.optimized is False
    assert found.index.created_at == "2026-11-24T13:35:46.556358826Z"
    content = (tmp_path / "b").read_bytes()
    assert found.sha256 == hashlib.sha256(content).hexdigest() and found.size == len(content)


def test_an_optimized_backup_has_files_in_place_of_trees(tmp_path):
    about = index(optimized=True, backend="btrfs")
    content = {
        "backup/index.yaml": members(about)["backup/index.yaml"],
        "backup/snapshots/s1.bin": b"1",
        "backup/container.bin": b"2",
    }
    (tmp_path / "b").write_bytes(tarball(content))
    found = inspect(str(tmp_path / "b"))
    assert found.index.optimized is True and found.index.backend == "btrfs" and not found.settings


def without(name):
    return {path: content for path, content in members().items() if not path.startswith(name)}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "is empty"),
        (b"hello" * 200, "is no backup: it is no tarball"),
        (tarball({"metadata.yaml": b"{}"}), "holds no backup/index.yaml"),
        (tarball({"backup/index.yaml": b"{{{"}), "is no YAML"),
        (tarball({"backup/index.yaml": b"- 1"}), "names no container"),
        (tarball(without("backup/container")), "the container itself is not in it"),
        (tarball(without("backup/snapshots")), "snapshot s1 is not in it"),
        (tarball(members())[:-20], "is cut off"),
        (tarball(members(), "w")[:4000], "is cut off"),
        (b"hsqs" + bytes(600), "squashfs"),
    ],
)
def test_what_is_no_whole_backup(tmp_path, content, text):
    path = tmp_path / "b"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=text) as caught:
        inspect(str(path))
    assert str(path) in str(caught.value)


def test_what_nothing_here_can_read(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda program: None)
    (tmp_path / "b").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(600))
    with pytest.raises(InvalidInput, match="nothing to read with"):
        inspect(str(tmp_path / "b"))
    with pytest.raises(InvalidInput, match="cannot be read: No such file"):
        inspect(str(tmp_path / "none"))


def instance(name="c1", uuid="u1", **config):
    return {"name": name, "config": {"volatile.uuid": uuid, **config}}


def exported(content, file=None, problem=None, predicting=False, **options):
    wanted = Export(**{"name": "c1", "dest": "/srv/b", **options})
    return plan_export(wanted, ExportObserved("foo", content, file, problem), predicting=predicting)


def test_export_of_what_is_not_there_yet():
    (step,) = exported(instance(), compression="zstd", instance_only=True).steps
    assert (step.method, step.path) == ("POST", "/1.0/instances/c1/backups")
    assert step.payload == {"instance_only": True, "optimized_storage": False, "compression_algorithm": "zstd"}
    assert "compression_algorithm" not in exported(instance()).steps[0].payload


def test_a_backup_of_the_same_container_is_left(file):
    assert exported(instance(), file).steps == ()
    # Also when the container has gone, which is what backups are for.
    assert exported(None, file).steps == ()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"content": instance("c2"), "name": "c2"}, "backup of container c1. force: true"),
        ({"content": instance(uuid="u2")}, "another container c1, which has been there before"),
        (
            {"content": instance(), "file": None, "problem": InvalidInput("backup file /srv/b is empty")},
            "is empty. force",
        ),
        ({"content": None, "file": None}, "there is no container c1 to export"),
    ],
)
def test_what_is_not_exported(file, options, text):
    with pytest.raises(InvalidInput, match=text):
        exported(**{"file": file, **options})


def test_in_check_mode_the_container_may_yet_come():
    plan = exported(None, predicting=True)
    assert len(plan.steps) == 1 and "no container c1" in plan.warnings[0]


def imported(file, content=None, name="c1", pool=None, **seen):
    seen = {"pools": {"default": "dir", "fast": "btrfs"}, "profiles": frozenset({"default"}), **seen}
    return plan_import(Import(name, pool), ImportObserved("foo", file, content, **seen))


def test_import(file):
    (step,) = imported(file).steps
    assert step.action == "import"
    assert imported(file, instance(**{backup_plan.MARK: file.sha256})).steps == ()
    assert len(imported(file, pool="fast").steps) == 1
    assert len(imported(file, unknown=["volatile.uuid.generation"]).steps) == 1


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"content": instance()}, "did not come from"),
        ({"content": instance(**{backup_plan.MARK: "0" * 64})}, "did not come from"),
        ({"pool": "nope"}, "no storage pool nope: there are default, fast"),
        ({"profiles": frozenset()}, "profile default, which is not there"),
    ],
)
def test_what_is_not_imported(file, options, text):
    with pytest.raises(InvalidInput, match=text):
        imported(file, **options)


def test_the_format_of_a_driver_needs_a_pool_of_it(tmp_path):
    content = {**members(index(optimized=True, backend="btrfs", snapshots=[])), "backup/container.bin": b"2"}
    del content["backup/container/backup.yaml"]
    (tmp_path / "b").write_bytes(tarball(content))
    file = inspect(str(tmp_path / "b"))
    assert len(imported(file, pool="fast").steps) == 1
    # A pool that is not there: the server takes that of a profile, which only it knows.
    assert len(imported(file, pools={"other": "dir"}).steps) == 1
    with pytest.raises(InvalidInput, match="pool default is of dir: only one of btrfs"):
        imported(file)
    with pytest.raises(InvalidInput, match="make one without"):
        imported(file, pool="fast", unknown=["volatile.uuid.generation"])


def test_interim_names_are_names_and_the_same_again():
    assert backup_plan.interim_name("web1", "0123456789abcdef") == "web1-import-01234567"
    long = backup_plan.interim_name("a" * 46 + "-" * 3 + "b" * 14, "f" * 64)
    assert len(long) <= 63 and "--" not in long


def test_config_once_imported():
    config = {
        "user.a": "1",
        "volatile.uuid": "u1",
        "volatile.uuid.generation": "g",
        "volatile.eth0.hwaddr": "00:16:3e:00:00:01",
        "volatile.base_image": "f",
        "volatile.last_state.power": "RUNNING",
        "volatile.cloud-init.instance-id": "i",
        backup_plan.MARK: "old",
    }
    alone = backup_plan.config_once_imported(config, "new", is_twin=False)
    assert alone == {**{key: value for key, value in config.items() if "power" not in key}, backup_plan.MARK: "new"}
    beside = backup_plan.config_once_imported(config, "new", is_twin=True)
    assert beside == {"user.a": "1", "volatile.base_image": "f", backup_plan.MARK: "new"}


def test_keys_that_a_server_does_not_know(file):
    def server(kind, *extensions):
        return Server(kind, True, frozenset(extensions))

    assert backup_adapt.unknown_keys(file.index, server(LXD)) == ["volatile.uuid.generation"]
    assert backup_adapt.unknown_keys(file.index, server(INCUS, "instance_generation_id")) == []


@pytest.mark.parametrize("size", [1, 7, 100, 512, 10_000_000])
def test_unknown_keys_become_comments_and_nothing_moves(tmp_path, size):
    path = backup(tmp_path / "b", mode="w")
    content = (tmp_path / "b").read_bytes()
    pieces = (content[at : at + size] for at in range(0, len(content), size))
    edited = b"".join(backup_adapt.edited(pieces, inspect(path).settings, [r"volatile\.uuid\.generation"]))
    assert len(edited) == len(content)
    with tarfile.open(fileobj=io.BytesIO(edited)) as new, tarfile.open(path) as old:
        for member in old.getmembers():
            was, now = old.extractfile(member).read(), new.extractfile(member.name).read()
            if member.name.endswith("backup.yaml"):
                assert now.decode() == SETTINGS.replace("    volatile.uuid.generation", "    #olatile.uuid.generation")
            else:
                assert now == was


def test_an_identity_is_taken_out_everywhere():
    text = b"config:\n  a: volatile.uuid\n  volatile.eth0.hwaddr: x\n  volatile.uuid: y\n  volatile.uuid_x: z\n"
    (edited,) = backup_adapt.edited(iter([text]), range(len(text)), backup_file.IDENTITY)
    assert edited == text.replace(b"  volatile.eth0", b"  #olatile.eth0").replace(
        b"  volatile.uuid:", b"  #olatile.uuid:"
    )


@pytest.mark.parametrize("keys", [[], [r"volatile\.uuid"]])
def test_a_file_is_sent_unpacked(tmp_path, keys):
    file, plain = inspect(backup(tmp_path / "b")), tarball(members(), "w")
    sent = b"".join(backup_adapt.unpacked_without(file, keys))
    assert len(sent) == file.unpacked_size == len(plain)
    assert (sent == plain) is (not keys)


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path):
    path = tmp_path / "b"
    with whole_file(str(path)) as file:
        file.write(b"half")
    assert os.listdir(tmp_path) == []
    path.write_bytes(b"old")
    with whole_file(str(path)) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
        file.keep()
    assert path.read_bytes() == b"new" and os.listdir(tmp_path) == ["b"]
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_what_a_killed_run_left_is_written_over_and_another_run_is_not_disturbed(tmp_path):
    path = tmp_path / "b"
    (tmp_path / ".b.part").write_bytes(b"left over from before")
    with whole_file(str(path)) as file:
        file.write(b"new")
        with pytest.raises(InvalidInput, match="another run"), whole_file(str(path)):
            pass
        file.keep()
    assert path.read_bytes() == b"new"


def test_what_cannot_be_written_is_said(tmp_path):
    with pytest.raises(InvalidInput, match="No such file or directory"), whole_file(str(tmp_path / "none" / "b")):
        pass
