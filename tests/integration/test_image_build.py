# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building images on this host, and what a real LXD and a real Incus make of them."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time

import pytest
from three_times import assert_done, three_times

BUILD = "flotilla.lxd.image_build"


@pytest.fixture
def image(remote, name, command_line):
    """An alias of the test's own; every image that bears it, or one that begins so, is removed afterwards."""
    yield name
    for each in json.loads(command_line(remote, "image", "list", f"{remote}:", "--format=json")):
        if any(alias["name"].startswith(name) for alias in each["aliases"]):
            command_line(remote, "image", "delete", f"{remote}:{each['fingerprint']}")


@pytest.fixture
def bring(remote, image, command_line):
    """Import what was built, by the daemon's own command. The fingerprint is the one it was said to have."""

    def call(built, alias=None):
        alias = alias or image
        paths = [built["file"], *([built["rootfs"]] if "rootfs" in built else [])]
        command_line(remote, "image", "import", *paths, f"{remote}:", "--alias", alias)
        shown = json.loads(command_line(remote, "image", "list", f"{remote}:{alias}", "--format=json"))
        (fingerprint,) = [
            each["fingerprint"] for each in shown if alias in [alias["name"] for alias in each["aliases"]]
        ]
        assert fingerprint == built["fingerprint"]

    return call


@pytest.fixture
def inside(remote, command_line):
    def call(container, script):
        return command_line(remote, "exec", f"{remote}:{container}", "--", "sh", "-c", script)

    return call


def built(title, **options):
    return three_times({"name": title, BUILD: options})


def test_busybox_boots(remote, image, name, tmp_path, local_tasks, bring, inside):
    run = local_tasks(
        [
            *built(
                "busybox",
                dest=str(tmp_path / "image"),
                busybox=True,
                # Another image than the one the lab has.
                properties={"serial": image, "variant": None},
                templates={
                    "/etc/motd": {"content": "{% raw %}{{ container.name }}{% endraw %} {{ 7 }}\n", "when": "start"}
                },
            )
        ]
    )
    assert_done(run, "busybox", "build")
    result = run.result("busybox")["image"]
    assert run.result("busybox, again")["image"] == result
    assert run.result("busybox, checked")["image"]["file"] == result["file"]
    assert run.result("busybox, checked")["diff"]["after"]["properties"] == result["metadata"]["properties"]
    assert result["metadata"]["properties"]["serial"] == image
    assert "variant" not in result["metadata"]["properties"]
    assert os.path.getsize(result["rootfs"]) < 1.1 * 1024 * 1024
    bring(result)
    boot = {"remote": remote, "name": name, "image": image, "wait_for": ["ipv4"]}
    local_tasks([{"name": "boot", "flotilla.lxd.container": boot}])
    assert inside(name, "hostname; cat /etc/motd; id -u user").split() == [name, name, "7", "1000"]


def odd_tree(root):
    """All that a root file system may have, and a copy through a user's hands would lose."""
    for directory in ("etc", "bin", "dev", "srv"):
        (root / directory).mkdir(parents=True)
    (root / "etc" / "owned").write_text("x")
    os.chown(root / "etc" / "owned", 1234, 4321)
    (root / "etc" / "owned").chmod(0o4751)
    os.link(root / "etc" / "owned", root / "srv" / "linked")
    (root / "srv" / "up").symlink_to("../etc/owned")
    (root / "srv" / "dangling").symlink_to("/nowhere")
    os.mknod(root / "dev" / "full", 0o020666, os.makedev(1, 7))
    os.setxattr(root / "etc" / "owned", "user.kept", b"yes")
    with open(root / "srv" / "sparse", "wb") as sparse:
        sparse.truncate(10**9)
    (root / "srv" / "grüße").write_text("x")


def busybox_in(root):
    """Enough to ask in a container what is there."""
    for place in ("proc", "sys", "run", "tmp"):
        (root / place).mkdir()
    program = root / "bin" / "busybox"
    program.write_bytes(open("/usr/bin/busybox", "rb").read())  # noqa: SIM115
    program.chmod(0o755)
    for applet in ("sh", "stat", "sleep", "cat", "readlink", "ls"):
        (root / "bin" / applet).symlink_to("busybox")
    (root / "sbin").mkdir()
    (root / "sbin" / "init").write_text("#!/bin/sh\ntrap 'exit 0' PWR TERM INT\nwhile :; do sleep 1; done\n")
    (root / "sbin" / "init").chmod(0o755)


FORMS = [("split", "xz"), ("split", "zstd"), ("split", "squashfs"), ("unified", "gzip"), ("unified", "none")]


@pytest.mark.parametrize(("form", "compression"), FORMS)
def test_a_tree_arrives_as_it_is(
    remote, image, name, tmp_path, local_tasks, bring, inside, command_line, form, compression
):
    root = tmp_path / "tree"
    odd_tree(root)
    busybox_in(root)
    options = {"format": form, "compression": compression, "properties": {"serial": f"{image} {form} {compression}"}}
    run = local_tasks([*built("tree", dest=str(tmp_path / "image"), rootfs=str(root), **options)])
    assert_done(run, "tree", "build")
    result = run.result("tree")["image"]
    assert ("rootfs" in result) is (form == "split")
    bring(result)
    command_line(remote, "launch", f"{remote}:{image}", f"{remote}:{name}")
    told = inside(
        name,
        "stat -c '%u:%g %a %h' /etc/owned; stat -c '%h' /srv/linked; readlink /srv/up; readlink /srv/dangling;"
        "stat -c '%s' /srv/sparse; ls /srv",
    )
    lines = told.split()
    assert lines[:7] == ["1234:4321", "4751", "2", "2", "../etc/owned", "/nowhere", str(10**9)]
    assert "grüße" in lines


def test_xattrs_and_devices_are_in_the_tarball(tmp_path, local_tasks):
    root = tmp_path / "tree"
    odd_tree(root)
    tasks = [{"name": "tree", BUILD: {"dest": str(tmp_path / "image"), "rootfs": str(root)}}]
    # Unpacked and packed again it is still all there.
    tarball = str(tmp_path / "image" / "rootfs.tar.gz")
    tasks.append({"name": "again", BUILD: {"dest": str(tmp_path / "second"), "rootfs": tarball, "compression": "none"}})
    local_tasks(tasks)
    with tarfile.open(tmp_path / "second" / "rootfs.tar") as tar:
        owned = tar.getmember("./etc/owned")
        assert (owned.uid, owned.gid, owned.mode) == (1234, 4321, 0o4751)
        assert owned.pax_headers["SCHILY.xattr.user.kept"] == "yes"
        assert tar.getmember("./srv/linked").linkname == "./etc/owned"
        device = tar.getmember("./dev/full")
        assert device.ischr() and (device.devmajor, device.devminor) == (1, 7)
        assert tar.getmember("./srv/sparse").size == 10**9
    assert os.path.getsize(tmp_path / "second" / "rootfs.tar") < 100_000


def test_a_container_becomes_an_image(remote, image, name, tmp_path, local_tasks, command_line, bring, inside):
    command_line(remote, "launch", f"{remote}:busybox", f"{remote}:{name}")
    inside(name, "echo of the container >/etc/issue")
    command_line(remote, "stop", "--force", f"{remote}:{name}")
    command_line(remote, "publish", f"{remote}:{name}", f"{remote}:", "--alias", f"{image}-published")
    command_line(remote, "image", "export", f"{remote}:{image}-published", str(tmp_path / "published"))
    (exported,) = tmp_path.glob("published*")
    run = local_tasks(
        [
            *built(
                "image",
                dest=str(tmp_path / "image"),
                rootfs=str(exported),
                properties={"os": "Ours"},
                templates={
                    "/etc/motd": {"content": "{% raw %}{{ container.name }}{% endraw %}", "when": ["create", "start"]}
                },
            )
        ]
    )
    assert_done(run, "image", "build")
    result = run.result("image")["image"]
    assert set(result["metadata"]["templates"]) == {"/etc/hostname", "/etc/hosts", "/etc/motd"}
    bring(result)
    command_line(remote, "launch", f"{remote}:{image}", f"{remote}:{name}-two")
    assert inside(f"{name}-two", "hostname; cat /etc/motd /etc/issue").split("\n")[:2] == [
        f"{name}-two",
        f"{name}-twoof the container",
    ]


def archive(path, *names, metadata=None, link=None):
    with tarfile.open(path, "w:gz") as tar:
        for name in names:
            tar.addfile(tarfile.TarInfo(name), io.BytesIO())
        if link:
            member = tarfile.TarInfo("etc/link")
            member.type, member.linkname = tarfile.LNKTYPE, link
            tar.addfile(member)
        if metadata:
            member = tarfile.TarInfo("metadata.yaml")
            member.size = len(metadata)
            tar.addfile(member, io.BytesIO(metadata))
    return str(path)


def test_bad_input(tmp_path, local_tasks):
    tree = tmp_path / "tree"
    (tree / "etc").mkdir(parents=True)
    (tmp_path / "file").write_text("no tarball")
    (tmp_path / "empty").mkdir()
    whole = archive(tmp_path / "whole.tar.gz", "etc/issue", *(f"etc/{number}" for number in range(2000)))
    with open(whole, "rb") as stream:
        (tmp_path / "part.tar.gz").write_bytes(stream.read(os.path.getsize(whole) // 2))
    zstd = ["zstd", "-q", whole, "-o", str(tmp_path / "whole.zst")]
    subprocess.run(zstd, check=True)
    (tmp_path / "part.zst").write_bytes((tmp_path / "whole.zst").read_bytes()[:100])
    script = tmp_path / "setup"
    script.write_text("#!/bin/sh\n")
    good = {"rootfs": str(tree)}
    date = 1767225600
    rootfs = {
        "missing": ("/nowhere/at/all", "is not there"),
        "empty": (str(tmp_path / "empty"), "is no root file system"),
        "no tarball": (str(tmp_path / "file"), "is no tarball, or not whole"),
        "truncated": (str(tmp_path / "part.tar.gz"), "is no tarball, or not whole"),
        "truncated zstd": (str(tmp_path / "part.zst"), "is no tarball, or not whole"),
        "dots": (archive(tmp_path / "1.tar", "etc/issue", "etc/../../x"), "leads out of it"),
        "absolute": (archive(tmp_path / "2.tar", "etc/issue", "/etc/x"), "leads out of it"),
        "link out": (archive(tmp_path / "3.tar", "etc/issue", link="../../etc/passwd"), "leads out of it"),
        "no root in it": (archive(tmp_path / "4.tar", "issue"), "has none of bin, etc"),
        "no root beside": (archive(tmp_path / "5.tar", "etc/x", metadata=b"a: b"), "no root file system in rootfs/"),
        "broken metadata": (archive(tmp_path / "6.tar", "rootfs/etc/x", metadata=b"a: [b"), "is no YAML"),
        "no architecture": (
            archive(tmp_path / "7.tar", "rootfs/etc/x", metadata=f"creation_date: {date}".encode()),
            "architecture is missing",
        ),
    }
    cases = {
        **{title: ({"rootfs": path}, text) for title, (path, text) in rootfs.items()},
        "nothing": ({}, "exactly one"),
        "two": ({**good, "busybox": True}, "exactly one"),
        "file as dest": ({**good, "dest": str(tmp_path / "file")}, "is a file"),
        "below a file": ({**good, "dest": str(tmp_path / "file" / "x")}, f"{tmp_path / 'file'} is a file"),
        "milliseconds": ({**good, "creation_date": date * 1000}, "not from 1970 to 9999"),
        "expiry": ({**good, "expiry_date": 10**15}, "not from 1970 to 9999"),
        "architecture": ({**good, "architecture": "pdp11"}, "architecture pdp11 is unknown"),
        "foreign busybox": ({"busybox": True, "architecture": "s390x"}, "busybox here is for"),
        "property": ({**good, "properties": {"a": ["b"]}}, "property a is no text"),
        "path": ({**good, "templates": {"etc/x": {"content": ""}}}, "not a plain absolute one"),
        "when": ({**good, "templates": {"/etc/x": {"content": "", "when": "boot"}}}, "of create, copy, start"),
        "no content": ({**good, "templates": {"/etc/x": {"when": "start"}}}, "has no content"),
        "collision": (
            {**good, "templates": {"/a/b": {"content": ""}, "/a-b": {"content": ""}}},
            "both kept as a-b.tpl",
        ),
        "squashfs": ({**good, "format": "unified", "compression": "squashfs"}, "not for a unified one"),
        "setup missing": ({"mmdebstrap": {"suite": "x", "setup": "/nowhere/at/all"}}, "cannot be read"),
        "setup": ({"mmdebstrap": {"suite": "x", "setup": str(script)}}, "cannot be executed"),
        "argument": ({"mmdebstrap": {"suite": "x", "arguments": ["x"]}}, "is no option"),
        "suite": ({"mmdebstrap": {"suite": "x", "mirrors": ["http://127.0.0.1:9/"]}}, "mmdebstrap failed: "),
        "too slow": ({**good, "timeout": 0}, "timeout is 0"),
    }
    before = sorted(os.listdir(tmp_path))
    tasks = [
        {"name": title, BUILD: {"dest": str(tmp_path / "image"), **options}, "ignore_errors": True}
        for title, (options, _text) in cases.items()
    ]
    run = local_tasks(tasks)
    for title, (_options, text) in cases.items():
        assert run.result(title)["failed"] and text in run.result(title)["msg"], (title, run.result(title))
    left = [entry for entry in os.listdir(tmp_path) if entry not in before and not entry.endswith((".yml", ".jsonl"))]
    assert left == []


def test_a_missing_program_names_its_package(tmp_path, local_tasks):
    """On a host that has nothing but Python: no program is found where only it can be looked for."""
    (tmp_path / "tree" / "etc").mkdir(parents=True)
    options = {"dest": str(tmp_path / "image"), "rootfs": str(tmp_path / "tree"), "compression": "zstd"}
    hidden = tmp_path / "python"
    hidden.write_text(
        '#!/bin/sh\nexec unshare --mount sh -c \'mount --bind /dev/null "$(readlink -f /usr/bin/zstd)"'
        f' && exec "$0" "$@"\' {sys.executable} "$@"\n'
    )
    hidden.chmod(0o755)
    run = local_tasks(
        [{"name": "zstd", BUILD: options, "vars": {"ansible_python_interpreter": str(hidden)}}], fails=True
    )
    assert "zstd is needed here and not installed: it is in the package zstd" in run.result("zstd")["msg"]
    assert not (tmp_path / "image").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_build_leaves_nothing(tmp_path, local_tasks, number):
    """Told to end, it clears what it began; killed, the next run does."""
    dest = tmp_path / "image"

    (tmp_path / "tree" / "etc").mkdir(parents=True)
    with open(tmp_path / "tree" / "etc" / "big", "wb") as big:
        for _megabyte in range(100):
            big.write(os.urandom(1024 * 1024))
    options = {"dest": str(dest), "rootfs": str(tmp_path / "tree"), "compression": "xz"}
    arguments = tmp_path / "arguments.json"
    arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": options}))
    module = ["python", "-m", "ansible_collections.flotilla.lxd.plugins.modules.image_build", str(arguments)]
    scratch = tmp_path / ".image.build"
    process = subprocess.Popen(module, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    patience = time.monotonic() + 20
    while not (scratch / "out" / "rootfs.tar.xz").exists() and time.monotonic() < patience:
        time.sleep(0.05)
    process.send_signal(number)
    process.wait(20)
    assert not dest.exists()
    assert scratch.exists() is (number == signal.SIGKILL)
    (tmp_path / "tree" / "etc" / "big").write_bytes(b"small now")
    local_tasks([{"name": "again", BUILD: options}])
    assert sorted(os.listdir(dest)) == [".flotilla-image.json", "metadata.tar.gz", "rootfs.tar.xz"]
    assert not scratch.exists()
