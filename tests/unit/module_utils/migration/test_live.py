# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is special about a live move: a source that takes a moment to stop, and what is done when it fails."""

from __future__ import annotations

import pytest
from fake_server import FakeServer, sync

from ansible_collections.flotilla.lxd.plugins.module_utils._api.client import Client
from ansible_collections.flotilla.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import (
    DeadlineExceeded,
    FlotillaError,
    Interrupted,
    InvalidInput,
    OperationFailed,
    Unreachable,
)
from ansible_collections.flotilla.lxd.plugins.module_utils._api.transport import Transport, UnixAddress
from ansible_collections.flotilla.lxd.plugins.module_utils._migration import batch
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.end import End
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.journey import Migration, Options
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.mark import Place
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.retreat import Failed


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


@pytest.mark.parametrize(
    ("cause", "tries"),
    [
        (OperationFailed("a", "transfer container c1", 400, "CRIU cannot dump it"), ["live", "move"]),
        (InvalidInput("it is frozen"), ["live", "move"]),
        (Interrupted("it was interrupted (SIGINT)"), ["live"]),
        (Unreachable("a", "it hung up"), ["live"]),
        (DeadlineExceeded("transfer container c1: it took too long"), ["live"]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, FlotillaError) else "",
)
def test_what_a_container_is_stopped_for(cause, tries, monkeypatch):
    """With live_fallback, if it could not be moved live; not if the user has called it off, or a server is away."""
    tried = []

    def run(journey, _deadline):
        tried.append(journey.options.running)
        if journey.options.running == "live":
            raise Failed("now it is as it was") from cause

    monkeypatch.setattr(Migration, "run", run)
    clients = [Client(Transport(name, UnixAddress("/nowhere"))) for name in "ab"]
    monkeypatch.setattr(End, "place", property(lambda end: Place(end.remote, "default", end.name)))
    options = Options(running="live", live_fallback=True)
    reports, errors = batch.migrate(*clients, ["c1"], None, options, Deadline(10), check=False)
    assert tried == tries
    assert bool(errors) is (len(tries) == 1) is not bool(reports[0].warnings)
