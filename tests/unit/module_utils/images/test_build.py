# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building an image out of a tree, as any user and without a server."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tarfile

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import DeadlineExceeded, InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._images import archive, build, pack
from ansible_collections.flotilla.lxd.plugins.module_utils._images.metadata import Template

MINUTE = 60


@pytest.fixture
def tree(tmp_path):
    directory = tmp_path / "tree"
    (directory / "etc").mkdir(parents=True)
    (directory / "etc" / "issue").write_text("hello")
    os.link(directory / "etc" / "issue", directory / "etc" / "issue.net")
    (directory / "bin").symlink_to("./usr/bin")
    return directory


@pytest.fixture
def dest(tmp_path):
    return tmp_path / "image"


@pytest.fixture
def make(tree, dest):
    def call(source=tree, check=False, timeout=MINUTE, **options):
        wanted = build.Wanted(dest=str(dest), **options)
        return build.build(wanted, archive.rootfs_source(str(source), str(dest)), Deadline(timeout), check=check)

    return call


def left_over(dest) -> list[str]:
    return [name for name in os.listdir(dest.parent) if name not in ("tree", "image")]


def test_a_split_image(make, dest):
    predicted = make(check=True, creation_date=1767225600, properties={"os": "Ours"})
    assert predicted.changed and predicted.fingerprint is None and not dest.exists()
    built = make(creation_date=1767225600, properties={"os": "Ours"})
    assert built.metadata == predicted.metadata
    assert built.paths == (str(dest / "metadata.tar.gz"), str(dest / "rootfs.tar.gz"))
    files = b"".join((dest / name).read_bytes() for name in ("metadata.tar.gz", "rootfs.tar.gz"))
    assert built.fingerprint == hashlib.sha256(files).hexdigest()
    with tarfile.open(dest / "metadata.tar.gz") as tar:
        assert json.load(tar.extractfile("metadata.yaml")) == built.metadata
    with tarfile.open(dest / "rootfs.tar.gz") as tar:
        assert tar.getmember("./etc/issue.net").linkname == "./etc/issue"
        assert tar.getmember("./bin").linkname == "./usr/bin"
    again = make(creation_date=1767225600, properties={"os": "Ours"})
    assert not again.changed and again.fingerprint == built.fingerprint and again.metadata == built.metadata
    # The same inputs, dates included, have the same bytes.
    anew = make(creation_date=1767225600, properties={"os": "Ours"}, rebuild=True)
    assert anew.changed and anew.fingerprint == built.fingerprint
    assert left_over(dest) == []


def test_a_unified_image_and_one_out_of_it(make, dest, tmp_path):
    make(format="unified", compression="xz", templates={"/etc/motd": Template("{{ container.name }}")})
    with tarfile.open(dest / "image.tar.xz") as tar:
        assert tar.getnames()[0] == "metadata.yaml" and "templates/etc-motd.tpl" in tar.getnames()
        assert tar.getmember("rootfs/etc/issue.net").linkname == "rootfs/etc/issue"
        assert tar.getmember("rootfs/bin").linkname == "./usr/bin"
    (tmp_path / "tree2").mkdir()
    subprocess.run(["tar", "-xf", dest / "image.tar.xz", "-C", tmp_path / "tree2"], check=True)
    # Laid over: what is named anew, and nothing else.
    built = make(tmp_path / "tree2", templates={"/etc/x": Template("x")}, properties={"os": "Ours"})
    assert set(built.metadata["templates"]) == {"/etc/motd", "/etc/x"}
    with tarfile.open(dest / "metadata.tar.gz") as tar:
        assert {"templates/etc-motd.tpl", "templates/etc-x.tpl"} <= {*tar.getnames()}
    with tarfile.open(dest / "rootfs.tar.gz") as tar:
        assert "./etc/issue" in tar.getnames()
    assert not (dest / "image.tar.xz").exists()  # the last build's


@pytest.mark.parametrize("change", ["content", "mode", "link", "file"])
def test_a_changed_tree_is_built_anew(make, tree, change):
    make()
    if change == "content":
        (tree / "etc" / "issue").write_text("other")
    elif change == "mode":
        (tree / "etc" / "issue").chmod(0o600)
    elif change == "link":
        (tree / "bin").unlink()
        (tree / "bin").symlink_to("./usr/sbin")
    else:
        (tree / "etc" / "new").touch()
    assert make().changed
    assert not make().changed


def test_damage_is_mended_and_other_files_stay(make, dest):
    dest.mkdir()
    (dest / "notes").write_text("mine")
    make()
    (dest / "rootfs.tar.gz").write_text("damaged")
    assert make().changed
    (dest / "metadata.tar.gz").unlink()
    assert make().changed
    assert not make().changed
    assert (dest / "notes").read_text() == "mine"


def test_what_somebody_else_made_is_not_replaced(make, dest):
    dest.mkdir()
    (dest / "rootfs.tar.gz").write_text("theirs")
    with pytest.raises(InvalidInput, match="somebody else's"):
        make()
    assert (dest / "rootfs.tar.gz").read_text() == "theirs"


def test_nothing_is_left_of_a_build_that_fails(make, dest, monkeypatch):
    make()
    before = {path.name: path.read_bytes() for path in dest.iterdir()}
    with pytest.raises(DeadlineExceeded):
        make(rebuild=True, timeout=0)
    monkeypatch.setattr(pack, "_TAR", (*pack._TAR, "--no-such-option"))
    with pytest.raises(InvalidInput, match="cannot be packed: .*no-such-option"):
        make(rebuild=True)
    assert {path.name: path.read_bytes() for path in dest.iterdir()} == before
    assert left_over(dest) == []


def test_what_a_killed_build_left_is_cleared(make, dest):
    left = dest.parent / ".image.build"
    (left / "tree" / "etc").mkdir(parents=True)
    assert make().changed
    assert left_over(dest) == []


def test_two_builds_at_once(make, dest):
    with build._scratch(str(dest)), pytest.raises(InvalidInput, match="by another task"):
        make()
    assert make().changed


@pytest.mark.parametrize(
    ("options", "phrase"),
    [
        ({"creation_date": 1767225600000}, "not from 1970 to 9999"),
        ({"creation_date": 0}, "creation_date"),
        ({"expiry_date": -5}, "expiry_date is -5"),
        ({"architecture": "pdp11"}, "pdp11"),
        ({"format": "unified", "compression": "squashfs"}, "not for a unified one"),
        ({"templates": {"/a/b-c": Template("x"), "/a/b/c": Template("y")}}, "are both kept as a-b-c.tpl"),
    ],
)
def test_bad_input(make, dest, options, phrase):
    for check in (True, False):
        with pytest.raises(InvalidInput) as error:
            make(check=check, **options)
        assert phrase in str(error.value)
    assert not dest.exists() and left_over(dest) == []


def test_dest_in_the_tree(tree):
    with pytest.raises(InvalidInput, match="lies in rootfs"):
        archive.rootfs_source(str(tree), str(tree / "etc" / "image"))


def test_a_packed_directory(tree, tmp_path):
    directory = tmp_path / "unified"
    directory.mkdir()
    packed = pack.PackedDirectory(str(directory))
    with pytest.raises(InvalidInput, match="has no metadata.yaml"):
        packed.check()
    (directory / "metadata.yaml").write_text("architecture: x86_64\n")
    with pytest.raises(InvalidInput, match="has no directory rootfs"):
        packed.check()
    tree.rename(directory / "rootfs")
    with open(directory / "rootfs" / "sparse", "wb") as sparse:
        sparse.truncate(10**8)
    packed.check()
    first, second = (b"".join(packed.chunks()) for _each in range(2))
    assert first == second and len(first) < 10**5


def test_a_packing_that_is_given_up_ends_its_processes(tmp_path):
    (tmp_path / "metadata.yaml").touch()
    (tmp_path / "rootfs").mkdir()
    (tmp_path / "rootfs" / "big").write_bytes(os.urandom(30 * 1024 * 1024))
    chunks = pack.PackedDirectory(str(tmp_path), "none").chunks()
    next(chunks)
    chunks.close()
    with pytest.raises(ChildProcessError):  # there is no child left, not even a dead one
        os.waitpid(-1, os.WNOHANG)
