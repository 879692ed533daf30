# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The profile modules, on a real LXD and a real Incus."""

from __future__ import annotations

import json

import pytest
from three_times import assert_done, three_times

MODULE = "flotilla.lxd.profile"


@pytest.fixture
def profile(remote, name, command_line):
    """The name of a profile of the test's own; it and its renamings are removed afterwards."""
    yield name
    for each in json.loads(command_line(remote, "profile", "list", f"{remote}:", "--format=json")):
        if each["name"].startswith(name):
            command_line(remote, "profile", "delete", f"{remote}:{each['name']}")


def checked(title, remote, name, **options):
    return three_times({"name": title, MODULE: {"remote": remote, "name": name, **options}})


def test_life_of_a_profile(remote, profile, local_tasks, command_line):
    nic = {"type": "nic", "nictype": "p2p"}
    run = local_tasks(
        [
            *checked("create", remote, profile, config={"limits.cpu": 2}, devices={"eth5": nic}, description="one"),
            *checked("change", remote, profile, config={"user.x": True}, devices={"eth5": {"mtu": 1400}}),
            *checked("unset", remote, profile, config={"limits.cpu": None}, devices={"eth5": {"mtu": None}}),
            *checked("exact", remote, profile, config={}, devices={}, exact=["config", "devices"]),
            *checked("rename", remote, f"{profile}-b", rename_from=profile, description="two"),
            {"name": "read", "flotilla.lxd.profile_info": {"remote": remote, "name": f"{profile}-b"}},
            {"name": "gone", "flotilla.lxd.profile_info": {"remote": remote, "name": profile}},
            {"name": "all", "flotilla.lxd.profile_info": {"remote": remote}},
            *checked("absent", remote, f"{profile}-b", state="absent"),
        ]
    )
    assert_done(run, "create", "create")
    assert_done(run, "change", "update")
    assert_done(run, "unset", "update")
    assert_done(run, "exact", "update")
    assert_done(run, "rename", "update", "rename")
    assert_done(run, "absent", "delete")
    assert run.result("change")["profile"]["config"] == {"limits.cpu": "2", "user.x": "true"}
    assert run.result("change")["profile"]["devices"] == {"eth5": {**nic, "mtu": "1400"}}
    assert run.result("unset")["profile"]["devices"] == {"eth5": nic}
    assert run.result("change, checked")["diff"]["after"]["devices"]["eth5"]["mtu"] == "1400"
    assert run.result("read")["profiles"][0]["description"] == "two"
    assert run.result("gone")["profiles"] == []
    assert {"default", f"{profile}-b"} <= {each["name"] for each in run.result("all")["profiles"]}


def test_what_is_in_use_or_taken_is_refused(remote, name, profile, local_tasks):
    def profile_task(title, **options):
        return {"name": title, MODULE: {"remote": remote, **options}, "ignore_errors": True}

    run = local_tasks(
        [
            profile_task("one", name=profile),
            profile_task("two", name=f"{profile}-b"),
            {
                "name": "user",
                "flotilla.lxd.container": {
                    "remote": remote,
                    "name": f"{name}-c",
                    "image": "busybox",
                    "state": "present",
                    "profiles": ["default", profile],
                },
            },
            profile_task("in use", name=profile, state="absent"),
            profile_task("taken", name=f"{profile}-b", rename_from=profile),
            profile_task("slash", name="a/b"),
            profile_task("default", name="default", state="absent"),
            profile_task("bad key", name=profile, config={"limits.nonsense": 1}),
            profile_task("no type", name=profile, devices={"d": {"path": "/"}}),
            {"name": "user gone", "flotilla.lxd.container": {"remote": remote, "name": f"{name}-c", "state": "absent"}},
        ]
    )
    assert f"container {name}-c" in run.result("in use")["msg"] and remote in run.result("in use")["msg"]
    assert "there is a profile of that name already" in run.result("taken")["msg"]
    assert "no name for a profile" in run.result("slash")["msg"]
    assert run.result("default")["failed"] and "default" in run.result("default")["msg"]
    assert "limits.nonsense" in run.result("bad key")["msg"]
    assert "Device d of profile" in run.result("no type")["msg"]
