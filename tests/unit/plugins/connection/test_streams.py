# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Against a real websocket server, which plays a command: a function for each of its streams."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack, closing
from urllib.parse import parse_qs, urlsplit

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import unix_serve

from ansible_collections.flotilla.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import Unreachable
from ansible_collections.flotilla.lxd.plugins.plugin_utils._connection import streams
from ansible_collections.flotilla.lxd.plugins.plugin_utils._connection.dialogue import Task

END = ""
NAMES = {"stdin": streams.STDIN, "stdout": streams.STDOUT, "stderr": streams.STDERR, "control": streams.CONTROL}
KINDS = {
    "stdin": streams.Stream,
    "stdout": streams.Output,
    "stderr": streams.Output,
    "terminal": streams.Stream,
    "control": streams.Stream,
}


@pytest.fixture
def converse(tmp_path):
    """Let a task talk with a command, given as what the server does with each stream."""
    with ExitStack() as stack:

        def run(task: Task, **command) -> None:
            path = str(tmp_path / next(iter(command)))

            def serve(connection) -> None:
                query = urlsplit(connection.request.path).query
                command[parse_qs(query)["secret"][0]](connection)

            server = stack.enter_context(unix_serve(serve, path))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
            opened = {}
            for name in command:
                sock = socket.socket(socket.AF_UNIX)
                sock.connect(path)
                opened[NAMES.get(name, streams.STDIN)] = KINDS[name](sock, "operation", name)
            try:
                streams.converse(opened, task, "foo", Deadline(10))
            finally:
                for stream in opened.values():
                    stream.close()

        yield run


def says(*messages: bytes | str):
    def serve(connection) -> None:
        for message in messages:
            connection.send(message)

    return serve


def listens(heard: list):
    """Take what comes, to its end."""

    def serve(connection) -> None:
        try:
            while (message := connection.recv()) != END:
                heard.append(message)
        except ConnectionClosed:
            heard.append("gone")

    return serve


def test_output_and_errors(converse):
    task = Task()
    converse(task, stdin=listens([]), stdout=says(b"a", b"b", END), stderr=says(b"c", END))
    assert (task.stdout, task.stderr) == (b"ab", b"c")


def test_messages_in_fragments(converse):
    task = Task()
    pieces = [b"x" * 70000, b"", b"y"]
    converse(task, stdin=listens([]), stdout=lambda c: (c.send(iter(pieces)), c.send(END)), stderr=says(END))
    assert task.stdout == b"".join(pieces)


def test_a_close_message_is_an_end_too(converse):
    task = Task()
    converse(task, stdin=listens([]), stdout=says(b"a"), stderr=says())
    assert (task.stdout, task.stderr) == (b"a", b"")


def test_big_input_against_big_output(converse):
    heard: list[bytes] = []
    done = threading.Event()
    content = bytes(8 * 1024 * 1024)

    def stdin(connection) -> None:
        listens(heard)(connection)
        done.set()

    def stdout(connection) -> None:
        # More than the socket holds, before any input is read: who does not read while writing is stuck here.
        for _piece in range(8):
            connection.send(bytes(1024 * 1024))
        done.wait()
        connection.send(END)

    task = Task(content)
    converse(task, stdin=stdin, stdout=stdout, stderr=says(END))
    assert len(task.stdout) == len(content)
    assert b"".join(heard) == content


def test_input_nobody_reads(converse):
    def stdin(connection) -> None:
        connection.socket.shutdown(socket.SHUT_RDWR)

    task = Task(bytes(8 * 1024 * 1024))
    converse(task, stdin=stdin, stdout=says(b"done", END), stderr=says(END))
    assert task.stdout == b"done"


def test_terminal(converse):
    heard: list[bytes] = []

    def terminal(connection) -> None:
        connection.send(b"$ ")
        listens(heard)(connection)
        connection.send(b"bye\r\n")
        connection.send(END)

    task = Task(b"exit\n")
    converse(task, terminal=terminal, control=listens([]))
    assert task.stdout == b"$ bye\r\n"
    assert heard == [b"exit\n"]


def test_pings_are_answered_where_somebody_listens(converse):
    answered = {}

    def ping(name):
        def serve(connection) -> None:
            answered[name] = connection.ping().wait(0.3)
            connection.send(END)

        return serve

    converse(Task(), stdin=listens([]), stdout=ping("stdout"), stderr=ping("stderr"))
    mute = Task()
    mute.say = bytes
    converse(mute, terminal=ping("terminal"), control=listens([]))
    assert answered == {"stdout": False, "stderr": False, "terminal": True}


def test_the_server_breaks_off(converse):
    def broken(connection) -> None:
        connection.send(b"half")
        connection.socket.shutdown(socket.SHUT_RDWR)

    with pytest.raises(Unreachable, match="remote foo: the connection broke off while the command was running"):
        converse(Task(), stdin=listens([]), stdout=broken, stderr=says(END))


def test_the_server_falls_silent(converse, monkeypatch):
    monkeypatch.setattr(streams, "SILENCE_SECONDS", 0.2)
    release = threading.Event()

    def silent(connection) -> None:
        connection.ping()
        release.wait(5)

    with pytest.raises(Unreachable, match="no sign of life"):
        converse(Task(), stdin=listens([]), stdout=silent, stderr=silent)
    release.set()


def test_a_server_that_never_pings_may_be_silent(converse, monkeypatch):
    monkeypatch.setattr(streams, "SILENCE_SECONDS", 0.1)

    def slow(connection) -> None:
        threading.Event().wait(0.5)
        connection.send(END)

    converse(Task(), stdin=listens([]), stdout=slow, stderr=slow)


@pytest.fixture
def answered():
    """Talk with a command whose streams are each answered with the same bytes, whatever is asked."""
    with ExitStack() as stack:

        def run(answer: bytes, seconds: float) -> None:
            opened = {}
            for name in ("terminal", "control"):
                ours, theirs = socket.socketpair()
                stack.enter_context(theirs).sendall(answer)
                opened[NAMES.get(name, streams.STDIN)] = stack.enter_context(
                    closing(KINDS[name](ours, "operation", name))
                )
            streams.converse(opened, Task(), "foo", Deadline(seconds))

        yield run


def test_no_such_stream(answered):
    with pytest.raises(Unreachable, match="remote foo: the server refused a stream of the command"):
        answered(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", 5)


def test_no_answer(answered):
    with pytest.raises(Unreachable, match="did not take up a command's streams within 0.1 seconds"):
        answered(b"", 0.1)
