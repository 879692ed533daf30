# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Websocket frames on their way from one server to the other.

A client has to mask what it sends, and a mask of zeros leaves the bytes alone. So a frame costs no more than its head.

Source: RFC 6455, section 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Callable

Rewrite = Callable[[bytes], bytes]

_FINAL, _OPCODE, _MASKED, _SIZE = 0x80, 0x0F, 0x80, 0x7F
_CONTROL = 0x08
_BINARY = 0x02


class Frames:
    """Turns the frames a server sends into those a client has to send, as they come, in pieces of any size.

    rewrite: what is made of the first message, which is held back until it is all there.
    """

    def __init__(self, rewrite: Rewrite | None = None) -> None:
        self._rewrite = rewrite
        self._message = bytearray()
        self._head = b""
        self._left = 0

    def masked(self, content: bytes) -> Iterator[bytes]:
        position = 0
        while position < len(content):
            if self._left:
                piece = content[position : position + self._left]
                position += len(piece)
                self._left -= len(piece)
                yield from self._payload(piece)
                continue
            self._head += content[position : position + 1]
            position += 1
            if len(self._head) >= 2 and len(self._head) == _head_size(self._head[1]):
                self._left = _length(self._head)
                yield from self._payload(b"") if self._is_held else (self._masked_head(),)
                if not self._left:
                    self._head = b""

    @property
    def _is_held(self) -> bool:
        return self._rewrite is not None and not self._head[0] & _CONTROL

    def _payload(self, piece: bytes) -> Iterator[bytes]:
        head = self._head
        if not self._left:
            self._head = b""
        if self._rewrite is None or head[0] & _CONTROL:
            yield piece
            return
        self._message += piece
        if not self._left and head[0] & _FINAL:
            message = self._rewrite(bytes(self._message))
            self._rewrite = None
            yield _frame(message)

    def _masked_head(self) -> bytes:
        head = self._head
        return bytes([head[0], head[1] | _MASKED]) + head[2:] + bytes(4)


def _frame(message: bytes) -> bytes:
    """A whole message as a client sends it."""
    size = len(message)
    if size < 126:
        length = bytes([size | _MASKED])
    elif size < 1 << 16:
        length = bytes([126 | _MASKED]) + size.to_bytes(2, "big")
    else:
        length = bytes([127 | _MASKED]) + size.to_bytes(8, "big")
    return bytes([_FINAL | _BINARY]) + length + bytes(4) + message


def _head_size(second: int) -> int:
    return 2 + {126: 2, 127: 8}.get(second & _SIZE, 0)


def _length(head: bytes) -> int:
    return int.from_bytes(head[2:], "big") if len(head) > 2 else head[1] & _SIZE
