# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simplestreams tree in files: published, followed, cleared away; never anything named that is not there."""

from __future__ import annotations

import calendar
import contextlib
import gzip
import hashlib
import io
import json
import os
import tarfile
import time
from pathlib import Path

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import FlotillaError, InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._images import tree, tree_files
from ansible_collections.flotilla.lxd.plugins.module_utils._images.tree_plan import Wanted

CREATED = calendar.timegm((2026, 1, 2, 3, 4, 5))
KEY = "test:one:amd64:default"
DIRECTORY = "images/test/one/amd64/default"


@pytest.fixture
def root(tmp_path):
    return tmp_path / "tree"


@pytest.fixture
def files(tmp_path):
    """Write the files of a split image; or of a unified one. content tells one from another."""

    def write(content: str, *, unified: bool = False, created: int = CREATED, architecture: str = "x86_64"):
        metadata = {"metadata.yaml": f"architecture: {architecture}\ncreation_date: {created}\n# {content}\n".encode()}
        rootfs = {"rootfs/etc/issue" if unified else "etc/issue": content.encode()}
        directory = tmp_path / f"files-{content}"
        directory.mkdir(exist_ok=True)
        if unified:
            return {"file": archive(directory / "unified", {**metadata, **rootfs}, "xz")}
        return {
            "file": archive(directory / "metadata", metadata, "gz"),
            "rootfs": archive(directory / "rootfs", rootfs, ""),
        }

    return write


def archive(path, members, compression):
    """Without the time of day in it: the same members make the same file."""
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(path.open("wb"))
        if compression == "gz":
            stream = stack.enter_context(gzip.GzipFile(fileobj=stream, mode="wb", mtime=0, filename=""))
        tar = stack.enter_context(tarfile.open(fileobj=stream, mode="w:xz" if compression == "xz" else "w"))
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return str(path)


@pytest.fixture
def ensure(root):
    """What the module returns: check mode predicts it, and a second time nothing is left to do."""

    def run(*, check=False, **options):
        wanted = Wanted(**{"path": str(root), "os": "Test", "release": "one", "architecture": "amd64", **options})
        before = everything(root)
        foreseen = tree.ensure(wanted, checked_only=True).result()
        assert everything(root) == before
        if check:
            return foreseen
        done = tree.ensure(wanted, checked_only=False).result()
        assert done["actions"] == foreseen["actions"]
        again = tree.ensure(wanted, checked_only=False).result()
        assert again["actions"] == [] and not again["changed"] and "diff" not in again
        assert all((root / path).is_file() for path in named(root))
        return done

    return run


def everything(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def images(root):
    """The files of images."""
    return {path for path in everything(root) if path.startswith("images/")}


def products(root):
    return json.loads((root / "streams/v1/images.json").read_text())["products"]


def versions(root):
    return sorted(products(root)[KEY]["versions"])


def named(root):
    if not (root / "streams").exists():
        return set()
    all_versions = [one for product in products(root).values() for one in product["versions"].values()]
    return {item["path"] for version in all_versions for item in version["items"].values()}


def sha256(*paths):
    return hashlib.sha256(b"".join(Path(path).read_bytes() for path in paths)).hexdigest()


def test_a_split_image(root, ensure, files):
    split = files("a")
    done = ensure(**split, release_title="One", aliases=["one", "test/1"], requirements={"secureboot": False})
    assert done["actions"] == ["publish"] and done["version"] == "20260102_03:04"
    fingerprint = sha256(*split.values())
    assert done["fingerprint"] == fingerprint
    directory = f"{DIRECTORY}/20260102_03:04"
    metadata = {
        "path": f"{directory}/metadata.tar.gz",
        "size": os.path.getsize(split["file"]),
        "sha256": sha256(split["file"]),
        "combined_sha256": fingerprint,
        "combined_rootxz_sha256": fingerprint,
    }
    assert products(root) == {
        KEY: {
            "aliases": "one,test/1",
            "arch": "amd64",
            "os": "Test",
            "release": "one",
            "release_title": "One",
            "variant": "default",
            "requirements": {"secureboot": "false"},
            "versions": {
                "20260102_03:04": {
                    "items": {
                        "lxd.tar.xz": {"ftype": "lxd.tar.xz", **metadata},
                        "incus.tar.xz": {"ftype": "incus.tar.xz", **metadata},
                        "root.tar.xz": {
                            "ftype": "root.tar.xz",
                            "path": f"{directory}/rootfs.tar",
                            "size": os.path.getsize(split["rootfs"]),
                            "sha256": sha256(split["rootfs"]),
                        },
                    }
                }
            },
        }
    }
    assert json.loads((root / "streams/v1/index.json").read_text()) == {
        "format": "index:1.0",
        "index": {
            "images": {
                "datatype": "image-downloads",
                "path": "streams/v1/images.json",
                "format": "products:1.0",
                "products": [KEY],
            }
        },
    }
    assert done["product"]["versions"][0]["images"] == [
        {
            "type": "container",
            "fingerprint": fingerprint,
            "files": [f"{directory}/metadata.tar.gz", f"{directory}/rootfs.tar"],
            "size": sum(os.path.getsize(path) for path in split.values()),
        }
    ]
    assert sha256(root / directory / "metadata.tar.gz") == metadata["sha256"]


def test_a_unified_image(root, ensure, files):
    unified = files("a", unified=True)
    done = ensure(**unified, os="Te.st", variant="tiny")
    product = products(root)["te.st:one:amd64:tiny"]
    assert product["aliases"] == "te.st/one/tiny"
    items = product["versions"]["20260102_03:04"]["items"]
    assert set(items) == {"lxd_combined.tar.gz", "incus_combined.tar.gz"}
    assert {item["sha256"] for item in items.values()} == {done["fingerprint"]} == {sha256(unified["file"])}
    assert images(root) == {"images/te.st/one/amd64/tiny/20260102_03:04/image.tar.xz"}


@pytest.mark.parametrize(
    ("magic", "ftype", "name", "type_"),
    [
        (b"hsqs" + bytes(36) + (96).to_bytes(8, "little"), "squashfs", "rootfs.squashfs", "container"),
        (b"QFI\xfb", "disk-kvm.img", "disk.qcow2", "virtual-machine"),
    ],
)
def test_other_root_file_systems(root, ensure, files, tmp_path, magic, ftype, name, type_):
    split = files("a")
    (tmp_path / "other").write_bytes(magic.ljust(96, b"x"))
    done = ensure(file=split["file"], rootfs=str(tmp_path / "other"))
    items = products(root)[KEY]["versions"]["20260102_03:04"]["items"]
    combined = sha256(split["file"], tmp_path / "other")
    sums = {"squashfs": "combined_squashfs_sha256", "disk-kvm.img": "combined_disk-kvm-img_sha256"}
    assert items["lxd.tar.xz"][sums[ftype]] == items["incus.tar.xz"][sums[ftype]] == combined
    assert items[ftype]["path"] == f"{DIRECTORY}/20260102_03:04/{name}"
    assert done["product"]["versions"][0]["images"][0]["type"] == type_


def test_all_can_read_it(root, ensure, files):
    before = os.umask(0o077)
    try:
        ensure(**files("a"))
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in root.rglob("*")} == {0o755, 0o644}
    assert {path.stat().st_mode & 0o777 for path in root.rglob("*") if path.is_file()} == {0o644}


def test_versions_come_and_go(root, ensure, files):
    ensure(**files("a"))
    assert ensure(**files("b"), version="20260103")["actions"] == ["publish"]
    assert ensure(**files("a"), version="20260104")["actions"] == []
    # Made before what is there, and yet the newest here.
    done = ensure(**files("c", created=CREATED - 10**7), keep=2)
    assert done["actions"] == ["publish", "prune"]
    newest = max(versions(root))
    assert newest > time.strftime("%Y%m%d_", time.gmtime(time.time() - 3600)) and versions(root) == ["20260103", newest]
    assert {path.split("/")[5] for path in images(root)} == {"20260103", newest}
    # One that keep drops is no version that has the image any more.
    assert ensure(**files("b"), keep=1)["actions"] == ["publish", "prune"]
    assert len(versions(root)) == 1
    with pytest.raises(InvalidInput, match="has another image"):
        ensure(**files("c"), version=versions(root)[0])
    with pytest.raises(InvalidInput, match="older than the 1"):
        ensure(**files("c"), version="20200101", keep=1)


def test_many_within_a_minute(root, ensure, files, monkeypatch):
    now = calendar.timegm((2026, 5, 6, 7, 8, 9))
    monkeypatch.setattr(tree.time, "time", lambda: now)
    for content in "abc":
        ensure(**files(content))
    assert versions(root) == ["20260102_03:04", "20260506_07:08", "20260506_07:08:09"]
    with pytest.raises(InvalidInput, match="not yet past"):
        ensure(**files("d"))


def test_only_what_is_named_changes(root, ensure, files):
    ensure(**files("a"), aliases=["one"], requirements={"a": 1, "b": 2}, release_title="One")
    done = ensure(requirements={"a": None})
    assert done["actions"] == ["update"]
    product = products(root)[KEY]
    assert (product["aliases"], product["requirements"], product["release_title"]) == ("one", {"b": "2"}, "One")
    assert ensure(aliases=["two"])["product"]["aliases"] == ["two"]
    assert "version" not in ensure()


def test_files_need_not_be_there(root, ensure, files):
    split = files("a")
    fingerprint = sha256(*split.values())
    nowhere = {"fingerprint": fingerprint, "file": "/nowhere/a", "rootfs": "/nowhere/b"}
    assert ensure(**nowhere, check=True)["actions"] == ["publish"]
    assert ensure(fingerprint=fingerprint, check=True)["actions"] == ["publish"]
    with pytest.raises(InvalidInput, match="is not there"):
        tree.ensure(Wanted(str(root), "Test", "one", "amd64", **nowhere), checked_only=False)
    assert not root.exists()
    ensure(**split, fingerprint=fingerprint)
    assert ensure(**nowhere)["version"] == "20260102_03:04"
    assert ensure(fingerprint=fingerprint)["actions"] == []
    with pytest.raises(InvalidInput, match="is not the image wanted"):
        ensure(**files("b"), fingerprint=fingerprint[::-1])


def test_what_is_broken_is_restored(root, ensure, files):
    split = files("a")
    ensure(**split)
    path = root / DIRECTORY / "20260102_03:04" / "rootfs.tar"
    path.write_bytes(b"short")
    fingerprint = sha256(*split.values())
    assert ensure(fingerprint=fingerprint, check=True)["actions"] == ["restore"]
    assert ensure(**split, fingerprint=fingerprint)["actions"] == ["restore"]
    path.unlink()
    assert ensure(**split)["actions"] == ["restore"]
    assert sha256(path) == sha256(split["rootfs"])
    (root / "streams/v1/index.json").unlink()
    assert ensure(**split)["actions"] == ["index"]


def test_absent(root, ensure, files):
    assert ensure(state="absent")["actions"] == [] and not root.exists()
    ensure(**files("a"))
    ensure(**files("b"), version="20260103")
    assert ensure(state="absent", version="20260101")["actions"] == []
    done = ensure(state="absent", version="20260103")
    assert done["actions"] == ["delete"] and len(done["product"]["versions"]) == 1
    assert len(images(root)) == 2
    done = ensure(state="absent")
    assert done["actions"] == ["delete"] and "product" not in done
    assert products(root) == {} and not (root / "images").exists()


def test_what_is_not_ours_stays(root, ensure, files):
    ensure(**files("other"), release="two", aliases=["other"])
    documents = root / "streams/v1"
    index = json.loads((documents / "index.json").read_text())
    index["index"]["ids"] = {"datatype": "image-ids", "path": "streams/v1/ids.json", "products": ["x"]}
    index["updated"] = "yesterday"
    (documents / "index.json").write_text(json.dumps(index))
    content = json.loads((documents / "images.json").read_text())
    content["license"] = "ours"
    other = content["products"]["test:two:amd64:default"]
    other["supported"] = True
    (documents / "images.json").write_text(json.dumps(content))
    (root / "robots.txt").write_text("x")
    before = everything(root)
    ensure(**files("a"))
    ensure(state="absent")
    after = everything(root)
    assert json.loads(after.pop("streams/v1/index.json")) == json.loads(before.pop("streams/v1/index.json"))
    assert json.loads(after.pop("streams/v1/images.json")) == json.loads(before.pop("streams/v1/images.json"))
    assert after == before


def test_what_an_interrupted_run_left_is_swept(root, ensure, files, monkeypatch):
    split = files("a")

    def fail(path, *_arguments):
        raise tree_files.TreeError(f"cannot write {path}")

    with monkeypatch.context() as context:
        context.setattr(tree, "write_json", fail)
        with pytest.raises(FlotillaError):
            tree.ensure(Wanted(str(root), "Test", "one", "amd64", **split), checked_only=False)
    assert len(images(root)) == 2
    (root / DIRECTORY / "20260102_03:04" / "ours.txt").write_text("nobody else's business")
    assert ensure(**split, version="20260203")["actions"] == ["publish", "sweep"]
    assert {path.split("/", 5)[5] for path in images(root)} == {
        "20260102_03:04/ours.txt",
        "20260203/metadata.tar.gz",
        "20260203/rootfs.tar",
    }


def test_nothing_is_left_of_what_could_not_be_written(root, ensure, files, monkeypatch):
    split = files("a")

    def full(descriptor):
        raise OSError(28, "No space left")

    monkeypatch.setattr(tree_files.os, "fsync", full)
    with pytest.raises(FlotillaError, match="cannot write .*metadata.tar.gz: No space left"):
        tree.ensure(Wanted(str(root), "Test", "one", "amd64", **split), checked_only=False)
    assert not root.exists()


def test_products_are_written_before_the_index_and_files_go_last(root, ensure, files, monkeypatch):
    ensure(**files("a"))
    order = []
    for name in ("copy", "write_json", "remove"):
        original = getattr(tree, name)

        def noted(*arguments, name=name, original=original):
            order.append((name, os.path.basename(arguments[1])))
            assert all((root / path).is_file() for path in named(root))
            return original(*arguments)

        monkeypatch.setattr(tree, name, noted)
    wanted = Wanted(str(root), "Test", "one", "amd64", keep=1, **files("b"))
    tree.ensure(wanted, checked_only=False)
    assert [name for name, _file in order] == ["copy", "copy", "write_json", "remove", "remove"]


def test_clashes(ensure, files):
    ensure(**files("a"), aliases=["one"])
    with pytest.raises(InvalidInput, match="alias one is that of product test:one:amd64:default already"):
        ensure(**files("b"), release="two", aliases=["two", "one"])
    with pytest.raises(InvalidInput, match="further aliases"):
        ensure(**files("a"), release="two", aliases=["two"])
    # Another architecture, or another type, is another image.
    ensure(**files("c", architecture="aarch64"), architecture="arm64", aliases=["one"])
    split = files("d")
    with open(split["rootfs"], "wb") as stream:
        stream.write(b"QFI\xfb".ljust(600, b"x"))
    ensure(**split, variant="vm", aliases=["one"])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"os": "../x"}, "os '../x'"),
        ({"release": ".."}, "release '..'"),
        ({"variant": "a/b"}, "variant 'a/b'"),
        ({"architecture": "../../x"}, "unknown to the servers"),
        ({"architecture": "arm64"}, "is for amd64"),
        ({"version": "2026"}, "begins with a date"),
        ({"version": "20261399"}, "begins with a date"),
        ({"version": "20260101/../../../../x"}, "begins with a date"),
        ({"aliases": ["a,b"]}, "alias 'a,b'"),
        ({"aliases": ["a:b"]}, "alias 'a:b'"),
        ({"aliases": [""]}, "alias ''"),
        ({"keep": 0}, "keep is 0"),
        ({"file": "/nowhere"}, "/nowhere is not there"),
        ({"file": "/dev/null"}, "/dev/null is not there, or is no file"),
        ({"file": None, "rootfs": None}, "file is needed"),
        ({"file": "text"}, "neither a tarball nor"),
        ({"file": "empty"}, "is empty"),
        ({"file": "truncated"}, "is cut off"),
        ({"file": "squashfs"}, "is the option rootfs|that is the option rootfs"),
        ({"rootfs": "text"}, "neither a tarball nor"),
        ({"rootfs": None}, "no root file system"),
        ({"requirements": {"a": ["b"]}}, "requirement a is no text"),
    ],
)
def test_bad_input(root, files, tmp_path, options, text):
    split = files("a")
    (tmp_path / "text").write_text("no image" * 100)
    (tmp_path / "empty").touch()
    (tmp_path / "squashfs").write_bytes(b"hsqs" + bytes(1000))
    (tmp_path / "truncated").write_bytes(Path(split["file"]).read_bytes()[:-20])
    for name in ("file", "rootfs"):
        if options.get(name) and not options[name].startswith("/"):
            options = {**options, name: str(tmp_path / options[name])}
    wanted = Wanted(**{"path": str(root), "os": "Test", "release": "one", "architecture": "amd64", **split, **options})
    for checked_only in (True, False):
        with pytest.raises(InvalidInput, match=text):
            tree.ensure(wanted, checked_only=checked_only)
    assert not root.exists()


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("index.json", "{", "index.json is no JSON"),
        ("index.json", "[]", "is not what a simplestreams tree has there"),
        ("index.json", '{"index": {"images": 1}}', "is not the index"),
        ("index.json", '{"index": {"images": {"datatype": "image-ids"}}}', "something else"),
        ("index.json", '{"index": {"images": {"datatype": "image-downloads", "path": "../../x"}}}', "leads out of it"),
        ("images.json", "nothing", "images.json is no JSON"),
        ("images.json", '{"products": []}', "products that are none"),
        ("images.json", '{"products": {"x": {"versions": {"y": []}}}}', "products that are none"),
    ],
)
def test_a_broken_tree(root, files, name, content, text):
    (root / "streams/v1").mkdir(parents=True)
    (root / "streams/v1" / name).write_text(content)
    wanted = Wanted(str(root), "Test", "one", "amd64", **files("a"))
    with pytest.raises(FlotillaError, match=text):
        tree.ensure(wanted, checked_only=False)
    assert list(everything(root).values()) == [content.encode()]


def test_nothing_outside_is_removed(root, ensure, files, tmp_path):
    ensure(**files("a"))
    (tmp_path / "precious").write_text("x")
    documents = root / "streams/v1/images.json"
    for path in ("../precious", str(tmp_path / "precious"), "images/link"):
        content = json.loads(documents.read_text())
        content["products"][KEY]["versions"]["20260102_03:04"]["items"]["root.tar.xz"]["path"] = path
        documents.write_text(json.dumps(content))
        if path == "images/link":
            (root / "images/link").symlink_to(tmp_path / "precious")
        with pytest.raises(FlotillaError, match="leads out of it"):
            tree.ensure(Wanted(str(root), "Test", "one", "amd64", state="absent"), checked_only=False)
    assert (tmp_path / "precious").exists()
