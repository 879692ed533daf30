# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is special about a live move: a source that takes a moment to stop."""

from __future__ import annotations

import pytest
from fake_server import FakeServer, sync

from ansible_collections.flotilla.lxd.plugins.module_utils._api.client import Client
from ansible_collections.flotilla.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.flotilla.lxd.plugins.module_utils._api.transport import Transport, UnixAddress
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.end import End


@pytest.fixture
def end_of(tmp_path):
    servers = []

    def make(answer) -> tuple[End, FakeServer]:
        server = FakeServer.on_unix_socket(tmp_path / "socket", answer)
        servers.append(server)
        return End(Client(Transport("a", UnixAddress(str(tmp_path / "socket")))), "c1"), server

    yield make
    for server in servers:
        server.stop()


def test_a_source_that_wavers(end_of, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    wavering = [(103, "RUNNING"), (102, "RUNNING"), (103, "RUNNING"), (102, "STOPPED")]

    def answer(request):
        if request.path.startswith("/1.0/instances/c1/snapshots"):
            return sync([])
        code, noted = wavering.pop(0)
        return sync({"status_code": code, "config": {"volatile.last_state.power": noted}})

    end, _server = end_of(answer)
    end.wait_until_stopped(Deadline(10))
    assert wavering == []
