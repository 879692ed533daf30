# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The snapshot modules, on a real LXD and a real Incus."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from three_times import assert_done, three_times

MODULE = "flotilla.lxd.snapshot"


@pytest.fixture
def container(remote, name, command_line):
    """A container of the test's own, not started."""
    command_line(remote, "init", f"{remote}:busybox", f"{remote}:{name}")
    return name


def task(title, remote, container, **options):
    return {"name": title, MODULE: {"remote": remote, "container": container, **options}}


def checked(title, remote, container, **options):
    return three_times(task(title, remote, container, **options))


def write(command_line, remote, container, text):
    command_line(remote, "exec", f"{remote}:{container}", "--", "sh", "-c", f"echo {text} > /marker")


def read(command_line, remote, container):
    return command_line(remote, "exec", f"{remote}:{container}", "--", "cat", "/marker").strip()


def status(command_line, remote, container):
    return command_line(remote, "list", f"{remote}:{container}", "--format=csv", "--columns=s").strip()


def moment(text):
    return datetime.fromisoformat(text[:19])


def test_life_of_a_snapshot(remote, container, local_tasks):
    run = local_tasks(
        [
            *checked("take", remote, container, name="one"),
            *checked("expire", remote, container, name="one", expires_at="2099-01-31"),
            *checked("a span", remote, container, name="one", expires_at="2w"),
            *checked("never", remote, container, name="one", expires_at="never"),
            *checked("rename", remote, container, name="two", rename_from="one", expires_at="1d"),
            *checked("take with a span", remote, container, name="three", expires_at="90M"),
            {"name": "read", "flotilla.lxd.snapshot_info": {"remote": remote, "container": container}},
            {"name": "some", "flotilla.lxd.snapshot_info": {"remote": remote, "pattern": "th*"}},
            {"name": "none", "flotilla.lxd.snapshot_info": {"remote": remote, "container": f"{container}-x"}},
            *checked("absent", remote, container, name="two", state="absent"),
        ]
    )
    assert_done(run, "take", "create")
    assert_done(run, "expire", "update")
    assert_done(run, "a span", "update")
    assert_done(run, "never", "update")
    assert_done(run, "rename", "update", "rename")
    assert_done(run, "take with a span", "create")
    assert_done(run, "absent", "delete")
    assert run.result("take, checked")["snapshot"]["name"] == "one"
    assert run.result("take, checked")["snapshots"] == run.result("take")["snapshots"] == ["one"]
    assert run.result("expire")["snapshot"]["expires_at"] == "2099-01-31T00:00:00Z"
    assert run.result("expire, checked")["diff"]["after"]["snapshots"]["one"]["expires_at"] == "2099-01-31T00:00:00Z"
    assert run.result("never")["snapshot"]["expires_at"].startswith("0001")
    three = run.result("take with a span")["snapshot"]
    assert moment(three["expires_at"]) - moment(three["created_at"]) == timedelta(minutes=90)
    assert [each["name"] for each in run.result("read")["snapshots"]] == ["two", "three"]
    assert container in [each["container"] for each in run.result("some")["snapshots"]]
    assert run.result("none")["snapshots"] == []
    assert run.result("absent")["snapshots"] == ["three"] and "snapshot" not in run.result("absent")


def test_what_the_container_says_of_expiry_holds_for_new_snapshots(remote, container, local_tasks, command_line):
    command_line(remote, "config", "set", f"{remote}:{container}", "snapshots.expiry", "3d")
    run = local_tasks(
        [
            *checked("by the container", remote, container, name="one"),
            *checked("the same", remote, container, name="one", expires_at="3d"),
            *checked("never", remote, container, name="two", expires_at="never"),
        ]
    )
    one = run.result("by the container")["snapshot"]
    assert moment(one["expires_at"]) - moment(one["created_at"]) < timedelta(days=3, seconds=1)
    assert run.result("the same")["changed"] is False
    assert run.result("never")["snapshot"]["expires_at"].startswith("0001")


def test_retention(remote, container, local_tasks):
    run = local_tasks(
        [
            *(task(f"take {number}", remote, container, name=f"auto-{number}") for number in range(4)),
            task("other", remote, container, name="other"),
            *checked("thin out", remote, container, name="auto-4", pattern="auto-*", keep=3),
            *checked("all are young", remote, container, state="absent", pattern="auto-*", younger_than="1H"),
            *checked("keep one", remote, container, state="absent", pattern="auto-*", keep=1),
            *checked("the new one is spared", remote, container, name="auto-5", pattern="*", keep=0),
            *checked("all", remote, container, state="absent", pattern="*"),
        ]
    )
    assert_done(run, "thin out", "create", "delete", "delete")
    assert run.result("thin out")["removed"] == run.result("thin out, checked")["removed"] == ["auto-0", "auto-1"]
    assert run.result("thin out")["snapshots"] == ["auto-2", "auto-3", "other", "auto-4"]
    assert run.result("thin out, checked")["snapshots"] == ["auto-2", "auto-3", "other", "auto-4"]
    assert run.result("all are young")["changed"] is False
    assert_done(run, "keep one", "delete", "delete")
    assert run.result("keep one")["snapshots"] == ["other", "auto-4"]
    assert_done(run, "the new one is spared", "create", "delete", "delete")
    assert run.result("the new one is spared")["snapshots"] == ["auto-5"]
    assert_done(run, "all", "delete")


def test_a_snapshot_is_taken_anew_only_if_asked(remote, container, local_tasks, command_line):
    command_line(remote, "start", f"{remote}:{container}")
    write(command_line, remote, container, "old")
    local_tasks([task("take", remote, container, name="s")])
    write(command_line, remote, container, "new")
    run = local_tasks(
        [
            task("again", remote, container, name="s"),
            {**task("anew, checked", remote, container, name="s", retake=True), "check_mode": True},
            task("anew", remote, container, name="s", retake=True, expires_at="1d"),
        ]
    )
    assert run.result("again")["changed"] is False
    assert run.result("anew, checked")["actions"] == ["create", "delete", "rename"]
    assert run.result("anew")["actions"] == ["create", "delete", "rename"]
    assert run.result("anew")["snapshots"] == ["s"] and run.result("anew")["removed"] == []
    write(command_line, remote, container, "newest")
    local_tasks([task("restore", remote, container, name="s", state="restored")])
    assert read(command_line, remote, container) == "new"


@pytest.mark.parametrize("run_state", ["started", "frozen", "stopped"])
def test_restoring_brings_files_and_config_back_and_keeps_the_run_state(
    remote, container, run_state, local_tasks, command_line
):
    command_line(remote, "start", f"{remote}:{container}")
    write(command_line, remote, container, "before")
    there = {"remote": remote, "name": container}
    local_tasks(
        [
            task("take", remote, container, name="s"),
            {"name": "change", "flotilla.lxd.container": {**there, "config": {"user.since": "then"}}},
        ]
    )
    write(command_line, remote, container, "after")
    restore = task("restore", remote, container, name="s", state="restored")
    run = local_tasks(
        [
            {"name": "run state", "flotilla.lxd.container": {**there, "state": run_state, "force": True}},
            {**restore, "name": "restore, checked", "check_mode": True, "diff": True},
            restore,
            {**restore, "name": "restore, again"},
            {"name": "info", "flotilla.lxd.container_info": there},
        ]
    )
    expected = ["restore", "freeze"] if run_state == "frozen" else ["restore"]
    for title in ("restore, checked", "restore", "restore, again"):
        assert run.result(title)["actions"] == expected and run.result(title)["changed"] is True
        assert run.result(title)["snapshot"]["name"] == "s"
    assert run.result("restore, checked")["diff"]["before"]["config"]["user.since"] == "then"
    assert "user.since" not in run.result("restore, checked")["diff"]["after"]["config"]
    (found,) = run.result("info")["containers"]
    assert found["status"] == {"started": "Running", "frozen": "Frozen", "stopped": "Stopped"}[run_state]
    assert "user.since" not in found["config"]
    local_tasks([{"name": "start", "flotilla.lxd.container": {**there, "state": "started"}}])
    assert read(command_line, remote, container) == "before"


def test_bad_input_is_one_sentence_and_changes_nothing(remote, container, local_tasks):
    def failing(title, **options):
        options = {"container": container, **options}
        return {**task(title, remote, **options), "ignore_errors": True}

    nowhere = f"{container}-nope"
    run = local_tasks(
        [
            task("one", remote, container, name="one"),
            task("two", remote, container, name="two"),
            failing("dots", name=".."),
            failing("slash", name="a/b"),
            failing("date", name="x", expires_at="soon"),
            failing("taken", name="two", rename_from="one"),
            failing("restore none", name="three", state="restored"),
            failing("no state in it", name="one", state="restored", stateful=True),
            failing("another kind", name="one", stateful=True),
            failing("does not run", name="x", stateful=True),
            failing("no container", container=nowhere, name="x"),
            failing("no container to restore", container=nowhere, name="x", state="restored"),
            failing("keep what", name="one", keep=3),
            failing("name whom", state="present"),
            failing("no project", name="x", project="t-no-such"),
            task("absent of none", remote, nowhere, name="x", state="absent"),
            {**task("expected, checked", remote, nowhere, name="x"), "check_mode": True},
            {"name": "left", "flotilla.lxd.snapshot_info": {"remote": remote, "container": container}},
        ]
    )
    for title, text in {
        "dots": "no name for a snapshot",
        "slash": "no name for a snapshot",
        "date": "is no date",
        "taken": "there is a snapshot of that name already",
        "restore none": "there are one, two",
        "no state in it": "holds no state of processes",
        "another kind": "retake: true takes it anew",
        "does not run": "does not run",
        "no container": f"container {nowhere}: there is no such container",
        "no container to restore": "there is no such container",
        "keep what": "pattern",
        "name whom": "name",
        "no project": "t-no-such",
    }.items():
        assert run.result(title)["failed"] and text in run.result(title)["msg"], (title, run.result(title)["msg"])
    assert run.result("absent of none")["changed"] is False
    assert run.result("expected, checked")["actions"] == ["create"]
    assert [each["name"] for each in run.result("left")["snapshots"]] == ["one", "two"]
