# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The streams of a running command: a websocket each, all of them served by one thread.

Data goes in binary messages; an empty text message says that nothing more comes.
Source: doc/rest-api.md of LXD and Incus, "POST /1.0/instances/NAME/exec", and shared/ws of both.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Protocol, cast
from urllib.parse import urlencode

from ...module_utils._api.deadline import Deadline
from ...module_utils._api.errors import ConfigurationError, DeadlineExceeded, Unreachable

if TYPE_CHECKING:
    from websockets.frames import Frame

STDIN, STDOUT, STDERR, CONTROL = 0, 1, 2, 3

# Over the network both servers ping every stream every 10 seconds: this long without a byte is a dead server or network.
SILENCE_SECONDS = 60.0
_READ_BYTES = 256 * 1024
# Normal closure, and a close message without a code.
_CLOSED_WELL = (1000, 1005)


class Dialogue(Protocol):
    """What the near side of a command's streams does: it hears the output and says the input."""

    def hear(self, number: int, data: bytes) -> None:
        """Take what the command wrote to STDOUT or STDERR."""

    def say(self) -> bytes | None:
        """The next piece of input: empty when there is none yet, None when there will be none any more."""

    def patience(self) -> float | None:
        """Seconds to wait for the command to write something; None: for ever. Raises when there are none left."""


class Stream:
    """One websocket of an operation, on a connected socket that is its own from now on."""

    def __init__(self, sock: socket.socket, operation: str, secret: str) -> None:
        """Nothing is sent before serve(). Raises ConfigurationError when there is no library for it."""
        try:
            from websockets.client import ClientProtocol
            from websockets.uri import parse_uri
        except ImportError as error:
            raise ConfigurationError(
                f"the Python that runs Ansible lacks the library websockets, which the connection needs ({error})"
            ) from error

        resource = f"/1.0/operations/{operation}/websocket?{urlencode({'secret': secret})}"
        self._protocol = ClientProtocol(parse_uri(f"ws://localhost{resource}"), max_size=None)
        self._protocol.send_request(self._protocol.connect())
        self._socket = sock
        self._socket.setblocking(False)
        self._would_block = _would_block(sock)
        self._outgoing = bytearray()
        self.opened = False
        self.pinged = False
        self.ended = False
        self.broken = False

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def interest(self) -> int:
        """What a selector is to look out for."""
        waiting = self._outgoing or not self.opened
        return selectors.EVENT_READ | selectors.EVENT_WRITE if waiting else selectors.EVENT_READ

    @property
    def takes_more(self) -> bool:
        """Whether the far side listens, and has been sent all that was given so far."""
        return self.opened and not self._outgoing and not self.over

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.ended or self.broken

    def send(self, data: bytes) -> None:
        """Put a piece on its way."""
        self._protocol.send_binary(data)
        self._flush()

    def end(self) -> None:
        """Say that nothing more comes."""
        self._protocol.send_text(b"")
        self._flush()

    def serve(self) -> bytes:
        """Do what the socket is ready for; return what has arrived. Raises ConnectionError when it was not let in."""
        received = b"".join(self._receive())
        self._flush()
        return received

    def close(self) -> None:
        self._socket.close()

    def _receive(self) -> Iterator[bytes]:
        from websockets.frames import Frame
        from websockets.protocol import State

        for data in self._read():
            if data:
                self._protocol.receive_data(data)
            else:
                self._protocol.receive_eof()
            for event in self._protocol.events_received():
                if isinstance(event, Frame):
                    yield self._understand(event)
            if self._protocol.handshake_exc is not None:
                raise ConnectionError(f"{self._protocol.handshake_exc}")
            self.opened = self._protocol.state is not State.CONNECTING
            self.broken |= not data or self._protocol.parser_exc is not None

    def _read(self) -> Iterator[bytes]:
        """Chunks as they come; an empty one is the end of the connection."""
        try:
            chunk = self._socket.recv(_READ_BYTES)
            yield chunk
            # No selector wakes for what TLS has already decrypted.
            while chunk and getattr(self._socket, "pending", int)():
                chunk = self._socket.recv(_READ_BYTES)
                yield chunk
        except self._would_block:
            return
        except OSError:
            yield b""

    def _understand(self, frame: Frame) -> bytes:
        from websockets.frames import Close, Opcode

        if frame.opcode is Opcode.PING:
            self.pinged = True
        elif frame.opcode is Opcode.CLOSE:
            self.ended |= Close.parse(frame.data).code in _CLOSED_WELL
        elif frame.opcode is Opcode.TEXT and not frame.data:
            self.ended = True
        elif frame.opcode in (Opcode.BINARY, Opcode.TEXT, Opcode.CONT):
            return bytes(frame.data)
        return b""

    def _flush(self) -> None:
        """Send what is waiting, ours and the protocol's own, as far as the socket takes it."""
        for data in self._protocol.data_to_send():
            self._outgoing += data
        try:
            while self._outgoing:
                sent = self._socket.send(self._outgoing)
                del self._outgoing[:sent]
        except self._would_block:
            pass
        except OSError:
            # A program that ends without reading its input does this; what it wrote is still there to be read.
            self._outgoing.clear()


class Output(Stream):
    """A stream of output. The servers do not read it, and do not miss answers to their pings there."""

    def _flush(self) -> None:
        if self.opened:
            # What lies unread with the server when it closes the connection makes the kernel drop what it has not sent yet.
            self._protocol.data_to_send()
        else:
            super()._flush()


def converse(streams: Mapping[int, Stream], dialogue: Dialogue, remote: str, opening: Deadline) -> None:
    """Let the command and the dialogue talk until the command has ended and all its output has been heard.

    streams: STDIN, STDOUT and STDERR, or STDIN, a terminal, and CONTROL. opening: by when the server has to let all in.
    Raises Unreachable, and what the dialogue raises when its patience is over.
    """
    try:
        _converse(streams, dialogue, opening)
    except ConnectionError as error:
        raise Unreachable(remote, f"the server refused a stream of the command: {error}") from error
    except TimeoutError as error:
        raise Unreachable(remote, str(error)) from error
    if any(stream.broken and not stream.ended for stream in _outputs(streams)):
        raise Unreachable(remote, "the connection broke off while the command was running")


def _converse(streams: Mapping[int, Stream], dialogue: Dialogue, opening: Deadline) -> None:
    last_sign = time.monotonic()
    unsaid = True
    with selectors.DefaultSelector() as selector:
        for number, stream in streams.items():
            selector.register(stream, stream.interest, number)
        while not all(stream.over for stream in _outputs(streams)):
            unsaid = unsaid and _say(streams[STDIN], dialogue)
            _update(selector)
            limits = [dialogue.patience(), _patience(streams, opening, last_sign)]
            ready = selector.select(min((limit for limit in limits if limit is not None), default=None))
            if any(mask & selectors.EVENT_READ for _key, mask in ready):
                last_sign = time.monotonic()
            for key, _mask in ready:
                _serve(cast(Stream, key.fileobj), key.data, dialogue, selector)


def _patience(streams: Mapping[int, Stream], opening: Deadline, last_sign: float) -> float | None:
    """Seconds to wait for the server to do something. Raises TimeoutError when there are none left."""
    if not all(stream.opened for stream in streams.values()):
        try:
            return opening.remaining()
        except DeadlineExceeded as error:
            raise TimeoutError(f"it did not take up a command's streams within {opening.seconds:g} seconds") from error
    if not any(stream.pinged for stream in streams.values()):
        return None
    left = SILENCE_SECONDS - (time.monotonic() - last_sign)
    if left <= 0:
        raise TimeoutError(f"it has given no sign of life for {SILENCE_SECONDS:g} seconds while a command was running")
    return left


def _say(stream: Stream, dialogue: Dialogue) -> bool:
    """Give the command its next piece of input, if it takes any; return whether there may be more."""
    while stream.takes_more:
        piece = dialogue.say()
        if piece is None:
            stream.end()
            return False
        if not piece:
            break
        stream.send(piece)
    return not stream.over


def _serve(stream: Stream, number: int, dialogue: Dialogue, selector: selectors.BaseSelector) -> None:
    data = stream.serve()
    if data:
        dialogue.hear(number or STDOUT, data)
    if stream.over:
        selector.unregister(stream)


def _update(selector: selectors.BaseSelector) -> None:
    for key in list(selector.get_map().values()):
        interest = cast(Stream, key.fileobj).interest
        if interest != key.events:
            selector.modify(key.fileobj, interest, key.data)


def _outputs(streams: Mapping[int, Stream]) -> list[Stream]:
    """The streams that have output: the terminal, or those of output and errors."""
    return [streams[number] for number in ((STDIN,) if CONTROL in streams else (STDOUT, STDERR))]


def _would_block(sock: socket.socket) -> tuple[type[OSError], ...]:
    """What the socket raises instead of waiting."""
    if not hasattr(sock, "pending"):
        return (BlockingIOError,)
    import ssl

    return (ssl.SSLWantReadError, ssl.SSLWantWriteError)
