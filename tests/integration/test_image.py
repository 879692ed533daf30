# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image modules, on a real LXD and a real Incus."""

from __future__ import annotations

import functools
import http.server
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time

import pytest
import yaml
from https_server import serving
from image_files import archive, metadata, sha256
from three_times import assert_done, three_times

MODULE = "flotilla.lxd.image"
# A Python that leaves behind how much memory (KiB) the one it runs has taken.
MEASURING = """#!{python}
import resource, subprocess, sys
code = subprocess.call([sys.executable, *sys.argv[1:]])
with open("{peak}", "a") as file:
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=file)
sys.exit(code)
"""


@pytest.fixture
def image(remote, name, command_line):
    """An alias of the test's own; every image that bears it, or one that begins so, is removed afterwards."""
    yield name
    for each in json.loads(command_line(remote, "image", "list", f"{remote}:", "--format=json")):
        if any(alias["name"].startswith(name) for alias in each["aliases"]):
            command_line(remote, "image", "delete", f"{remote}:{each['fingerprint']}")


def checked(title, remote, name, **options):
    return three_times({"name": title, MODULE: {"remote": remote, "name": name, **options}})


@pytest.fixture
def files(tmp_path, request):
    """A unified and a split image, told apart from all others by their creation date."""
    about = metadata()
    archive(tmp_path / "unified.tar.gz", {"metadata.yaml": about, "rootfs/etc/issue": b"unified"})
    archive(tmp_path / "metadata.tar.gz", {"metadata.yaml": about})
    archive(tmp_path / "rootfs.tar.gz", {"etc/issue": b"split"})
    return tmp_path


def test_import_of_a_unified_file(remote, image, files, local_tasks, command_line):
    source = {"file": str(files / "unified.tar.gz")}
    run = local_tasks(
        [
            *checked("import", remote, image, **source, properties={"release": 12, "os": None}, aliases=[f"{image}/x"]),
            *checked("edit", remote, image, properties={"release": None, "variant": "a"}, public=True),
            *checked("alias", remote, image, aliases=[f"{image}/y"]),
            {"name": "read", "flotilla.lxd.image_info": {"remote": remote, "name": f"{image}/x"}},
            {"name": "none", "flotilla.lxd.image_info": {"remote": remote, "name": f"{image}/z"}},
            *checked("unalias", remote, f"{image}/y", state="absent"),
            *checked("absent", remote, image, state="absent", aliases=[f"{image}/x"]),
        ]
    )
    assert_done(run, "unalias", "unalias")
    assert_done(run, "import", "import", "alias", "alias")
    assert_done(run, "edit", "update")
    assert_done(run, "alias", "alias")
    assert_done(run, "absent", "delete")
    fingerprint = sha256(files / "unified.tar.gz")
    assert run.result("import")["image"]["fingerprint"] == fingerprint
    assert run.result("import")["image"]["properties"] == {"release": "12"}
    assert run.result("read")["images"][0]["public"] is True
    assert run.result("read")["images"][0]["properties"]["variant"] == "a"
    assert run.result("none")["images"] == []


def test_import_of_a_split_image_boots(remote, image, tmp_path, local_tasks, command_line):
    """What the command exported comes back by the module, with the same fingerprint, and runs."""
    exported = tmp_path / "export"
    exported.mkdir()
    command_line(remote, "image", "export", f"{remote}:debian/12", f"{exported}/image")
    parts = sorted(exported.iterdir(), key=lambda path: path.stat().st_size)
    assert len(parts) == 2
    # Repacked, so that it is another image than the one that is there.
    repacked = tmp_path / "metadata.tar"
    with tarfile.open(parts[0]) as old, tarfile.open(repacked, "w") as new:
        for member in old.getmembers():
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    run = local_tasks(
        [
            *checked("import", remote, image, file=str(repacked), rootfs=str(parts[1])),
            {
                "name": "boot",
                "flotilla.lxd.container": {"remote": remote, "name": image, "image": image, "wait_for": ["systemd"]},
            },
            {"name": "gone", "flotilla.lxd.container": {"remote": remote, "name": image, "state": "absent"}},
        ]
    )
    assert_done(run, "import", "import", "alias")
    assert run.result("import")["image"]["fingerprint"] == sha256(repacked, parts[1])
    assert run.result("boot")["container"]["status"] == "Running"


def test_copy_from_a_remote(remote, image, files, local_tasks, command_line):
    other = {"lxd-a": "incus-b", "incus-a": "lxd-b"}[remote]
    here = {"remote": other, "name": image}
    local_tasks(
        [
            {
                "name": "there",
                MODULE: {**here, "file": str(files / "metadata.tar.gz"), "rootfs": str(files / "rootfs.tar.gz")},
            }
        ]
    )
    try:
        run = local_tasks([*checked("copy", remote, image, source=f"{other}:{image}", properties={"a": "b"})])
        assert_done(run, "copy", "copy", "alias")
        copied = run.result("copy")["image"]
        assert copied["fingerprint"] == sha256(files / "metadata.tar.gz", files / "rootfs.tar.gz")
        assert copied["properties"] == {"os": "Test", "a": "b"}
        assert run.result("copy, again")["image_moved_on"] is False
        # The source gets a new image by that alias: reported, not followed.
        local_tasks([{"name": "newer", MODULE: {**here, "file": str(files / "unified.tar.gz")}}])
        run = local_tasks([*checked("copy", remote, image, source=f"{other}:{image}")])
        assert run.result("copy")["image_moved_on"] is True and run.result("copy")["changed"] is False
    finally:
        for path in ((files / "unified.tar.gz",), (files / "metadata.tar.gz", files / "rootfs.tar.gz")):
            command_line(other, "image", "delete", f"{other}:{sha256(*path)}", check=False)


def test_auto_update_follows_a_public_image(remote, image, files, local_tasks, command_line):
    other = {"lxd-a": "lxd-b", "incus-a": "incus-b"}[remote]
    local_tasks([{MODULE: {"remote": other, "name": image, "file": str(files / "unified.tar.gz"), "public": True}}])
    try:
        run = local_tasks([*checked("copy", remote, image, source=f"{other}:{image}", auto_update=True)])
        assert_done(run, "copy", "copy", "alias")
        assert run.result("copy")["image"]["auto_update"] is True
        assert run.result("copy")["image"]["update_source"]["alias"] == image
    finally:
        command_line(other, "image", "delete", f"{other}:{image}")


def test_bad_input(remote, image, files, local_tasks, command_line):
    (files / "text").write_text("no tarball")
    (files / "empty").write_text("")
    archive(files / "no-metadata.tar.gz", {"rootfs/etc/issue": b"x"})
    tree, named = {"rootfs/etc/issue": b"x"}, "metadata.yaml"
    archive(files / "broken.tar.gz", {named: b"architecture: [", **tree})
    archive(files / "no-architecture.tar.gz", {named: b"creation_date: 1700000000", **tree})
    archive(files / "no-date.tar.gz", {named: b"architecture: x86_64", **tree})
    archive(files / "both.tar.gz", {named: metadata(), **tree, "rootfs.img": b"x"})
    archive(files / "way-out.tar.gz", {named: metadata(), **tree, "rootfs/../../etc/issue": b"x"})
    (files / "cut.tar.gz").write_bytes((files / "unified.tar.gz").read_bytes()[:-20])
    unified = str(files / "unified.tar.gz")
    cases = {
        "empty": ({"file": str(files / "empty")}, "is empty"),
        "no tarball": ({"file": str(files / "text")}, "is neither a tarball"),
        "no metadata": ({"file": str(files / "no-metadata.tar.gz")}, "metadata.yaml"),
        "broken metadata": ({"file": str(files / "broken.tar.gz")}, "metadata.yaml that is no YAML"),
        "no architecture": ({"file": str(files / "no-architecture.tar.gz")}, "architecture"),
        "no creation date": ({"file": str(files / "no-date.tar.gz")}, "creation_date"),
        "both root file systems": ({"file": str(files / "both.tar.gz")}, "has both rootfs/ and rootfs.img"),
        "a way out": ({"file": str(files / "way-out.tar.gz")}, "leads out of it"),
        "cut off": ({"file": str(files / "cut.tar.gz")}, "is cut off"),
        "another hash": ({"file": unified, "fingerprint": "0" * 64}, "is not the image wanted"),
        "two root file systems": ({"file": unified, "rootfs": unified}, "has a root file system of its own"),
        "slash": ({"file": unified, "name": f"{image}/"}, "begin or end with a slash"),
        "stray": ({"file": unified, "dest": "/tmp"}, "dest does not go with state: present"),
        "no date": ({"file": unified, "expires_at": "soon"}, "is no date"),
        "nothing to make it of": ({}, "it takes source, file"),
        "both": ({"file": str(files / "text"), "source": "x:y"}, "mutually exclusive"),
        "rootfs alone": ({"rootfs": str(files / "text")}, "missing parameter"),
        "taken alias": ({"file": str(files / "unified.tar.gz"), "aliases": ["busybox"]}, "is taken by image"),
        "colon": ({"name": f"{remote}:{image}"}, "an option of its own"),
        "unknown source": ({"source": "lxd-x:y"}, "is not in the client configuration"),
        "missing source": ({"source": f"{remote}:busyboxx"}, "did you mean busybox"),
    }
    tasks = [
        {"name": title, MODULE: {"remote": remote, "name": image, **options}, "ignore_errors": True}
        for title, (options, _text) in cases.items()
    ]
    # Check mode finds the same as the server would be sent.
    for run in (local_tasks(tasks, "--check"), local_tasks(tasks)):
        for title, (_options, text) in cases.items():
            assert run.result(title)["failed"] and text in run.result(title)["msg"], (title, run.result(title))
    # What is missing may, in check mode, be made by an earlier task.
    missing = {"name": "missing", MODULE: {"remote": remote, "name": image, "file": "/nowhere/at/all"}}
    run = local_tasks([{**missing, "check_mode": True}, {**missing, "ignore_errors": True}])
    checked_, done = run.results("missing")
    assert checked_["changed"] and "is not there" in checked_["warnings"][0]
    assert done["failed"] and "is not there" in done["msg"]
    assert json.loads(command_line(remote, "image", "list", f"{remote}:{image}", "--format=json")) == []


def test_a_beginning_that_two_fingerprints_have(remote, image, tmp_path, local_tasks):
    """The server's own word on it reaches the user, and nothing is copied, exported or deleted."""
    made = {}
    while True:
        path = tmp_path / f"{len(made)}.tar.gz"
        archive(path, {"metadata.yaml": metadata(), "rootfs/etc/issue": b"x"})
        twin = made.setdefault(sha256(path)[:2], path)
        if twin != path:
            break
    here = {"remote": remote}
    ambiguous = sha256(path)[:2]
    bad = {
        "copy": {MODULE: {**here, "name": f"{image}-x", "source": f"{remote}:{ambiguous}"}},
        "export": {MODULE: {**here, "name": ambiguous, "state": "exported", "dest": str(tmp_path)}},
        "info": {"flotilla.lxd.image_info": {**here, "name": ambiguous}},
    }
    run = local_tasks(
        [
            {MODULE: {**here, "name": image, "file": str(twin)}},
            {MODULE: {**here, "name": f"{image}-2", "file": str(path)}},
            *({"name": title, **task, "ignore_errors": True} for title, task in bad.items()),
            *({MODULE: {**here, "name": name, "state": "absent"}} for name in (image, f"{image}-2")),
        ]
    )
    for title in bad:
        assert run.result(title)["failed"] and ambiguous in run.result(title)["msg"], run.result(title)
        assert "say more of the" in run.result(title)["msg"], run.result(title)


def test_a_disk_of_a_virtual_machine(remote, image, files, tmp_path, local_tasks):
    """No machine is started here, but its image takes the same ways."""
    disk = tmp_path / "disk.qcow2"
    disk.write_bytes(b"QFI\xfb\0\0\0\3" + bytes(100_000))
    run = local_tasks(
        [
            *checked("import", remote, image, file=str(files / "metadata.tar.gz"), rootfs=str(disk)),
            {"name": "listed", "flotilla.lxd.image_info": {"remote": remote, "name": image, "type": "virtual-machine"}},
            *checked("export", remote, image, state="exported", dest=f"{tmp_path}/"),
        ]
    )
    assert_done(run, "import", "import", "alias")
    assert run.result("import")["image"]["type"] == "virtual-machine"
    assert len(run.result("listed")["images"]) == 1
    assert_done(run, "export", "export")


def test_memory_stays_flat(remote, image, tmp_path, local_tasks):
    """An image of 300 MB that does not compress goes through a module process that never has much of it."""
    with tarfile.open(tmp_path / "big.tar", "w") as tar:
        content = f"architecture: x86_64\ncreation_date: {int(time.time())}\n".encode()
        member = tarfile.TarInfo("metadata.yaml")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
        big = tmp_path / "big"
        subprocess.run(["dd", "if=/dev/urandom", f"of={big}", "bs=1M", "count=300"], check=True, capture_output=True)
        tar.add(big, "rootfs/big")
    peak, wrapper = tmp_path / "peak", tmp_path / "python"
    wrapper.write_text(MEASURING.format(python=sys.executable, peak=peak))
    wrapper.chmod(0o755)
    measured = {"ansible_python_interpreter": str(wrapper)}
    run = local_tasks([{**checked("import", remote, image, file=str(tmp_path / "big.tar"))[1], "vars": measured}])
    assert run.result("import")["actions"] == ["import", "alias"]
    assert max(int(line) for line in peak.read_text().split()) < 60 * 1024


@pytest.fixture
def image_server(tmp_path, remote, image, command_line):
    """An image server that speaks simplestreams over HTTPS, with the lab's busybox image under the alias of the test.

    Returns its URL and its certificate (a path).
    """
    tree = tmp_path / "tree"
    tree.mkdir()
    command_line(remote, "image", "export", f"{remote}:busybox", f"{tree}/image")
    metadata, rootfs = sorted(tree.iterdir(), key=lambda path: path.stat().st_size)
    # Repacked, so that it is another image than the one that is there.
    repacked = tree / "metadata.tar"
    with tarfile.open(metadata) as old, tarfile.open(repacked, "w") as new:
        for member in old.getmembers():
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    item = {"size": repacked.stat().st_size, "sha256": sha256(repacked), "path": repacked.name}
    combined = {"combined_rootxz_sha256": sha256(repacked, rootfs), "combined_sha256": sha256(repacked, rootfs)}
    items = {
        "lxd.tar.xz": {**item, **combined, "ftype": "lxd.tar.xz"},
        "incus.tar.xz": {**item, **combined, "ftype": "incus.tar.xz"},
        "root.tar.xz": {
            "ftype": "root.tar.xz",
            "path": rootfs.name,
            "size": rootfs.stat().st_size,
            "sha256": sha256(rootfs),
        },
    }
    product = {"aliases": image, "arch": "amd64", "os": "Busybox", "release": "1", "variant": "default"}
    product["versions"] = {"20260101_00:00": {"items": items}}
    products = {"datatype": "image-downloads", "format": "products:1.0", "products": {f"{image}:amd64": product}}
    entry = {"datatype": "image-downloads", "path": "streams/v1/images.json", "products": [f"{image}:amd64"]}
    streams = tree / "streams" / "v1"
    streams.mkdir(parents=True)
    (streams / "images.json").write_text(json.dumps(products))
    (streams / "index.json").write_text(json.dumps({"format": "index:1.0", "index": {"images": entry}}))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tree))
    with serving(handler, tmp_path) as served:
        yield served


def test_copy_from_an_image_server(remote, image, image_server, local_tasks, tmp_path):
    url, certificate = image_server
    variable = {"lxd-a": "LXD_CONF", "incus-a": "INCUS_CONF"}[remote]
    directory = tmp_path / "conf"
    shutil.copytree(os.environ[variable], directory)
    content = yaml.safe_load((directory / "config.yml").read_text())
    content["remotes"]["streams"] = {"addr": url, "protocol": "simplestreams", "public": True}
    (directory / "config.yml").write_text(yaml.safe_dump(content))
    shutil.copy(certificate, directory / "servercerts" / "streams.crt")
    container = {"remote": remote, "name": image, "image": f"streams:{image}", "wait_for": ["ipv4"]}
    run = local_tasks(
        [
            *checked("copy", remote, image, source=f"streams:{image}", auto_update=True),
            {"name": "boot", "flotilla.lxd.container": container},
            {"name": "boot, again", "flotilla.lxd.container": container},
            {"name": "gone", "flotilla.lxd.container": {**container, "state": "absent", "wait_for": []}},
            {
                "name": "another",
                MODULE: {
                    "remote": remote,
                    "name": f"{image}-y",
                    "source": f"streams:{image}",
                    "fingerprint": "0" * 64,
                },
                "ignore_errors": True,
            },
            {"name": "no such image", MODULE: {"remote": remote, "name": f"{image}-x", "source": "streams:nope"}},
        ],
        environment={variable: str(directory)},
        fails=True,
    )
    assert_done(run, "copy", "copy", "alias")
    copied = run.result("copy")["image"]
    assert copied["update_source"]["alias"] == image and copied["auto_update"] is True
    assert run.result("boot")["container"]["config"]["volatile.base_image"] == copied["fingerprint"]
    assert run.result("boot, again")["changed"] is False
    assert "is not the one wanted" in run.result("another")["msg"]
    failure = run.result("no such image")
    assert failure["failed"] and "remote streams: there is no image nope" in failure["msg"].lower()
