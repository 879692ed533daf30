# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TCP proxy in front of a daemon that can be told to cut the line, or to let nothing through any more."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Proxy:
    """Forwards to host:port. cut() ends all connections; refuse: new ones are closed at once; stall: nothing passes."""

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.refuse = False
        self.stall = False
        self.connections = 0
        self.passed = threading.Event()
        # Cut once this many bytes have come back from the daemon; None: never.
        self.cut_after: int | None = None
        self._returned = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def stop(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _address = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if self.refuse:
                near.close()
                continue
            try:
                far = socket.create_connection(self._upstream)
            except OSError:  # the daemon is down
                near.close()
                continue
            self._open += [near, far]
            threading.Thread(target=self._pump, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, True), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, back: bool) -> None:
        with suppress(OSError):
            while content := source.recv(65536):
                if self.stall:
                    continue
                sink.sendall(content)
                if back:
                    self._returned += len(content)
                    if self.cut_after is not None and self._returned >= self.cut_after:
                        self.refuse = True
                        self.cut()
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
