# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passes on what two servers say to each other in a migration, when neither reaches the other.

Each has an operation with a websocket for every stream (control, file system, and CRIU's). What one sends goes to the other
frame by frame, pings, pongs and the end of a stream as well.

Source: RFC 6455, section 4.
"""

from __future__ import annotations

import base64
import os
import selectors
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress

from .._api.client import Client
from .._api.deadline import Deadline
from .._api.errors import Unreachable
from .._api.operation import Operation
from .frames import Frames, Rewrite

_CHUNK = 256 * 1024
# How much one server may be ahead of the other.
_MOST_HELD = 4 * _CHUNK
_CONTROL = "control"
_LOOK_SECONDS = 1.0
# How long one side may go on when the other has ended: to read what it was sent, and to say goodbye.
_GRACE_SECONDS = 3.0
# LXD notes each stream of an operation, and looks whether all are there, after its handshake, in a thread of its own and
# without a lock. LXD 5.0 panics if two find that they were the last: that was seen of a stream connected twice, and two that
# are connected at the same moment might do as well. Source: Connect in lxd/migrate.go.
_APART_SECONDS = 0.1


class Line:
    """The websockets of one server's operation, by the names of their streams."""

    def __init__(self, client: Client, operation: Operation) -> None:
        self.client = client
        self.secrets = {name: str(secret) for name, secret in operation.metadata.items()}
        self._operation = operation
        self._open: list[socket.socket] = []

    def connect(self, stream: str, deadline: Deadline) -> tuple[socket.socket, bytes]:
        """A socket past the handshake, and what came after it already. Raises Unreachable."""
        if self._open:
            time.sleep(_APART_SECONDS)
        sock = self.client.transport.connect(deadline)
        self._open.append(sock)
        key = base64.b64encode(os.urandom(16)).decode()
        request = (
            f"GET /1.0/operations/{self._operation.id}/websocket?secret={self.secrets[stream]} HTTP/1.1\r\n"
            "Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
        )
        try:
            sock.sendall(request.encode())
            head = b""
            while b"\r\n\r\n" not in head:
                received = sock.recv(4096)
                if not received:
                    raise Unreachable(self.client.remote, f"it hung up on the stream {stream}")
                head += received
        except OSError as error:
            raise Unreachable(self.client.remote, f"the stream {stream} broke off: {error}") from error
        status, _blank, rest = head.partition(b"\r\n\r\n")
        if not status.startswith(b"HTTP/1.1 101"):
            refusal = status.partition(b"\r\n")[0].decode(errors="replace")
            raise Unreachable(self.client.remote, f"it refused the stream {stream}: {refusal}")
        return sock, rest

    def close(self) -> None:
        for sock in self._open:
            with suppress(OSError):
                sock.close()
        self._open.clear()


def hang_up(operation: Operation) -> None:
    """End an operation that cannot be called off and waits for its websockets, by being there and going away."""
    line = Line(operation.client, operation)
    with suppress(Unreachable):
        for stream in line.secrets:
            line.connect(stream, Deadline(10))
    line.close()


def bridge(near: Line, far: Line, doing: str, deadline: Deadline, rewrite: Rewrite | None = None) -> None:
    """Connect every stream of the one with that of the other, until both have ended all of them.

    rewrite: what is made of the first message that near, the source, sends on the control stream.
    Raises Unreachable, and DeadlineExceeded.
    """
    flows: list[Flow] = []
    for stream in near.secrets:
        if stream in far.secrets:
            one, said_by_one = near.connect(stream, deadline)
            other, said_by_other = far.connect(stream, deadline)
            there = Flow(one, other, Frames(rewrite if stream == _CONTROL else None), said_by_one)
            back = Flow(other, one, Frames(), said_by_other)
            there.back, back.back = back, there
            flows += [there, back]
    for _chunk in near.client.progress.counted(_pump(flows, deadline), doing):
        pass


class Flow:
    """One direction of one stream. back: the other."""

    back: Flow

    def __init__(self, source: socket.socket, sink: socket.socket, frames: Frames, said: bytes) -> None:
        self.source = source
        self.sink = sink
        self.ended = False
        self._ended_at = 0.0
        self._frames = frames
        self._held = bytearray(b"".join(frames.masked(said)))
        for sock in (source, sink):
            sock.setblocking(False)

    @property
    def wants_more(self) -> bool:
        return not self.ended and len(self._held) < _MOST_HELD

    @property
    def has_some(self) -> bool:
        return bool(self._held)

    def receive(self) -> bytes:
        """Take what has come, all that TLS has decrypted already included: nobody would be told of that again."""
        received = b""
        try:
            received = self.source.recv(_CHUNK)
            if not received:
                self._end()
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return b""
        except OSError:
            self._end()
        for piece in self._frames.masked(received):
            self._held += piece
        return received

    def deliver(self) -> None:
        try:
            sent = self.sink.send(memoryview(self._held)[:_CHUNK].tobytes())
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:
            self._end()
            self._held.clear()
            return
        del self._held[:sent]

    def _end(self) -> None:
        self.ended, self._ended_at = True, time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to wait for, in either direction."""
        late = time.monotonic() - self._ended_at > _GRACE_SECONDS
        return self.ended and not self.has_some and (late or (self.back.ended and not self.back.has_some))

    def close(self) -> None:
        """End the stream in both directions."""
        for each in (self, self.back):
            each.ended = True
            each._held.clear()
            with suppress(OSError):
                each.sink.close()

    @property
    def pending(self) -> bool:
        return isinstance(self.source, ssl.SSLSocket) and not self.ended and self.source.pending() > 0


def _pump(flows: list[Flow], deadline: Deadline) -> Iterator[bytes]:
    """Move bytes until every stream has ended in both directions; yields what came, to be counted."""
    while any(not flow.ended or flow.has_some for flow in flows):
        for flow in _ready(flows, min(_LOOK_SECONDS, deadline.remaining())):
            if flow.wants_more:
                yield flow.receive()
            if flow.has_some:
                flow.deliver()
        for flow in flows:
            if flow.is_over:
                # The other server learns of it as it would from its peer.
                flow.close()


def _ready(flows: list[Flow], seconds: float) -> list[Flow]:
    """The flows with something to do, waited for until there is one."""
    pending = [flow for flow in flows if flow.pending and flow.wants_more]
    if pending:
        return pending
    with selectors.DefaultSelector() as selector:
        wanted: dict[socket.socket, int] = {}
        for flow in flows:
            if flow.wants_more:
                wanted[flow.source] = wanted.get(flow.source, 0) | selectors.EVENT_READ
            if flow.has_some:
                wanted[flow.sink] = wanted.get(flow.sink, 0) | selectors.EVENT_WRITE
        for sock, events in wanted.items():
            if sock.fileno() >= 0:
                selector.register(sock, events)
        happened = {key.fileobj: events for key, events in selector.select(seconds)}
    return [
        flow
        for flow in flows
        if happened.get(flow.source, 0) & selectors.EVENT_READ or happened.get(flow.sink, 0) & selectors.EVENT_WRITE
    ]
