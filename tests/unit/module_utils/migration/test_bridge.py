# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the streams of an operation are connected."""

from __future__ import annotations

import socket
from types import SimpleNamespace

from ansible_collections.flotilla.lxd.plugins.module_utils._migration import bridge


def test_streams_are_not_connected_in_the_same_moment(monkeypatch):
    happened, servers = [], []

    def connect(_deadline):
        happened.append("connect")
        near, far = socket.socketpair()
        servers.append(far)
        far.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        return near

    client = SimpleNamespace(remote="a", transport=SimpleNamespace(connect=connect))
    monkeypatch.setattr("time.sleep", lambda _seconds: happened.append("wait"))
    bridge.hang_up(SimpleNamespace(client=client, id="1", metadata={"control": "x", "fs": "y", "criu": "z"}))
    for each in servers:
        each.close()
    assert happened == ["connect", "wait", "connect", "wait", "connect"]
