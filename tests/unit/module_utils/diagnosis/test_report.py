# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report of two ends, from servers that tell secrets in every place they can."""

from __future__ import annotations

import stat
import tarfile

import pytest
from fake_server import HANG_UP, FakeServer, Request, error, sync

from ansible_collections.flotilla.lxd.plugins.module_utils._api.client import Client
from ansible_collections.flotilla.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput, Unreachable
from ansible_collections.flotilla.lxd.plugins.module_utils._api.transport import Transport, UnixAddress
from ansible_collections.flotilla.lxd.plugins.module_utils._diagnosis import report

SECRET = "tr0ub4dor&3"
LOG = f"(00.1) Error (criu/files.c:1400): Can't open cwd of {SECRET}\n"


def file(text: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(text.encode())}\r\n\r\n{text}".encode()


def source(request: Request) -> bytes:
    where = request.path.partition("?")[0]
    instance = "/1.0/instances/c1"
    config = {"environment.PW": SECRET, "raw.lxc": "lxc.console.path=none"}
    answers = {
        "/1.0": {"auth": "trusted", "environment": {"server": "incus", "server_name": "elsewhere", "server_pid": 1}},
        "/1.0/resources": {"cpu": {"architecture": "x86_64"}, "memory": {}, "system": {"serial": SECRET}},
        "/1.0/operations": {"running": [{"id": "1", "description": "Migrating", "metadata": {"criu": SECRET}}]},
        instance: {
            "status_code": 102,
            "config": config,
            "profiles": ["default"],
            "expanded_devices": {"root": {"type": "disk", "pool": "pool1"}},
        },
        f"{instance}/state": {"pid": 7},
        f"{instance}/snapshots": [{"name": "s0", "config": config}],
        f"{instance}/logs": [f"{instance}/logs/{name}" for name in ("dump.log", "exec_1.stdout", "lost.log")],
        "/1.0/profiles/default": {"config": {"user.x": SECRET}},
        "/1.0/storage-pools/pool1": {"driver": "dir"},
    }
    if where == f"{instance}/logs/dump.log":
        return file(LOG)
    return sync(answers[where]) if where in answers else error(404, f"no {SECRET} here")


def target(request: Request) -> bytes:
    return sync({"auth": "trusted"}) if request.path == "/1.0" else error(404, "Instance not found")


@pytest.fixture
def end(tmp_path):
    servers = []

    def make(role, answer):
        servers.append(FakeServer.on_unix_socket(tmp_path / f"{role}.socket", answer))
        return report.End(role, Client(Transport(role, UnixAddress(str(tmp_path / f"{role}.socket")))), "c1")

    yield make
    for server in servers:
        server.stop()


def test_both_ends(end, tmp_path):
    parts, gaps = report.gather([end("source", source), end("target", target)], Deadline(10))
    assert {
        "source/container.json",
        "source/logs/dump.log",
        "source/operations.json",
        "source/pools/pool1.json",
        "source/profiles/default.json",
        "source/server.json",
        "source/snapshots.json",
        "source/state.json",
        "target/server.json",
    } <= parts.keys()
    assert "Migrating" in parts["source/operations.json"]
    assert "lxc.console.path=none" in parts["source/container.json"]
    assert "Can't open cwd" in parts["source/logs/dump.log"]
    assert "source/logs/exec_1.stdout" not in parts and "source/mountinfo" not in parts
    reasons = {gap.part: gap.reason for gap in gaps}
    assert "Instance not found" in reasons["target/container.json"]
    assert "source/logs/lost.log" in reasons and "source/host" in reasons
    assert "target/container.json: " in parts["left-out.txt"]

    dest = report.destination(str(tmp_path), "c1")
    report.write(parts, dest)
    assert stat.S_IMODE((tmp_path / dest).stat().st_mode) == 0o600
    with tarfile.open(dest) as tar:
        files = [tar.extractfile(member).read().decode() for member in tar.getmembers()]
    assert len(files) == len(parts)
    assert not [text for text in files if SECRET in text]
    assert not [gap for gap in gaps if SECRET in gap.reason]


def test_one_end_that_is_down(end):
    parts, gaps = report.gather([end("source", lambda request: HANG_UP), end("target", target)], Deadline(10))
    assert "target/server.json" in parts and "source/server.json" in {gap.part for gap in gaps}


def test_nothing_at_all(end):
    with pytest.raises(Unreachable, match="nothing to report"):
        report.gather([end("source", lambda request: HANG_UP)], Deadline(10))


def test_where_to(tmp_path):
    assert report.destination(str(tmp_path / "a.tgz"), "c1") == str(tmp_path / "a.tgz")
    assert report.destination(f"{tmp_path}/", "c1").startswith(f"{tmp_path}/migration-c1-2")
    with pytest.raises(InvalidInput, match="there is no directory"):
        report.destination(str(tmp_path / "no" / "a.tgz"), "c1")
    with pytest.raises(InvalidInput, match="cannot be written"):
        report.write({}, "/proc/a.tgz")
