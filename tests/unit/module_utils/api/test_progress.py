# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told to whoever waits, and that nothing fails or is different for it."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from email.message import Message

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api import progress
from ansible_collections.flotilla.lxd.plugins.module_utils._api.client import Client
from ansible_collections.flotilla.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.flotilla.lxd.plugins.module_utils._api.transport import Response


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets: clock[0], in seconds."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def passing(chunks, clock, seconds):
    for chunk in chunks:
        clock[0] += seconds
        yield chunk


def test_bytes_are_counted_and_pass_unchanged(clock):
    told = []
    chunks = [b"x" * 1_000_000] * 5
    counted = progress.Progress(told.append).counted(passing(chunks, clock, 0.3), "import image x", 5_000_000)
    assert list(counted) == chunks
    assert told == [
        "import image x: 40% (2.0 MB of 5.0 MB, 3.3 MB/s)",
        "import image x: 80% (4.0 MB of 5.0 MB, 3.3 MB/s)",
        "import image x: 100% (5.0 MB of 5.0 MB, 3.3 MB/s)",
    ]


def test_without_a_total_there_is_no_percentage(clock):
    told = []
    list(progress.Progress(told.append).counted(passing([b"x" * 412_000], clock, 1), "fetch x"))
    assert told == ["fetch x: 412 kB (412 kB/s)"]


def test_nobody_listens():
    assert progress.SILENT.watched is False
    assert list(progress.SILENT.counted([b"a", b"b"], "import", 2)) == [b"a", b"b"]


def test_an_operation_is_told_of_by_what_has_changed():
    told = []
    watching = progress.Progress(told.append)
    first = {"download_progress": "rootfs: 100% (9MB/s)", "fingerprint": "abc"}
    for metadata in ({}, first, first, {**first, "create_unpack_progress": "Unpack: 3% (1MB/s)"}):
        watching.of_operation("create container x", metadata)
    assert told == ["create container x: rootfs: 100% (9MB/s)", "create container x: Unpack: 3% (1MB/s)"]


class Server:
    """A transport to a server whose one operation is done the second time it is looked at."""

    remote = address = "foo"

    def __init__(self):
        self.asked = []

    def request(self, method, path, **_arguments):
        self.asked.append(path)
        done = 200 if len(self.asked) > 2 else 103
        content = {"id": "op1", "status_code": done, "metadata": {"fs_progress": f"{len(self.asked)}%"}}
        answer = {"type": "async" if method == "POST" else "sync", "metadata": content}
        return Response(200, Message(), json.dumps(answer).encode())


@pytest.mark.parametrize(("watched", "seconds"), [(False, "30"), (True, "1")])
def test_an_operation_is_looked_at_more_often_only_while_it_is_watched(watched, seconds):
    told, server = [], Server()
    client = Client(server)
    if watched:
        client.progress = progress.Progress(told.append)
    client.scoped(project="p").write("POST", "/1.0/instances", {}, doing="copy x", deadline=Deadline(60))
    looks = [f"/1.0/operations/op1/wait?timeout={seconds}&project=p"] * 2
    assert server.asked == ["/1.0/instances?project=p", *looks]
    assert told == (["copy x: 2%", "copy x: 3%"] if watched else [])


def test_through_a_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    progress.through_pipe(str(pipe)).of_operation("copy ä", {"fs_progress": "4%"})
    assert os.read(reader, 100).decode() == "copy ä: 4%\n"
    os.close(reader)


@pytest.mark.parametrize("place", ["no-reader", "not-there", "full"])
def test_what_cannot_be_told_is_not_told(tmp_path, place):
    pipe = tmp_path / place
    if place != "not-there":
        os.mkfifo(pipe)
    if place == "full":
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        with suppress(BlockingIOError):
            while True:
                os.write(writer, b"x" * 4096)
    watching = progress.through_pipe(str(pipe))
    assert list(watching.counted([b"abc"], "import", 3)) == [b"abc"]
    if place == "full":
        os.close(reader)
        os.close(writer)
