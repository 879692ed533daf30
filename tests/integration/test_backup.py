# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers into files and out of them, on a real LXD and a real Incus."""

from __future__ import annotations

import gzip
import io
import json
import os
import socket
import subprocess
import tarfile
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from faulty_proxy import Proxy
from image_files import archive, sha256
from three_times import assert_done, three_times

MODULE = "flotilla.lxd.backup"
OTHER = {"lxd-a": "incus-a", "incus-a": "lxd-a"}
MARK = "user.flotilla.backup"


@pytest.fixture
def container(remote, name, tmp_path_factory, command_line):
    """A container of the test's own, not started, with a file and a snapshot from before that."""
    command_line(remote, "init", f"{remote}:busybox", f"{remote}:{name}")
    command_line(remote, "query", "-X", "POST", "--wait", "-d", '{"name": "s1"}', snapshots_of(remote, name))
    marker = tmp_path_factory.mktemp("files") / "marker"
    marker.write_text("now")
    command_line(remote, "file", "push", str(marker), f"{remote}:{name}/marker")
    return name


def snapshots_of(remote, name):
    return f"{remote}:/1.0/instances/{name}/snapshots"


def read(command_line, remote, name):
    return command_line(remote, "file", "pull", f"{remote}:{name}/marker", "-")


def task(title, remote, **options):
    return {"name": title, MODULE: {"remote": remote, **options}}


def exported(title, remote, name, dest, **options):
    return task(title, remote, name=name, state="exported", dest=str(dest), **options)


def imported(title, remote, file, **options):
    return task(title, remote, state="imported", file=str(file), **options)


def info(title, remote, name):
    return {"name": title, "flotilla.lxd.container_info": {"remote": remote, "name": name}}


def started(title, remote, name):
    return {"name": title, "flotilla.lxd.container": {"remote": remote, "name": name, "state": "started"}}


def absent(title, remote, name):
    return {"name": title, "flotilla.lxd.container": {"remote": remote, "name": name, "state": "absent", "force": True}}


def backups_on_the_server(command_line, remote, name):
    return json.loads(command_line(remote, "query", f"{remote}:/1.0/instances/{name}/backups"))


def leftovers(directory):
    return [name for name in os.listdir(directory) if name.endswith(".part")]


def containers(command_line, remote, name):
    """All whose names begin so, a half-imported one included."""
    listing = json.loads(command_line(remote, "list", f"{remote}:", "--format=json"))
    return [each["name"] for each in listing if each["name"].startswith(name)]


def test_there_and_back(remote, container, tmp_path, local_tasks, command_line):
    file, second = tmp_path / "b.tar.gz", f"{container}-b"
    run = local_tasks(
        [
            *three_times(exported("export", remote, container, file)),
            *three_times(imported("beside it", remote, file, name=second)),
            info("origin", remote, container),
            started("start", remote, container),
            started("start beside it", remote, second),
            exported("export it running", remote, container, tmp_path / "running"),
            absent("origin gone", remote, container),
            exported("export of what has gone", remote, container, file),
            *three_times(imported("in its place", remote, file, pool="default")),
            started("start in its place", remote, container),
        ]
    )
    assert_done(run, "export", "export")
    assert_done(run, "beside it", "import")
    assert run.result("export")["backup"]["snapshots"] == ["s1"]
    assert run.result("export")["backup"] == run.result("export, again")["backup"]
    assert os.stat(file).st_mode & 0o777 == 0o600 and leftovers(tmp_path) == []
    origin = run.result("origin")["containers"][0]["config"]
    beside = run.result("beside it")["container"]["config"]
    assert beside[MARK] == run.result("export")["backup"]["sha256"]
    assert beside.get("volatile.uuid") != origin["volatile.uuid"]
    hwaddr = run.result("start beside it")["container"]["config"]["volatile.eth0.hwaddr"]
    assert hwaddr != run.result("start")["container"]["config"]["volatile.eth0.hwaddr"]
    assert run.result("export it running")["actions"] == ["export"]
    assert run.result("export of what has gone")["changed"] is False
    # The second container that came of the file has an identity of its own by now: this one may have the old one again.
    assert_done(run, "in its place", "import")
    assert run.result("in its place")["container"]["config"]["volatile.uuid"] == origin["volatile.uuid"]
    assert run.result("in its place")["container"]["status"] == "Stopped"
    assert read(command_line, remote, container) == read(command_line, remote, second) == "now"
    assert containers(command_line, remote, container) == [container, second]
    local_tasks(
        [
            {
                "name": "back to the snapshot",
                "flotilla.lxd.snapshot": {"remote": remote, "container": second, "name": "s1", "state": "restored"},
            }
        ]
    )
    assert command_line(remote, "exec", f"{remote}:{second}", "--", "ls", "/").count("marker") == 0
    assert backups_on_the_server(command_line, remote, container) == []


@pytest.mark.parametrize("compression", ["none", "zstd", "gzip -1"])
def test_forms(remote, container, compression, tmp_path, local_tasks):
    file = tmp_path / "b"
    run = local_tasks(
        [
            *three_times(exported("export", remote, container, file, compression=compression, instance_only=True)),
            *three_times(imported("import", remote, file, name=f"{container}-b")),
            {
                "name": "snapshots",
                "flotilla.lxd.snapshot_info": {"remote": remote, "container": f"{container}-b"},
            },
        ]
    )
    assert_done(run, "export", "export")
    assert_done(run, "import", "import")
    assert run.result("export")["backup"]["snapshots"] == [] and run.result("snapshots")["snapshots"] == []


def test_what_is_at_dest_is_left_alone_unless_forced(remote, container, tmp_path, local_tasks, command_line):
    own, cut, text = tmp_path / "own", tmp_path / "cut", tmp_path / "text"
    local_tasks([exported("own", remote, container, own)])
    cut.write_bytes(own.read_bytes()[:-1000])
    text.write_text("something of somebody's")
    command_line(remote, "init", f"{remote}:busybox", f"{remote}:{container}-b")
    before = own.read_bytes()

    def failing(title, name, dest):
        return {**exported(title, remote, name, dest), "ignore_errors": True}

    run = local_tasks(
        [
            failing("cut", container, cut),
            failing("text", container, text),
            failing("of another", f"{container}-b", own),
            failing("directory", container, tmp_path),
            failing("no directory", container, tmp_path / "none" / "b"),
            failing("no container", f"{container}-c", tmp_path / "c"),
            {**exported("no container, checked", remote, f"{container}-c", tmp_path / "c"), "check_mode": True},
        ]
    )
    for title, words in {
        "cut": "is cut off",
        "text": "is no backup",
        "of another": f"backup of container {container}. force",
        "directory": "is a directory",
        "no directory": "there is no directory",
        "no container": f"no container {container}-c to export",
    }.items():
        assert run.result(title)["failed"] and words in run.result(title)["msg"], (title, run.result(title)["msg"])
    assert text.read_text() == "something of somebody's" and own.read_bytes() == before
    assert leftovers(tmp_path) == [] and not (tmp_path / "c").exists()
    run = local_tasks(
        [exported(str(path), remote, container, path, force=True) for path in (cut, text, own)],
    )
    assert all(run.result(str(path))["actions"] == ["export"] for path in (cut, text, own))
    assert run.result(str(own))["backup"]["sha256"] == sha256(own)


def test_files_that_are_no_backup_are_not_sent(remote, container, tmp_path, local_tasks, command_line):
    good = tmp_path / "good"
    local_tasks([exported("export", remote, container, good)])
    whole = good.read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text").write_text("hello " * 200)
    (tmp_path / "empty").touch()
    archive(tmp_path / "image", {"metadata.yaml": b"{}", "rootfs/a": b""})
    archive(tmp_path / "broken index", {"backup/index.yaml": b"{{{", "backup/container/a": b""})
    archive(tmp_path / "no container", {"backup/index.yaml": f"name: {container}-b".encode()})
    unpacked = gzip.decompress(whole)
    with tarfile.open(fileobj=io.BytesIO(unpacked)) as tar:
        header = tar.getmember("backup/container/rootfs/marker").offset
    (tmp_path / "damaged").write_bytes(unpacked[:header] + b"x" * 512 + unpacked[header + 512 :])

    def failing(title):
        return {**imported(title, remote, tmp_path / title, name=f"{container}-b"), "ignore_errors": True}

    titles = ["cut", "text", "empty", "image", "broken index", "no container", "missing", "damaged"]
    options = {"name": f"{container}-b"}
    run = local_tasks(
        [
            *(failing(title) for title in titles),
            {**imported("taken", remote, good), "ignore_errors": True},
            {**imported("no pool", remote, good, pool="t-nope", **options), "ignore_errors": True},
            {**imported("no name", remote, good, name="a_b"), "ignore_errors": True},
            {**imported("no project", remote, good, project="t-nope", **options), "ignore_errors": True},
        ]
    )
    for title, words in {
        "cut": "is cut off",
        "text": "is no backup: it is no tarball",
        "empty": "is empty",
        "image": "is no backup: it holds no backup/index.yaml",
        "broken index": "is no YAML",
        "no container": "the container itself is not in it",
        "missing": "cannot be read: No such file",
        "damaged": "is damaged",
        "taken": "there is a container",
        "no pool": "no storage pool t-nope",
        "no name": "no name for a container",
        "no project": "t-nope",
    }.items():
        assert run.result(title)["failed"] and words in run.result(title)["msg"], (title, run.result(title)["msg"])
    assert containers(command_line, remote, container) == [container]
    assert MARK not in command_line(remote, "config", "show", f"{remote}:{container}")


def test_a_profile_that_is_missing_is_named(remote, container, tmp_path, local_tasks, command_line):
    profile, file = f"{container}-p", tmp_path / "b"
    command_line(remote, "profile", "create", f"{remote}:{profile}")
    try:
        command_line(remote, "profile", "add", f"{remote}:{container}", profile)
        local_tasks([exported("export", remote, container, file), absent("gone", remote, container)])
    finally:
        command_line(remote, "profile", "delete", f"{remote}:{profile}")
    run = local_tasks([imported("import", remote, file)], fails=True)
    assert f"the profile {profile}, which is not there" in run.result("import")["msg"]
    assert containers(command_line, remote, container) == []


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a megabyte."""
    path = tmp_path / "small"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)], check=True)
    yield path
    subprocess.run(["umount", str(path)], check=True)


def test_a_full_disk(remote, container, small_disk, local_tasks, command_line):
    export = exported("export", remote, container, small_disk / "b", compression="none")
    run = local_tasks([export], fails=True)
    assert "cannot be written: No space left on device" in run.result("export")["msg"]
    assert os.listdir(small_disk) == [] and backups_on_the_server(command_line, remote, container) == []
    subprocess.run(["mount", "-o", "remount,size=32m", str(small_disk)], check=True)
    assert local_tasks([export]).result("export")["actions"] == ["export"]


def test_a_line_that_breaks(remote, container, proxied, tmp_path, local_tasks, command_line):
    proxy, options = proxied
    file = tmp_path / "b"
    through_proxy = {**options, "name": container, "state": "exported", "dest": str(file), "compression": "none"}
    proxy.cut_after = 2_000_000
    run = local_tasks([{"name": "export", MODULE: through_proxy}], fails=True)
    assert "the answer ended too early" in run.result("export")["msg"]
    assert leftovers(tmp_path) == [] and not file.exists()
    # Who cannot be reached cannot be told to remove it: the server does it by itself, in a day.
    for left in backups_on_the_server(command_line, remote, container):
        backup = json.loads(command_line(remote, "query", f"{remote}:{left}"))
        assert not backup["expires_at"].startswith("0001")
        command_line(remote, "query", "-X", "DELETE", "--wait", f"{remote}:{left}")
    assert local_tasks([exported("export", remote, container, file)]).result("export")["actions"] == ["export"]


class CutOnTheWayThere(Proxy):
    """Cuts the line once so many bytes have gone to the daemon."""

    def _pump(self, source: socket.socket, sink: socket.socket, back: bool) -> None:
        sent = 0
        with suppress(OSError):
            while content := source.recv(65536):
                sent += 0 if back else len(content)
                if sent > 1_000_000:
                    break
                sink.sendall(content)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def test_a_line_that_breaks_on_the_way_there(remote, container, explicit, tmp_path, local_tasks, command_line):
    file, new = tmp_path / "b", f"{container}-b"
    local_tasks([exported("export", remote, container, file, compression="none")])
    target = urlsplit(explicit["url"])
    proxy = CutOnTheWayThere(str(target.hostname), int(target.port or 8443))
    try:
        options = {**explicit, "url": proxy.url, "name": new, "state": "imported", "file": str(file)}
        run = local_tasks([{"name": "import", MODULE: options}], fails=True)
    finally:
        proxy.stop()
    assert "broke off" in run.result("import")["msg"]
    assert containers(command_line, remote, container) == [container]
    assert local_tasks([imported("import", remote, file, name=new)]).result("import")["actions"] == ["import"]


def test_an_import_that_was_cut_short_is_taken_up(remote, container, tmp_path, local_tasks, command_line):
    """What a run leaves that ended after the server had made the container, and before it was marked and named."""
    file, new = tmp_path / "b", f"{container}-b"
    digest = local_tasks([exported("export", remote, container, file)]).result("export")["backup"]["sha256"]
    interim = f"{new}-import-{digest[:8]}"
    command_line(remote, "import", f"{remote}:", str(file), interim)
    run = local_tasks([*three_times(imported("import", remote, file, name=new))])
    assert_done(run, "import", "import")
    assert containers(command_line, remote, container) == [container, new]


# Owners, modes, extended attributes with a capability, hard links, links, and names that need care.
TREE = """
import os
os.makedirs("/srv/t/d", exist_ok=True)
os.chdir("/srv/t")
open("plain", "w").write("plain")
os.chown("plain", 1234, 5678)
os.chmod("plain", 0o640)
open("set", "w").write("set")
os.chmod("set", 0o6755)
os.chmod("d", 0o1777)
os.link("plain", "d/hard")
os.symlink("../plain", "d/soft")
open("d/näme with blanks", "w").write("name")
os.setxattr("plain", "user.flotilla", bytes([0, 255, 10]) + b"value")
open("capable", "w").write("capable")
os.setxattr("capable", "security.capability", bytes.fromhex("0000000200040000000000000000000000000000"))
os.mkfifo("fifo")
with open("sparse", "wb") as stream:
    stream.truncate(10_000_000)
os.utime("plain", (1_600_000_000, 1_600_000_000))
"""
# Times to the second, to which they are rounded in a tarball.
MANIFEST = """
import hashlib, json, os, stat
found = {}
for top in ("/srv/t", "/etc", "/usr/bin"):
    for directory, names, files in os.walk(top):
        for name in sorted([".", *names, *files]):
            path = os.path.normpath(os.path.join(directory, name))
            about = os.lstat(path)
            entry = [about.st_uid, about.st_gid, about.st_mode, about.st_nlink, about.st_size, round(about.st_mtime)]
            if stat.S_ISLNK(about.st_mode):
                entry.append(os.readlink(path))
            else:
                entry.append({key: os.getxattr(path, key).hex() for key in os.listxattr(path)})
            if stat.S_ISREG(about.st_mode):
                entry.append(hashlib.sha256(open(path, "rb").read()).hexdigest())
            found[path] = entry
found["hard link"] = os.stat("/srv/t/plain").st_ino == os.stat("/srv/t/d/hard").st_ino
for name in ("", "/hostname", "/hosts", "/resolv.conf", "/machine-id", "/ld.so.cache", "/.updated"):
    found.pop("/etc" + name, None)
print(json.dumps(found))
"""


def python(command_line, remote, name, program):
    return command_line(remote, "exec", f"{remote}:{name}", "--", "python3", "-c", program)


def manifest(command_line, remote, name):
    return json.loads(python(command_line, remote, name, MANIFEST))


def differences(before, after):
    return {
        path: (before.get(path), after.get(path)) for path in {*before, *after} if before.get(path) != after.get(path)
    }


def test_from_one_kind_of_server_to_the_other_and_back(remote, container, tmp_path, local_tasks, command_line):
    other, there, back = OTHER[remote], tmp_path / "there", tmp_path / "back"
    second = f"{container}-b"
    try:
        run = local_tasks(
            [
                exported("export", remote, container, there),
                *three_times(imported("import", other, there)),
                started("start there", other, container),
                exported("export there", other, container, back, compression="zstd"),
                *three_times(imported("import back", remote, back, name=second)),
                started("start back", remote, second),
                {
                    "name": "to the snapshot",
                    "flotilla.lxd.snapshot": {"remote": remote, "container": second, "name": "s1", "state": "restored"},
                },
            ]
        )
        assert_done(run, "import", "import")
        assert_done(run, "import back", "import")
        assert read(command_line, other, container) == "now"
        assert "marker" not in command_line(remote, "exec", f"{remote}:{second}", "--", "ls", "/")
    finally:
        local_tasks([absent("gone there", other, container)])


def test_every_file_arrives_as_it_was(remote, name, tmp_path, local_tasks, command_line):
    """On a server of the other kind."""
    other, file = OTHER[remote], tmp_path / "b"
    command_line(remote, "launch", f"{remote}:debian/12", f"{remote}:{name}")
    python(command_line, remote, name, TREE)
    before = manifest(command_line, remote, name)
    try:
        local_tasks(
            [
                exported("export", remote, name, file, compression="none"),
                imported("import", other, file),
                started("start", other, name),
            ]
        )
        assert before["hard link"] is True and len(before) > 300
        assert differences(before, manifest(command_line, other, name)) == {}
    finally:
        local_tasks([absent("gone", other, name)])
