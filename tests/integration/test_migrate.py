# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module migrate, between real LXD and Incus daemons, each to each."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid

import file_tree
import pytest
from three_times import assert_done, three_times

from lab.settings import STATE

MODULE = "flotilla.lxd.migrate"
COMMANDS = {"lxd-a": "lxc", "lxd-b": "lxc", "incus-a": "incus", "incus-b": "incus"}
PAIRS = [("lxd-a", "lxd-b"), ("incus-a", "incus-b"), ("lxd-a", "incus-a"), ("incus-a", "lxd-a")]
MARK, COPY_OF = "user.flotilla.migration", "user.flotilla.copy_of"
MOVED = ["mark", "stop", "transfer", "verify", "start", "delete", "unmark"]
COPIED = ["transfer", "verify", "unmark"]


class Ends:
    """Two remotes and a container of the test's own, by the commands of the remotes."""

    def __init__(self, source: str, target: str) -> None:
        self.source, self.target = source, target
        self.name = f"t-{uuid.uuid4().hex[:8]}"

    def call(self, remote: str, *arguments: str, check: bool = True, text: str | None = None) -> str:
        done = subprocess.run(
            [COMMANDS[remote], *arguments], input=text or "", capture_output=True, text=True, timeout=300, check=False
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def launch(self, *arguments: str) -> None:
        self.call(self.source, "launch", f"{self.source}:busybox", f"{self.source}:{self.name}", *arguments)

    def snapshot(self, snapshot: str) -> None:
        words = ["snapshot"] if COMMANDS[self.source] == "lxc" else ["snapshot", "create"]
        self.call(self.source, *words, f"{self.source}:{self.name}", snapshot)

    def restore(self, remote: str, name: str, snapshot: str) -> None:
        words = ["restore"] if COMMANDS[remote] == "lxc" else ["snapshot", "restore"]
        self.call(remote, *words, f"{remote}:{name}", snapshot)

    def run(self, remote: str, script: str, name: str | None = None) -> str:
        return self.call(remote, "exec", f"{remote}:{name or self.name}", "--", "sh", text=script)

    def there(self, remote: str, name: str | None = None) -> dict | None:
        listing = json.loads(self.call(remote, "list", f"{remote}:", "--format=json"))
        return next((each for each in listing if each["name"] == (name or self.name)), None)

    def root(self, remote: str, name: str | None = None):
        return STATE / remote / "storage-pools/default/containers" / (name or self.name) / "rootfs"

    def remove(self) -> None:
        for remote in dict.fromkeys((self.source, self.target)):
            for each in json.loads(self.call(remote, "list", f"{remote}:", "--format=json")):
                if each["name"].startswith(self.name):
                    self.call(remote, "delete", "--force", f"{remote}:{each['name']}")
            for each in json.loads(self.call(remote, "profile", "list", f"{remote}:", "--format=json")):
                if each["name"].startswith(self.name):
                    self.call(remote, "profile", "delete", f"{remote}:{each['name']}")

    def task(self, title: str, *, back: bool = False, **options) -> dict:
        source, target = (self.target, self.source) if back else (self.source, self.target)
        return {"name": title, MODULE: {"remote": source, "name": self.name, "target_remote": target, **options}}


@pytest.fixture(params=PAIRS, ids="-".join)
def ends(request) -> Ends:
    made = Ends(*request.param)
    yield made
    made.remove()


@pytest.fixture
def one_pair() -> Ends:
    made = Ends("lxd-a", "incus-a")
    yield made
    made.remove()


@pytest.mark.parametrize("way", ["pull", "push", "relay"])
def test_there_and_back_again(ends, way, local_tasks):
    ends.launch("-c", "user.kept=yes")
    ends.run(ends.source, file_tree.MAKE)
    file_tree.set_attributes(ends.root(ends.source))
    manifest = ends.run(ends.source, file_tree.MANIFEST)
    assert "sparse" in manifest and "12345|54321" in manifest
    before = ends.there(ends.source)
    run = local_tasks(
        [
            *three_times(ends.task("there", transfer=way, config={"user.kept": None, "user.new": 2})),
            *three_times(ends.task("back", back=True, transfer=way)),
        ]
    )
    assert_done(run, "there", *MOVED)
    assert_done(run, "back", *MOVED)
    assert run.result("there")["containers"][0]["transfer"] == way
    assert run.result("there, again")["containers"][0]["transfer"] is None
    place = run.result("there, checked")["diff"]
    assert place["before"][ends.name] == {"place": f"{ends.source}:{ends.name}", "config": {"user.kept": "yes"}}
    assert place["after"][ends.name] == {"place": f"{ends.target}:{ends.name}", "config": {"user.new": "2"}}
    after = ends.there(ends.source)
    assert ends.there(ends.target) is None
    assert after["status"] == "Running" and after["profiles"] == before["profiles"]
    assert "user.kept" not in after["config"] and after["config"]["user.new"] == "2"
    for key in ("volatile.eth0.hwaddr", "volatile.uuid", "volatile.cloud-init.instance-id", "volatile.base_image"):
        assert after["config"][key] == before["config"][key], key
    assert MARK not in after["config"]
    assert ends.run(ends.source, file_tree.MANIFEST) == manifest
    assert file_tree.attributes_arrived(ends.root(ends.source))


def test_copies_snapshots_and_refresh(ends, local_tasks):
    copy = f"{ends.name}-copy"
    ends.launch("-c", "user.x=1")
    ends.run(ends.source, "echo old > /root/file; chown 1000:1000 /root/file")
    ends.snapshot("s0")
    ends.run(ends.source, file_tree.MAKE)
    options = {"mode": "copy", "target_name": copy}
    run = local_tasks(
        [
            *three_times(ends.task("copy", **options)),
            {**ends.task("not onto another", mode="refresh", target_name=copy), "ignore_errors": True},
        ]
    )
    assert_done(run, "copy", *COPIED)
    assert run.result("not onto another")["actions"] == COPIED
    there, source = ends.there(ends.target, copy), ends.there(ends.source)
    assert source["status"] == "Running" and there["status"] == "Stopped"
    assert [each["name"].rpartition("/")[2] for each in there["snapshots"]] == ["s0"]
    assert there["config"]["volatile.eth0.hwaddr"] != source["config"]["volatile.eth0.hwaddr"]
    assert there["config"][COPY_OF].endswith(f"/default/{ends.name}") and MARK not in there["config"]

    ends.run(ends.source, "echo new > /root/file; rm -r /srv/tree/deep")
    ends.snapshot("s1")
    run = local_tasks(
        [
            {**ends.task("predicted", mode="refresh", target_name=copy), "check_mode": True},
            ends.task("refresh", mode="refresh", target_name=copy),
            ends.task("one snapshot", mode="copy", snapshots="s0", target_name=f"{ends.name}-snap"),
            ends.task("no snapshots", mode="copy", snapshots="none", target_name=f"{ends.name}-none"),
        ]
    )
    assert run.result("predicted")["actions"] == run.result("refresh")["actions"] == COPIED
    ends.call(ends.target, "start", f"{ends.target}:{copy}", f"{ends.target}:{ends.name}-snap")
    assert ends.run(ends.target, file_tree.MANIFEST, copy) == ends.run(ends.source, file_tree.MANIFEST)
    assert ends.run(ends.target, "cat /root/file", copy) == "new\n"
    assert ends.run(ends.target, "cat /root/file", f"{ends.name}-snap") == "old\n"
    assert len(ends.there(ends.target, copy)["snapshots"]) == 2
    assert not ends.there(ends.target, f"{ends.name}-snap")["snapshots"]
    assert not ends.there(ends.target, f"{ends.name}-none")["snapshots"]
    ends.call(ends.target, "stop", "--force", f"{ends.target}:{copy}")
    ends.restore(ends.target, copy, "s0")
    ends.call(ends.target, "start", f"{ends.target}:{copy}")
    assert ends.run(ends.target, "stat -c %u:%g /root/file; cat /root/file", copy) == "1000:1000\nold\n"


@pytest.mark.parametrize("status", ["stopped", "frozen"])
def test_it_ends_as_it_was(ends, status, local_tasks):
    ends.launch()
    ends.call(ends.source, *(["stop", "--force"] if status == "stopped" else ["pause"]), f"{ends.source}:{ends.name}")
    local_tasks([ends.task("move")])
    assert ends.there(ends.target)["status"].lower() == status
    assert ends.there(ends.source) is None


def test_everything_in_the_way_is_said_at_once(one_pair, local_tasks):
    ends = one_pair
    ends.call(ends.source, "profile", "create", f"{ends.source}:{ends.name}")
    ends.launch("-p", "default", "-p", ends.name, "--ephemeral")
    ends.snapshot("s0")
    run = local_tasks(
        [
            {
                **ends.task(
                    "all of it",
                    devices={"eth1": {"type": "nic", "network": "nowhere"}},
                    config={"limits.nonsense": 1},
                    target_pool="nopool",
                ),
                "ignore_errors": True,
            },
            {**ends.task("no such snapshot", mode="copy", snapshots="s7"), "ignore_errors": True},
            {**ends.task("refused", running="refuse"), "ignore_errors": True},
            {
                **ends.task("nothing"),
                MODULE: {"remote": ends.source, "name": f"{ends.name}x", "target_remote": ends.target},
            }
            | {"ignore_errors": True},
            {**ends.task("two"), MODULE: {"remote": ends.source, "name": f"{ends.name}*", "target_name": "x"}}
            | {"ignore_errors": True},
            {
                **ends.task(
                    "mapped",
                    mode="copy",
                    profiles={ends.name: None},
                ),
            },
        ]
    )
    message = run.result("all of it")["msg"]
    for part in (
        f"no profile {ends.name} at the target",
        "no network nowhere",
        "no storage pool nopool",
        "does not know limits.nonsense",
        "it is ephemeral",
    ):
        assert part in message, part
    assert "it has no snapshot s7" in run.result("no such snapshot")["msg"]
    assert "running: refuse" in run.result("refused")["msg"]
    assert "neither at the source nor at the target" in run.result("nothing")["msg"]
    assert "target_name" in run.result("two")["msg"]
    there = ends.there(ends.target)
    assert there["profiles"] == ["default"] and there["ephemeral"]
    assert [(one["name"], one["profiles"]) for one in there["snapshots"]] == [("s0", ["default"])]
    assert ends.there(ends.source)["status"] == "Running" and MARK not in ends.there(ends.source)["config"]


def test_a_taken_name_is_never_touched(ends, local_tasks):
    ends.launch()
    ends.call(ends.target, "init", f"{ends.target}:busybox", f"{ends.target}:{ends.name}", "-c", "user.mine=1")
    run = local_tasks([{**ends.task(mode, mode=mode), "ignore_errors": True} for mode in ("move", "copy", "refresh")])
    for mode in ("move", "copy", "refresh"):
        assert run.result(mode)["failed"] and "the target has a container of that name" in run.result(mode)["msg"]
    assert ends.there(ends.target)["config"]["user.mine"] == "1"
    assert ends.there(ends.source)["status"] == "Running"


def test_what_cannot_start_there_goes_back(one_pair, local_tasks):
    ends = one_pair
    ends.launch()
    devices = {"no": {"type": "disk", "source": "/nonexistent/path", "path": "/mnt", "required": "false"}}
    broken = {"raw.lxc": "lxc.init.cmd = /nothing"}
    run = local_tasks(
        [
            {**ends.task("move", config=broken, devices=devices), "ignore_errors": True},
            ends.task("again"),
        ]
    )
    assert run.result("move")["failed"], run.result("move")
    assert f"the container is on {ends.source}:{ends.name} as it was" in run.result("move")["msg"]
    assert run.result("again")["actions"] == MOVED


def test_patterns_and_one_that_fails(one_pair, local_tasks):
    ends = one_pair
    for suffix in ("a", "b", "c"):
        ends.call(ends.source, "init", f"{ends.source}:busybox", f"{ends.source}:{ends.name}-{suffix}")
    ends.call(ends.target, "init", f"{ends.target}:busybox", f"{ends.target}:{ends.name}-b")
    all_of_them = {
        "name": "all",
        MODULE: {"remote": ends.source, "name": f"{ends.name}-*", "target_remote": ends.target},
    }
    run = local_tasks([{**all_of_them, "ignore_errors": True}])
    done = {each["name"].rpartition("-")[2]: each["failure"] for each in run.result("all")["containers"]}
    assert done["a"] is None and done["c"] is None and "of that name" in done["b"]
    assert run.result("all")["failed"]
    ends.call(ends.target, "delete", f"{ends.target}:{ends.name}-b")
    run = local_tasks(three_times(all_of_them))
    assert run.result("all")["actions"] == ["mark", "transfer", "verify", "delete", "unmark"]
    assert run.result("all, again")["containers"] == []


def test_what_stands_against_a_live_move(one_pair, local_tasks):
    """From LXD to Incus nothing is restored; what is to be done about it is said with all the rest, and nothing is begun."""
    ends = one_pair
    ends.launch()
    run = local_tasks(
        [
            {
                **ends.task("live", running="live", devices={"eth1": {"type": "nic", "network": "nowhere"}}),
                "ignore_errors": True,
            },
            {**ends.task("stopped instead", running="live", live_fallback=True), "check_mode": True},
        ]
    )
    message = run.result("live")["msg"]
    for said in (
        "neither restores what the other wrote",
        "lxc.console.path=none",
        "is unprivileged",
        "network nowhere",
    ):
        assert said in message
    assert ends.there(ends.source)["status"] == "Running" and MARK not in ends.there(ends.source)["config"]
    assert run.result("stopped instead")["actions"] == MOVED


def test_to_another_project_of_the_same_server(remote, local_tasks):
    ends = Ends(remote, remote)
    project = ends.name
    ends.call(remote, "project", "create", f"{remote}:{project}", "-c", "features.profiles=false")
    try:
        ends.launch()
        move = {"name": "move", MODULE: {"remote": remote, "name": ends.name, "target_project": project}}
        back = {
            "name": "back",
            MODULE: {"remote": remote, "project": project, "name": ends.name, "target_project": "default"},
        }
        run = local_tasks([*three_times(move), *three_times(back)])
        assert_done(run, "move", *MOVED)
        assert_done(run, "back", *MOVED)
        assert run.result("move")["containers"][0]["transfer"] == "local"
        assert ends.there(remote)["status"] == "Running"
    finally:
        ends.remove()
        ends.call(remote, "project", "delete", f"{remote}:{project}")


def start_module(ends: Ends, **options) -> subprocess.Popen:
    """The module alone, as Ansible runs it, so that it can be killed."""
    arguments = {"remote": ends.source, "name": ends.name, "target_remote": ends.target, **options}
    return subprocess.Popen(
        [sys.executable, "-m", "ansible_collections.flotilla.lxd.plugins.modules.migrate"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ},
    ), json.dumps({"ANSIBLE_MODULE_ARGS": arguments})


@pytest.mark.parametrize("seconds", [0.4, 1.0, 1.6])
def test_killed_and_run_again(ends, seconds, local_tasks):
    ends.launch()
    ends.run(ends.source, file_tree.MAKE)
    manifest = ends.run(ends.source, file_tree.MANIFEST)
    process, arguments = start_module(ends)
    process.stdin.write(arguments)
    process.stdin.close()
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    run = local_tasks([ends.task("finish"), ends.task("again")])
    assert run.result("again")["actions"] == []
    assert ends.there(ends.source) is None
    there = ends.there(ends.target)
    assert there["status"] == "Running" and MARK not in there["config"]
    assert ends.run(ends.target, file_tree.MANIFEST) == manifest


@pytest.mark.parametrize("seconds", [0.6, 1.2])
def test_interrupted_it_puts_things_back(one_pair, seconds, local_tasks):
    ends = one_pair
    ends.launch()
    ends.run(ends.source, file_tree.MAKE)
    process, arguments = start_module(ends)
    process.stdin.write(arguments)
    process.stdin.close()
    time.sleep(seconds)
    process.send_signal(signal.SIGTERM)
    result = json.loads(process.stdout.read())
    process.wait()
    source, target = ends.there(ends.source), ends.there(ends.target)
    if source:
        assert "interrupted" in result["msg"]
        assert (source["status"], target) == ("Running", None) and MARK not in source["config"], result["msg"]
    else:
        assert target["status"] == "Running"
    local_tasks([ends.task("finish")])
    assert ends.there(ends.source) is None
