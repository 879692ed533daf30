# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module migrate within one project of one server: to another storage pool, and back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid

import pytest
from three_times import assert_done, three_times

MODULE = "flotilla.lxd.migrate"
MARK = "user.flotilla.migration"
MOVED = ["mark", "stop", "transfer", "verify", "delete", "rename", "start", "unmark"]


class Home:
    """A container on a remote, and a second pool there."""

    def __init__(self, remote: str, call) -> None:
        self.remote = remote
        self.call = call
        self.name = f"t-{uuid.uuid4().hex[:8]}"
        self.pool = f"{self.name}-pool"

    def query(self, path: str, *arguments: str):
        return json.loads(self.call(self.remote, "query", *arguments, f"{self.remote}:/1.0/{path}") or "null")

    def there(self) -> dict:
        return self.query(f"instances/{self.name}")

    def run(self, script: str) -> str:
        return self.call(self.remote, "exec", f"{self.remote}:{self.name}", "--", "sh", "-c", script)

    def names(self) -> list[str]:
        listed = self.query("instances?recursion=1")
        return sorted(one["name"] for one in listed if self.name in one["name"])

    def task(self, title: str, pool: str, **options) -> dict:
        return {"name": title, MODULE: {"remote": self.remote, "name": self.name, "target_pool": pool, **options}}

    def remove(self) -> None:
        for name in self.names():
            self.call(self.remote, "delete", "--force", f"{self.remote}:{name}")
        self.call(self.remote, "storage", "delete", f"{self.remote}:{self.pool}")


@pytest.fixture
def home(remote, command_line) -> Home:
    made = Home(remote, command_line)
    made.call(remote, "storage", "create", f"{remote}:{made.pool}", "dir")
    made.call(
        remote, "launch", f"{remote}:busybox", f"{remote}:{made.name}", "-c", "user.x=1", "-c", "boot.autostart=true"
    )
    yield made
    made.remove()


def snapshot(home: Home, name: str) -> None:
    home.query(f"instances/{home.name}/snapshots", "--wait", "-X", "POST", "-d", json.dumps({"name": name}))


def test_to_another_pool_and_back(home, local_tasks):
    """With what could be two of a kind only for a moment: an address of its own, and the MAC address."""
    network = home.there()["expanded_devices"]["eth0"]["network"]
    address = home.query(f"networks/{network}")["config"]["ipv4.address"].rpartition(".")[0] + ".99"
    home.call(
        home.remote, "config", "device", "override", f"{home.remote}:{home.name}", "eth0", f"ipv4.address={address}"
    )
    home.run("echo old > /root/file; chown 12:34 /root/file")
    snapshot(home, "s0")
    before = home.there()
    run = local_tasks(
        [*three_times(home.task("there", home.pool)), home.task("elsewhere", "nopool") | {"ignore_errors": True}]
    )
    assert_done(run, "there", *MOVED)
    message = run.result("elsewhere")["msg"]
    assert f"{home.name} cannot be moved to storage pool nopool: there is no storage pool nopool" in message
    after = run.result("there, checked")["diff"]["after"][home.name]
    assert after["place"] == f"{home.remote}:{home.name}, storage pool {home.pool}"
    assert after["devices"]["root"]["pool"] == home.pool
    there = home.there()
    assert there["status"] == "Running" and there["expanded_devices"]["root"]["pool"] == home.pool
    assert MARK not in there["config"] and there["config"]["boot.autostart"] == "true"
    for key in ("volatile.eth0.hwaddr", "volatile.uuid", "user.x"):
        assert there["config"][key] == before["config"][key], key
    assert home.run("stat -c %u:%g /root/file; cat /root/file; hostname").split() == ["12:34", "old", home.name]
    assert home.query(f"instances/{home.name}/snapshots") == [f"/1.0/instances/{home.name}/snapshots/s0"]
    home.call(home.remote, "stop", "--force", f"{home.remote}:{home.name}")
    run = local_tasks(three_times(home.task("back", "default")))
    assert_done(run, "back", *(step for step in MOVED if step not in ("stop", "start")))
    assert home.there()["status"] == "Stopped" and home.names() == [home.name]


@pytest.mark.parametrize("seconds", [0.3, 0.6, 1.0])
def test_killed_and_run_again(home, seconds, local_tasks):
    home.run("dd if=/dev/urandom of=/root/large bs=1M count=30 2>/dev/null; sync")
    digest = home.run("md5sum /root/large")
    arguments = {"remote": home.remote, "name": home.name, "target_pool": home.pool, "force": True}
    process = subprocess.Popen(
        [sys.executable, "-m", "ansible_collections.flotilla.lxd.plugins.modules.migrate"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
    process.stdin.close()
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    run = local_tasks([home.task("finish", home.pool), home.task("again", home.pool)])
    assert run.result("again")["actions"] == []
    there = home.there()
    assert home.names() == [home.name] and there["status"] == "Running" and MARK not in there["config"]
    assert there["expanded_devices"]["root"]["pool"] == home.pool
    assert home.run("md5sum /root/large") == digest


def test_a_target_that_is_no_cluster(home, local_tasks):
    message = local_tasks([home.task("move", home.pool, target="nowhere")], fails=True).result("move")["msg"]
    assert "target: nowhere" in message and "no cluster" in message
    assert home.there()["status"] == "Running" and home.names() == [home.name]
