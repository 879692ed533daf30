# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small HTTP server on a Unix socket or behind TLS, that answers as it is told and remembers what it was asked."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


def sync(metadata, status: int = 200, etag: str = "") -> bytes:
    body = json.dumps({"type": "sync", "status_code": status, "metadata": metadata}).encode()
    head = f"HTTP/1.1 {status} OK\r\nContent-Length: {len(body)}\r\nContent-Type: application/json\r\n"
    return (head + (f"ETag: {etag}\r\n" if etag else "") + "\r\n").encode() + body


def error(status: int, text: str) -> bytes:
    body = json.dumps({"type": "error", "error_code": status, "error": text}).encode()
    return f"HTTP/1.1 {status} No\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


HANG_UP = b""


@dataclass
class FakeServer:
    """answer is called with each request; what it returns is sent. HANG_UP closes the connection instead."""

    listener: socket.socket
    answer: Callable[[Request], bytes]
    context: ssl.SSLContext | None = None
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    _open: list[socket.socket] = field(default_factory=list)

    @classmethod
    def on_unix_socket(cls, path: Path, answer: Callable[[Request], bytes]) -> FakeServer:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        return cls(listener, answer)._start()

    @classmethod
    def on_loopback(cls, answer: Callable[[Request], bytes], context: ssl.SSLContext | None = None) -> FakeServer:
        listener = socket.create_server(("127.0.0.1", 0))
        return cls(listener, answer, context)._start()

    @property
    def port(self) -> int:
        return self.listener.getsockname()[1]

    def stop(self) -> None:
        self.listener.close()

    def hang_up(self) -> None:
        """End what clients have open, whatever they wait for."""
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _start(self) -> FakeServer:
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def _accept(self) -> None:
        while True:
            try:
                connection, _address = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self.context is not None:
                connection = self.context.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as stream:
                while (request := _read(stream)) is not None:
                    self.requests.append(request)
                    reply = self.answer(request)
                    if reply is HANG_UP:
                        return
                    connection.sendall(reply)
        except OSError:
            return


def _read(stream) -> Request | None:
    line = stream.readline().decode(errors="replace").split()
    if len(line) < 2:
        return None
    headers: dict[str, str] = {}
    while (header := stream.readline().decode(errors="replace").strip()) != "":
        name, _colon, value = header.partition(":")
        headers[name.lower()] = value.strip()
    return Request(line[0], line[1], headers, stream.read(int(headers.get("content-length", 0))))
