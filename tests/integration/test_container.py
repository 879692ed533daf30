# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container module, on a real LXD and a real Incus: every state, checked before and repeated after."""

from __future__ import annotations

import json

from three_times import assert_done, three_times

MODULE = "flotilla.lxd.container"


def task(title: str, remote: str, name: str, **options):
    return {"name": title, MODULE: {"remote": remote, "name": name, **options}, "register": "last"}


def checked(title: str, remote: str, name: str, **options):
    return three_times(task(title, remote, name, **options))


def listed(command_line, remote: str, name: str) -> dict | None:
    """The container as the remote's own command sees it."""
    listing = json.loads(command_line(remote, "list", f"{remote}:", "--format=json"))
    return next((each for each in listing if each["name"] == name), None)


def test_states(remote, name, local_tasks, command_line):
    run = local_tasks(
        [
            *checked("present", remote, name, image="busybox", state="present", description="a test"),
            *checked("started", remote, name, state="started", wait_for=["ipv4", "eth0"]),
            *checked("frozen", remote, name, state="frozen"),
            *checked("thawed", remote, name, state="started"),
            task("restarted", remote, name, state="restarted"),
            *checked("stopped", remote, name, state="stopped"),
            *checked("frozen from stopped", remote, name, state="frozen"),
            *checked("stopped from frozen", remote, name, state="stopped"),
            *checked("absent", remote, name, state="absent"),
        ]
    )
    assert_done(run, "present", "create")
    assert_done(run, "started", "start")
    assert_done(run, "frozen", "freeze")
    assert_done(run, "thawed", "unfreeze")
    assert run.result("restarted")["actions"] == ["restart"]
    assert_done(run, "stopped", "stop")
    assert_done(run, "frozen from stopped", "start", "freeze")
    assert_done(run, "stopped from frozen", "unfreeze", "stop")
    assert_done(run, "absent", "delete")
    created = run.result("present")
    assert created["container"]["status"] == "Stopped" and created["container"]["description"] == "a test"
    assert run.result("present, checked")["diff"]["before"] == {}
    assert run.result("present, checked")["diff"]["after"]["description"] == "a test"
    assert len(run.result("started")["addresses"]["ipv4"]) == 1
    assert "container" not in run.result("absent")
    assert listed(command_line, remote, name) is None


def test_configuration_is_merged_and_unset(remote, name, local_tasks, command_line):
    disk = {"type": "disk", "source": "/tmp", "path": "/mnt"}
    run = local_tasks(
        [
            *checked(
                "create",
                remote,
                name,
                image="busybox",
                state="present",
                config={"user.a": 1, "user.b": True, "limits.memory": "256MiB"},
                devices={"tmp": disk},
            ),
            *checked("set", remote, name, state="present", config={"user.a": 2}, description="merged"),
            *checked(
                "unset", remote, name, state="present", config={"user.b": None}, devices={"tmp": {"path": "/srv"}}
            ),
            *checked("drop", remote, name, state="present", devices={"tmp": None}, profiles=["default"]),
            *checked("exact", remote, name, state="present", config={"user.c": "x"}, exact=["config"]),
        ]
    )
    assert_done(run, "create", "create")
    for title in ("set", "unset", "exact"):
        assert_done(run, title, "update")
    config = run.result("set")["container"]["config"]
    assert (config["user.a"], config["user.b"], config["limits.memory"]) == ("2", "true", "256MiB")
    unset = run.result("unset")["container"]
    assert "user.b" not in unset["config"] and unset["devices"]["tmp"] == {**disk, "path": "/srv"}
    assert unset["description"] == "merged"
    exact = listed(command_line, remote, name)
    assert {key for key in exact["config"] if not key.startswith(("volatile.", "image."))} == {"user.c"}
    assert exact["config"]["image.os"] == "Busybox"
    assert exact["devices"] == {} and exact["description"] == "merged"


def test_what_the_command_changed_is_seen(remote, name, local_tasks, command_line):
    command_line(remote, "init", f"{remote}:busybox", f"{remote}:{name}")
    command_line(remote, "config", "set", f"{remote}:{name}", "user.by", "hand")
    run = local_tasks(
        [
            task("same", remote, name, state="present", config={"user.by": "hand"}),
            task("other", remote, name, state="present", config={"user.by": "us"}),
        ]
    )
    assert run.result("same")["changed"] is False
    assert run.result("other")["actions"] == ["update"]
    assert command_line(remote, "config", "get", f"{remote}:{name}", "user.by").strip() == "us"


def test_restart_only_if_allowed(remote, name, local_tasks):
    nesting = {"config": {"security.nesting": True}}
    run = local_tasks(
        [
            task("run", remote, name, image="busybox"),
            task("needs a restart", remote, name, **nesting),
            task("may restart", remote, name, config={"security.nesting": False}, allow_restart=True),
            {**task("rename it running", remote, f"{name}-b", rename_from=name), "ignore_errors": True},
            *checked("rename", remote, f"{name}-b", rename_from=name, allow_restart=True),
            task("still there", remote, f"{name}-b", state="present"),
        ]
    )
    assert run.result("needs a restart")["actions"] == ["update"]
    assert run.result("needs a restart")["restart_required"] is True
    assert run.result("may restart")["actions"] == ["update", "restart"]
    assert run.result("may restart")["restart_required"] is False
    assert "allow_restart" in run.result("rename it running")["msg"]
    assert_done(run, "rename", "stop", "rename", "start")
    assert run.result("still there")["container"]["status"] == "Running"


def test_a_moved_image_is_reported_and_rebuilt_only_when_asked(remote, name, local_tasks, command_line):
    alias = f"{name}-image"
    image = {
        "name": "new image",
        "flotilla.lxd.image": {"remote": remote, "name": alias, "source": "{{ other }}:busybox"},
    }
    debian = json.loads(command_line(remote, "image", "list", f"{remote}:debian/12", "--format=json"))[0]["fingerprint"]
    other = {"lxd-a": "lxd-b", "incus-a": "incus-b"}[remote]
    local_tasks([image, task("create", remote, name, image=alias, state="present")], extra={"other": other})
    command_line(remote, "image", "alias", "delete", f"{remote}:{alias}")
    command_line(remote, "image", "alias", "create", f"{remote}:{alias}", debian)
    try:
        run = local_tasks([task("moved", remote, name, image=alias, state="present")])
        assert run.result("moved")["image_moved_on"] is True and run.result("moved")["changed"] is False
        rebuild = task("rebuild", remote, name, image=alias, state="present", rebuild=True)
        if remote == "lxd-a":  # LXD 5.0 cannot rebuild, and says so before anything happens.
            assert "instances_rebuild" in local_tasks([rebuild], fails=True).result("rebuild")["msg"]
        else:
            run = local_tasks([rebuild, {**rebuild, "name": "rebuild, again"}])
            assert run.result("rebuild")["actions"] == ["rebuild"]
            assert run.result("rebuild, again")["changed"] is False
            assert run.result("rebuild, again")["container"]["config"]["volatile.base_image"] == debian
    finally:
        command_line(remote, "image", "alias", "delete", f"{remote}:{alias}")


def test_image_of_another_remote_of_the_other_kind(remote, name, local_tasks):
    other = {"lxd-a": "incus-b", "incus-a": "lxd-b"}[remote]
    run = local_tasks(
        [
            {"name": "stamp", "flotilla.lxd.image_info": {"remote": other, "name": "busybox"}, "register": "there"},
            task("create", remote, name, image=f"{other}:busybox", wait_for=["ipv4"]),
            task("create, again", remote, name, image=f"{other}:busybox", wait_for=["ipv4"]),
            task("by fingerprint", remote, name, image="{{ there.images[0].fingerprint[:12] }}"),
        ]
    )
    there = run.result("stamp")["images"][0]["fingerprint"]
    assert run.result("create")["container"]["config"]["volatile.base_image"] == there
    assert run.result("create, again")["changed"] is False
    assert run.result("by fingerprint")["changed"] is False


def test_no_update_is_lost(remote, name, local_tasks, command_line, playbook):
    """Tasks that change different keys of one container at the same time: every change is there afterwards."""
    command_line(remote, "init", f"{remote}:busybox", f"{remote}:{name}")
    writers = [f"w{number}" for number in range(4)]
    play = {
        "hosts": "all",
        "gather_facts": False,
        "connection": "local",
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        "tasks": [
            {
                **task("write", remote, name, state="present", config="{{ {'user.' ~ inventory_hostname: item} }}"),
                "loop": [1, 2, 3],
                "register": "tried",
                "until": "tried is success",
                "retries": 5,
                "delay": 0,
            }
        ],
    }
    playbook([play], "--forks", "4", inventory=",".join(writers) + ",")
    config = listed(command_line, remote, name)["config"]
    assert {writer: config.get(f"user.{writer}") for writer in writers} == dict.fromkeys(writers, "3")


def test_wait_that_fails(remote, name, local_tasks):
    run = local_tasks([task("wait", remote, name, image="busybox", wait_for=["eth7"], timeout=4)], fails=True)
    message = run.result("wait")["msg"]
    assert "eth7" in message and remote in message and name in message
    again = local_tasks([task("finish", remote, name, image="busybox", wait_for=["eth0"])])
    assert again.result("finish")["changed"] is False


def test_systemd_is_waited_for(remote, name, local_tasks):
    run = local_tasks(
        [
            task("start", remote, name, image="debian/12", wait_for=["systemd", "ipv4"]),
            {**task("no cloud-init", remote, name, wait_for=["cloud_init"]), "ignore_errors": True},
            task("absent", remote, name, state="absent", force=True),
        ]
    )
    assert run.result("start")["addresses"]["ipv4"]
    assert "cloud-init is not there" in run.result("no cloud-init")["msg"]
    assert run.result("absent")["actions"] == ["stop", "delete"]


def test_bad_input_is_refused_and_leaves_nothing(remote, name, local_tasks, command_line):
    cases = {
        "bad name": ({"name": "-bad_name"}, "is no name for a container"),
        "remote in name": ({"name": f"{remote}:{name}"}, "an option of its own"),
        "unknown remote": ({"remote": "lxd-x"}, "is not in the client configuration"),
        "similar remote": ({"remote": f"{remote}a"}, f"did you mean {remote}"),
        "no image": ({"image": None}, "image or source is needed"),
        "missing image": ({"image": "busybx"}, "did you mean busybox"),
        "missing profile": ({"profiles": ["default", "nope"]}, "there is no profile nope"),
        "device without type": ({"devices": {"eth5": {"network": "x"}}}, "device eth5"),
        "two sources": ({"source": {"type": "none"}}, "mutually exclusive"),
        "no condition": ({"wait_for": ["ready to go!"]}, "is no condition"),
        "wait for stopped": ({"wait_for": ["ipv4"], "state": "stopped"}, "a container that runs"),
        "bad config key": ({"config": {"limits.nonsense": 1}}, "limits.nonsense"),
        "bad device": ({"devices": {"d": {"type": "disk", "source": "/nowhere/at/all", "path": "/x"}}}, name),
        "unknown option": ({"imaeg": "busybox"}, "imaeg"),
        "config of maps": ({"config": {"user.x": {"a": 1}}}, "has to be text"),
        "bad project": ({"project": "no-such-project"}, "roject"),
    }
    tasks = []
    for title, (options, _text) in cases.items():
        merged = {"remote": remote, "name": name, "image": "busybox", **options}
        tasks.append({"name": title, MODULE: merged, "ignore_errors": True})
    run = local_tasks(tasks)
    for title, (_options, text) in cases.items():
        result = run.result(title)
        assert result["failed"] and text.lower() in result["msg"].lower(), (title, result)
    assert listed(command_line, remote, name) is None


def test_what_is_protected_or_cannot_change(remote, name, local_tasks):
    run = local_tasks(
        [
            task("create", remote, name, image="busybox", state="present", config={"security.protection.delete": True}),
            {**task("protected", remote, name, state="absent"), "ignore_errors": True},
            {**task("type", remote, name, type="virtual-machine"), "ignore_errors": True},
            {**task("architecture", remote, name, architecture="aarch64"), "ignore_errors": True},
            task("unprotect", remote, name, state="present", config={"security.protection.delete": None}),
            task("absent", remote, name, state="absent"),
        ]
    )
    assert "security.protection.delete" in run.result("protected")["msg"]
    assert "cannot become virtual-machine" in run.result("type")["msg"]
    assert "cannot become aarch64" in run.result("architecture")["msg"]
    assert run.result("absent")["actions"] == ["delete"]


def test_ephemeral_and_projects(remote, name, local_tasks, command_line):
    project = f"{name}-p"
    command_line(
        remote,
        "project",
        "create",
        f"{remote}:{project}",
        "-c",
        "features.images=false",
        "-c",
        "features.profiles=false",
    )
    try:
        run = local_tasks(
            [
                task("create", remote, name, image="busybox", ephemeral=True, project=project),
                {"name": "there", "flotilla.lxd.container_info": {"remote": remote, "name": name, "project": project}},
                {"name": "not here", "flotilla.lxd.container_info": {"remote": remote, "name": name}},
                {"name": "everywhere", "flotilla.lxd.container_info": {"remote": remote, "all_projects": True}},
                *checked("absent", remote, name, state="absent", project=project),
            ]
        )
        assert run.result("create")["container"]["ephemeral"] is True
        assert run.result("there")["containers"][0]["state"]["network"]
        assert run.result("not here")["containers"] == []
        assert name in [each["name"] for each in run.result("everywhere")["containers"]]
        assert_done(run, "absent", "stop")
    finally:
        command_line(remote, "project", "delete", f"{remote}:{project}")
