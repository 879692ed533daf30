# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that go on: across a stop and a start, a restored snapshot, and a move to another server.

Incus with CRIU does that. LXD 5.0 does not, and test_stateful.py shows that nothing is harmed by trying.
"""

from __future__ import annotations

import json
import re
import uuid

import counter
import needs
import pytest

SOURCE, TARGET = "incus-a", "incus-b"
CONTAINER = "flotilla.lxd.container"
SNAPSHOT = "flotilla.lxd.snapshot"
MIGRATE = "flotilla.lxd.migrate"

pytestmark = needs.CRIU


@pytest.fixture
def container(local_tasks, command_line):
    """Make a running container that counts; its config is what CRIU needs, but for what is said. Removed at both ends."""
    made = []

    def make(**config) -> str:
        made.append(f"t-{uuid.uuid4().hex[:8]}")
        options = {"name": made[-1], "image": "busybox", "config": {**counter.CONFIG, **config}, "state": "started"}
        local_tasks([{CONTAINER: {"remote": SOURCE, **options}}])
        counter.start(command_line, SOURCE, made[-1])
        return made[-1]

    yield make
    for remote in (SOURCE, TARGET):
        there = {one["name"] for one in listing(command_line, remote)}
        for name in there.intersection(made):
            command_line(remote, "delete", "--force", f"{remote}:{name}")


def listing(command_line, remote):
    return json.loads(command_line(remote, "list", f"{remote}:", "--format=json"))


def status(command_line, remote, name):
    return {one["name"]: one["status"] for one in listing(command_line, remote)}.get(name)


def test_stop_and_start(container, local_tasks, command_line):
    name = container()
    before = counter.look(command_line, SOURCE, name)
    stop = {CONTAINER: {"remote": SOURCE, "name": name, "state": "stopped", "stateful": True}}
    start = {CONTAINER: {"remote": SOURCE, "name": name, "state": "started"}}
    for _time in range(2):
        local_tasks([stop, start])
        assert counter.goes_on(command_line, SOURCE, name, before)


def test_restored_snapshot(container, local_tasks, command_line):
    name = container()
    options = {"remote": SOURCE, "container": name, "name": "warm", "stateful": True}
    local_tasks([{SNAPSHOT: options}])
    taken = counter.look(command_line, SOURCE, name)
    later = counter.look(command_line, SOURCE, name)
    local_tasks([{SNAPSHOT: {**options, "state": "restored"}}])
    restored = counter.look(command_line, SOURCE, name)
    assert restored[0] == taken[0] and restored[1] < later[1]
    assert counter.goes_on(command_line, SOURCE, name, restored)


def test_live_move(container, local_tasks, command_line):
    name = container()
    before = counter.look(command_line, SOURCE, name)
    move = {"name": "move", MIGRATE: {"remote": SOURCE, "name": name, "target_remote": TARGET, "running": "live"}}
    run = local_tasks([{**move, "name": "checked", "check_mode": True}, move, {**move, "name": "again"}])
    assert run.result("checked")["changed"] is True
    assert run.result("move")["changed"] is True and "stop" not in run.result("move")["containers"][0]["actions"]
    assert run.result("again")["changed"] is False
    assert status(command_line, SOURCE, name) is None
    assert counter.goes_on(command_line, TARGET, name, before)


def test_live_move_that_fails(container, local_tasks, command_line):
    """CRIU's reason reaches the user, with the place of its log, and the container runs on as if nothing had been."""
    name = container()
    unknown = "(exec 3<>/dev/fuse; while :; do sleep 100; done) </dev/null >/dev/null 2>&1 & sleep 0.2"
    command_line(SOURCE, "exec", f"{SOURCE}:{name}", "--", "setsid", "sh", "-c", unknown)
    before = counter.look(command_line, SOURCE, name)
    move = {"name": "move", MIGRATE: {"remote": SOURCE, "name": name, "target_remote": TARGET, "running": "live"}}
    message = local_tasks([move], fails=True).result("move")["msg"]
    assert "Can't dump file 3 of that type" in message, message
    log = re.search(r"/1\.0/instances/\S+/logs/migration_dump\S+", message)
    assert log and "Dumping FAILED" in command_line(SOURCE, "query", "--raw", f"{SOURCE}:{log[0]}"), message
    assert status(command_line, SOURCE, name) == "Running" and status(command_line, TARGET, name) is None
    assert counter.goes_on(command_line, SOURCE, name, before)


def test_what_stands_against_it_is_said_at_once(container, local_tasks, command_line):
    """Before anything is tried, in check mode as well; or it is stopped for it, if that may be."""
    name = container(**{"raw.lxc": "", "security.privileged": False, "migration.stateful": False})
    live = {"remote": SOURCE, "name": name, "target_remote": TARGET, "running": "live"}
    run = local_tasks(
        [
            {"name": "checked", MIGRATE: live, "check_mode": True, "ignore_errors": True},
            {"name": "refused", MIGRATE: live, "ignore_errors": True},
            {"name": "stopped", MIGRATE: {**live, "live_fallback": True}, "check_mode": True},
        ]
    )
    for title in ("checked", "refused"):
        result = run.result(title)
        assert result["failed"] and not result["changed"], result
        for said in ("lxc.console.path=none", "migration.stateful", "is unprivileged"):
            assert said in result["msg"]
        assert "has no CRIU" not in result["msg"] and not result.get("warnings")
    assert status(command_line, SOURCE, name) == "Running" and status(command_line, TARGET, name) is None
    stopped = run.result("stopped")
    assert "stop" in stopped["actions"] and any("cannot be moved live" in one for one in stopped["warnings"])
