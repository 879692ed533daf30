# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes to what a container keeps of a unit, at a server that does not take them at once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_server import FakeServer, error, sync

from ansible_collections.flotilla.lxd.plugins.module_utils._api.client import Client
from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import ApiError, InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._api.transport import Transport, UnixAddress
from ansible_collections.flotilla.lxd.plugins.module_utils._model.record import UnitRecord, key_of
from ansible_collections.flotilla.lxd.plugins.module_utils._model.writing import update

KEY = key_of("api/0")
FULL = error(400, "Failed to write backup file: disk quota exceeded")
CHANGED_BY_ANOTHER = error(412, "Precondition failed")


class Server:
    """Keeps the config of one container. refusals: what it answers to the first writes, and whether it makes them."""

    def __init__(self, tmp_path, *refusals):
        self.config = {KEY: UnitRecord(status="active").to_json()}
        self.refusals = list(refusals)
        self.writes = 0
        self.fake = FakeServer.on_unix_socket(tmp_path / "s", self._answer)
        self.client = Client(Transport("foo", UnixAddress(str(tmp_path / "s"))))

    def _answer(self, request):
        if request.method == "GET":
            return sync({"config": self.config}, etag=str(self.writes))
        self.writes += 1
        refusal, made = self.refusals.pop(0) if self.refusals else (None, True)
        if made:
            self.config |= request.json["config"]
        return refusal or sync({})


@pytest.fixture
def server(tmp_path):
    started = []

    def start(*refusals):
        started.append(Server(tmp_path, *refusals))
        return started[-1]

    yield start
    for each in started:
        each.fake.stop()


def block(record):
    return replace(record, status="blocked")


@pytest.mark.parametrize(
    ("refusals", "writes"),
    [
        ((), 1),
        ([(CHANGED_BY_ANOTHER, False)] * 4, 5),
        ([(FULL, True)], 1),
        ([(CHANGED_BY_ANOTHER, False), (FULL, True)], 2),
    ],
)
def test_it_is_kept_at_last_and_told_to_be_a_change(server, refusals, writes):
    there = server(*refusals)
    assert update(there.client, "c1", {"api/0": block})
    assert there.config == {KEY: UnitRecord(status="blocked").to_json()}
    assert there.writes == writes
    assert not update(there.client, "c1", {"api/0": block})
    assert there.writes == writes


@pytest.mark.parametrize(("refusal", "writes"), [(FULL, 2), (CHANGED_BY_ANOTHER, 5)])
def test_what_is_never_taken_is_an_error(server, refusal, writes):
    there = server(*[(refusal, False)] * 9)
    with pytest.raises(ApiError, match="remote foo: keep what api/0 in container c1 say"):
        update(there.client, "c1", {"api/0": block})
    assert there.writes == writes


def test_a_unit_that_is_not_there(server):
    with pytest.raises(InvalidInput, match="there is no unit api/7 in container c1"):
        update(server().client, "c1", {"api/7": block})


def test_check_writes_nothing(server):
    there = server()
    assert update(there.client, "c1", {"api/0": block}, check=True)
    assert there.writes == 0
