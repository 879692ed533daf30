# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Saving what runs, and going on with it: where the server can, it works; where it cannot, nothing is harmed.

A server does not tell beforehand whether it can (it takes CRIU): its answer decides which of the two is shown.
"""

from __future__ import annotations

import pytest

# What makes a container one that CRIU can save: no console, no mapping of owners, and on Incus the user's consent.
CONFIG = {
    "lxd-a": {"raw.lxc": "lxc.console.path=none", "security.privileged": True},
    "incus-a": {"raw.lxc": "lxc.console.path=none", "security.privileged": True, "migration.stateful": True},
}


@pytest.fixture
def counting(remote, name, local_tasks, command_line):
    """A running container with a process that counts on in its memory, and writes down where it is."""
    config = CONFIG[remote]
    local_tasks([{"name": "run", "flotilla.lxd.container": task(remote, name, image="busybox", config=config)}])
    count = "echo $$ > /process; i=0; while :; do i=$((i+1)); echo $i > /new; mv /new /count; sleep 0.1; done"
    script = f"setsid sh -c '{count}' </dev/null >/dev/null 2>&1 & sleep 0.5"
    command_line(remote, "exec", f"{remote}:{name}", "--", "sh", "-c", script)
    return name


def task(remote, name, **options):
    return {"remote": remote, "name": name, **options}


def process_and_count(command_line, remote, name):
    script = "sleep 0.5; cat /process /count"
    process, count = command_line(remote, "exec", f"{remote}:{name}", "--", "sh", "-c", script).split()
    return int(process), int(count)


def test_stop_and_start(remote, counting, local_tasks, command_line):
    before = process_and_count(command_line, remote, counting)
    stop = {
        "name": "stop",
        "flotilla.lxd.container": task(remote, counting, state="stopped", stateful=True),
        "ignore_errors": True,
    }
    stopped = local_tasks([stop]).result("stop")
    if stopped["failed"]:
        assert "CRIU" in stopped["msg"] and "without stateful" in stopped["msg"] and counting in stopped["msg"]
        after = process_and_count(command_line, remote, counting)
        assert after[0] == before[0] and after[1] > before[1]
        return
    start = {"name": "start", "flotilla.lxd.container": task(remote, counting, state="started")}
    run = local_tasks([{**stop, "name": "again"}, start, {**start, "name": "start, again"}])
    assert stopped["actions"] == ["stop"] and stopped["container"]["stateful"] is True
    assert run.result("again")["changed"] is False
    assert run.result("start")["actions"] == ["start"] and run.result("start")["container"]["stateful"] is False
    assert run.result("start, again")["changed"] is False
    after = process_and_count(command_line, remote, counting)
    assert after[0] == before[0] and after[1] > before[1]


def test_snapshot_and_restore(remote, counting, local_tasks, command_line):
    before = process_and_count(command_line, remote, counting)
    options = {"remote": remote, "container": counting, "name": "warm", "stateful": True}
    take = {"name": "take", "flotilla.lxd.snapshot": options, "ignore_errors": True}
    taken = local_tasks([take]).result("take")
    if taken["failed"]:
        assert "CRIU" in taken["msg"] and counting in taken["msg"] and "warm" in taken["msg"]
        info = {"name": "info", "flotilla.lxd.snapshot_info": {"remote": remote, "container": counting}}
        assert local_tasks([info]).result("info")["snapshots"] == []
        after = process_and_count(command_line, remote, counting)
        assert after[0] == before[0] and after[1] > before[1]
        return
    stop = {"name": "stop", "flotilla.lxd.container": task(remote, counting, state="stopped", force=True)}
    restore = {"name": "restore", "flotilla.lxd.snapshot": {**options, "state": "restored"}, "ignore_errors": True}
    run = local_tasks([{**take, "name": "again"}, stop, restore])
    assert taken["snapshot"]["stateful"] is True and run.result("again")["changed"] is False
    if remote == "lxd-a" and run.result("restore")["failed"]:
        # LXD 5.0 takes such snapshots of a container without a console, and cannot restore them.
        assert "lxc.console.path" in run.result("restore")["msg"]
        return
    assert run.result("restore")["actions"] == ["restore"]
    after = process_and_count(command_line, remote, counting)
    assert after[0] == before[0] and after[1] >= before[1]
