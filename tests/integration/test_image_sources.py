# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where images come from and go to, on a real LXD and a real Incus: other servers, containers, directories, files."""

from __future__ import annotations

import json

import pytest
from image_files import archive, metadata, sha256
from three_times import assert_done, three_times

MODULE = "flotilla.lxd.image"
TWIN = {"lxd-a": "lxd-b", "incus-a": "incus-b"}
OTHER = {"lxd-a": "incus-b", "incus-a": "lxd-b"}


@pytest.fixture
def image(remote, name, command_line):
    """An alias of the test's own; every image that bears it, or one that begins so, is removed from all remotes."""
    yield name
    for each in (remote, TWIN[remote], OTHER[remote]):
        for found in json.loads(command_line(each, "image", "list", f"{each}:", "--format=json")):
            named = any(alias["name"].startswith(name) for alias in found["aliases"])
            if named or found["properties"].get("test") == name:
                command_line(each, "image", "delete", f"{each}:{found['fingerprint']}")


@pytest.fixture
def unified(tmp_path, image):
    path = tmp_path / "unified.tar.gz"
    archive(path, {"metadata.yaml": metadata(test=image), "rootfs/etc/issue": b"unified"})
    return path


@pytest.fixture
def split(tmp_path, image):
    parts = tmp_path / "metadata.tar.gz", tmp_path / "rootfs.tar.gz"
    archive(parts[0], {"metadata.yaml": metadata(test=image)})
    archive(parts[1], {"etc/issue": b"split"})
    return parts


def checked(title, remote, name, **options):
    return three_times({"name": title, MODULE: {"remote": remote, "name": name, **options}})


def test_pushed_and_relayed(remote, image, unified, split, local_tasks):
    """Between servers of one kind and of both; what was private stays so, and properties come along."""
    twin, other = TWIN[remote], OTHER[remote]
    run = local_tasks(
        [
            {MODULE: {"remote": twin, "name": f"{image}/u", "file": str(unified), "properties": {"a": "b"}}},
            {MODULE: {"remote": other, "name": f"{image}/u", "file": str(unified)}},
            {MODULE: {"remote": other, "name": f"{image}/s", "file": str(split[0]), "rootfs": str(split[1])}},
            *checked("push", remote, image, source=f"{twin}:{image}/u", mode="push", copy_aliases=True),
            {
                **checked("no push", remote, f"{image}-x", source=f"{other}:{image}/s", mode="push")[1],
                "ignore_errors": True,
            },
            *checked("relay", remote, f"{image}-s", source=f"{other}:{image}/s", mode="relay"),
            *checked("gone", remote, image, state="absent", aliases=[f"{image}/u"]),
            *checked("relay unified", remote, image, source=f"{other}:{image}/u", mode="relay", public=True),
        ]
    )
    assert_done(run, "push", "copy", "alias", "alias")
    assert run.result("push")["image"]["properties"]["a"] == "b"
    assert "do not push to each other" in run.result("no push")["msg"]
    assert_done(run, "relay", "copy", "alias")
    assert run.result("relay")["image"]["fingerprint"] == sha256(*split)
    assert_done(run, "relay unified", "copy", "alias")
    assert run.result("relay unified")["image"]["public"] is True


def test_from_another_project(remote, image, unified, local_tasks, command_line):
    project = image
    command_line(remote, "project", "create", f"{remote}:{project}", "-c", "features.images=true")
    try:
        run = local_tasks(
            [
                {MODULE: {"remote": remote, "project": project, "name": image, "file": str(unified)}},
                *checked("copy", remote, image, source=f"{remote}:{image}", source_project=project),
            ]
        )
        assert_done(run, "copy", "copy", "alias")
        assert run.result("copy")["image"]["fingerprint"] == sha256(unified)
    finally:
        command_line(remote, "image", "delete", f"{remote}:{image}", "--project", project, check=False)
        command_line(remote, "project", "delete", f"{remote}:{project}")


def test_published_container(remote, image, local_tasks):
    container = {"remote": remote, "name": image, "image": "busybox"}
    publish = {"source_container": image, "compression": "none", "properties": {"test": image}}
    run = local_tasks(
        [
            {"flotilla.lxd.container": container},
            {"flotilla.lxd.container": {**container, "name": f"{image}-e", "ephemeral": True}},
            {"flotilla.lxd.container": {**container, "name": f"{image}-f", "state": "frozen"}},
            {
                **checked("ephemeral", remote, image, source_container=f"{image}-e", allow_stop=True)[1],
                "ignore_errors": True,
            },
            {
                **checked("frozen", remote, image, source_container=f"{image}-f", allow_stop=True)[1],
                "ignore_errors": True,
            },
            {"name": "others", "flotilla.lxd.container_info": {"remote": remote}},
            {**checked("refused", remote, image, **publish)[1], "ignore_errors": True},
            *checked("publish", remote, image, **publish, allow_stop=True, expires_at="2030-01-31", public=True),
            {"name": "afterwards", "flotilla.lxd.container_info": {"remote": remote, "name": image}},
            {
                "name": "launch",
                "flotilla.lxd.container": {**container, "name": f"{image}-2", "image": image, "wait_for": ["ipv4"]},
            },
            {
                "name": "anew",
                MODULE: {"remote": remote, "name": image, **publish, "allow_stop": True, "state": "refreshed"},
            },
            {"name": "gone", "flotilla.lxd.container": {"remote": remote, "name": f"{image}-2", "state": "absent"}},
        ]
    )
    assert "allow_stop: true" in run.result("refused")["msg"]
    assert "stopping it would delete it" in run.result("ephemeral")["msg"]
    assert "is frozen" in run.result("frozen")["msg"]
    others = {one["name"]: one["status"] for one in run.result("others")["containers"]}
    assert (others[f"{image}-e"], others[f"{image}-f"]) == ("Running", "Frozen")
    assert_done(run, "publish", "publish", "alias")
    published = run.result("publish")["image"]
    assert published["expires_at"] == "2030-01-31T00:00:00Z" and published["public"] is True
    assert published["properties"]["os"] == "Busybox" and published["properties"]["test"] == image
    assert run.result("afterwards")["containers"][0]["status"] == "Running"
    assert run.result("anew")["actions"] == ["publish", "alias"]
    assert run.result("anew")["image"]["fingerprint"] != published["fingerprint"]
    assert run.result("anew")["image"]["public"] is True


def test_published_snapshot(remote, image, local_tasks, command_line):
    local_tasks([{"flotilla.lxd.container": {"remote": remote, "name": image, "image": "busybox"}}])
    command_line(remote, "snapshot", f"{remote}:{image}", "s0") if remote.startswith("lxd") else command_line(
        remote, "snapshot", "create", f"{remote}:{image}", "s0"
    )
    run = local_tasks([*checked("publish", remote, image, source_container=f"{image}/s0", properties={"test": image})])
    assert_done(run, "publish", "publish", "alias")


def test_several_tasks_at_once(remote, image, unified, playbook):
    """One brings the image, and the others find it there: nobody fails, and nobody takes another's away."""
    hosts = {f"h{number}": {"ansible_connection": "local"} for number in range(4)}
    task = {MODULE: {"remote": remote, "name": image, "file": str(unified)}, "name": "import"}
    there = {"name": "there", "flotilla.lxd.image_info": {"remote": remote, "name": image}}
    python = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    play = {"hosts": "all", "gather_facts": False, "vars": python, "tasks": [task, there]}
    inventory = unified.parent / "hosts.yml"
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
    run = playbook([play], inventory=inventory)
    assert any(result["changed"] for result in run.results("import"))
    assert [len(result["images"]) for result in run.results("there")] == [1] * 4


def test_directory_is_packed_on_the_way(remote, image, tmp_path, local_tasks):
    tree = tmp_path / "tree"
    (tree / "rootfs" / "etc").mkdir(parents=True)
    (tree / "metadata.yaml").write_bytes(metadata(test=image))
    (tree / "rootfs" / "etc" / "issue").write_text("directory")
    run = local_tasks([*checked("import", remote, image, file=str(tree))])
    assert_done(run, "import", "import", "alias")


def test_refreshed_from_another_remote(remote, image, unified, split, local_tasks):
    other = OTHER[remote]
    there = {"remote": other, "name": image}
    refresh = {"source": f"{other}:{image}", "state": "refreshed", "remove_old": True, "properties": {"test": image}}
    run = local_tasks(
        [
            {MODULE: {**there, "file": str(unified)}},
            *checked("first", remote, image, **refresh),
            {MODULE: {**there, "file": str(split[0]), "rootfs": str(split[1])}},
            *checked("second", remote, image, **refresh),
            {"name": "old", "flotilla.lxd.image_info": {"remote": remote, "name": sha256(unified)}},
        ]
    )
    assert_done(run, "first", "copy", "alias")
    assert_done(run, "second", "copy", "alias", "delete_old")
    assert run.result("second")["image"]["fingerprint"] == sha256(*split)
    assert run.result("old")["images"] == []


def test_refreshed_by_the_server(remote, image, unified, split, local_tasks):
    """A public image that was copied by its alias: the server finds the new one by itself."""
    there = {"remote": TWIN[remote], "name": image, "public": True}
    run = local_tasks(
        [
            {MODULE: {**there, "file": str(unified)}},
            {MODULE: {"remote": remote, "name": image, "source": f"{TWIN[remote]}:{image}"}},
            {"name": "nothing new", MODULE: {"remote": remote, "name": image, "state": "refreshed"}},
            {MODULE: {**there, "file": str(split[0]), "rootfs": str(split[1])}},
            *checked("refresh", remote, image, state="refreshed", properties={"mine": "x", "test": image}),
        ]
    )
    assert run.result("nothing new")["changed"] is False
    assert run.result("refresh")["image"]["properties"]["mine"] == "x"
    assert_done(run, "refresh", "refresh")
    assert run.result("refresh")["image"]["fingerprint"] == sha256(*split)


def test_exported_and_imported_by_the_other_kind(remote, image, unified, split, tmp_path, local_tasks):
    place = tmp_path / "out"
    place.mkdir()
    other = OTHER[remote]
    run = local_tasks(
        [
            {MODULE: {"remote": remote, "name": f"{image}/u", "file": str(unified)}},
            {MODULE: {"remote": remote, "name": f"{image}/s", "file": str(split[0]), "rootfs": str(split[1])}},
            *checked("unified", remote, f"{image}/u", state="exported", dest=str(place)),
            *checked("split", remote, f"{image}/s", state="exported", dest=str(place)),
            *checked("named", remote, f"{image}/s", state="exported", dest=str(place / "named")),
            *checked("named unified", remote, f"{image}/u", state="exported", dest=str(place / "single")),
            {
                "name": "there",
                MODULE: {
                    "remote": other,
                    "name": f"{image}/s",
                    "file": str(place / "named"),
                    "rootfs": str(place / "named.root"),
                },
            },
        ]
    )
    for title in ("unified", "split", "named", "named unified"):
        assert_done(run, title, "export")
    one, two = sha256(unified), sha256(*split)
    assert run.result("unified")["files"] == [str(place / f"{one}.tar.gz")]
    assert run.result("split")["files"] == [str(place / f"meta-{two}.tar.gz"), str(place / f"{two}.tar.gz")]
    assert run.result("named")["files"] == [str(place / "named"), str(place / "named.root")]
    assert run.result("named unified, again")["files"] == [str(place / "single.tar.gz")]
    assert run.result("there")["image"]["fingerprint"] == two
    assert len(list(place.iterdir())) == 6
    # One that is damaged is brought again.
    (place / f"{one}.tar.gz").write_bytes(b"damaged")
    run = local_tasks([*checked("again", remote, f"{image}/u", state="exported", dest=str(place))])
    assert_done(run, "again", "export")
