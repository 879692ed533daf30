# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What passes through a relay: websocket frames, and the message with which a source begins."""

from __future__ import annotations

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._migration.frames import Frames
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.header import adapted

SIZES = [0, 1, 125, 126, 127, 65535, 65536, 200_000]


def frame(payload: bytes, first: int = 0x82) -> bytes:
    """As a server sends it."""
    size = len(payload)
    if size < 126:
        return bytes([first, size]) + payload
    return (
        bytes([first, 126]) + size.to_bytes(2, "big") + payload
        if size < 65536
        else (bytes([first, 127]) + size.to_bytes(8, "big") + payload)
    )


def unmasked(content: bytes) -> list[tuple[int, bytes]]:
    """What a server would read: the first byte and payload of every frame."""
    found = []
    while content:
        first, size, rest = content[0], content[1], 2
        assert size & 0x80, "a client has to mask"
        size &= 0x7F
        if size > 125:
            width = 2 if size == 126 else 8
            size, rest = int.from_bytes(content[2 : 2 + width], "big"), 2 + width
        mask, start = content[rest : rest + 4], rest + 4
        assert mask == bytes(4)
        found.append((first, content[start : start + size]))
        assert len(found[-1][1]) == size
        content = content[start + size :]
    return found


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 4096, 1_000_000])
def test_frames_pass_in_pieces_of_any_size(chunk):
    sent = [(0x82, bytes([size % 251]) * size) for size in SIZES if chunk > 3 or size < 1000]
    sent += [(0x89, b"ping"), (0x81, b""), (0x88, b"\x03\xe8")]
    stream = b"".join(frame(payload, first) for first, payload in sent)
    frames = Frames()
    pieces = [stream[at : at + chunk] for at in range(0, len(stream), chunk)]
    assert unmasked(b"".join(part for piece in pieces for part in frames.masked(piece))) == sent


@pytest.mark.parametrize("chunk", [1, 5, 100_000])
def test_the_first_message_is_rewritten_whole(chunk):
    stream = frame(b"ab", 0x02) + frame(b"ping", 0x89) + frame(b"c" * 300, 0x80) + frame(b"later")
    frames = Frames(lambda message: message.upper() * 300)
    pieces = [stream[at : at + chunk] for at in range(0, len(stream), chunk)]
    read = unmasked(b"".join(part for piece in pieces for part in frames.masked(piece)))
    assert read == [(0x89, b"ping"), (0x82, (b"AB" + b"C" * 300) * 300), (0x82, b"later")]


def test_an_empty_first_message():
    assert unmasked(b"".join(Frames(lambda message: message + b"x").masked(frame(b"")))) == [(0x82, b"x")]


def field(number: int, content: bytes) -> bytes:
    assert len(content) < 16384
    size = bytes([len(content)]) if len(content) < 128 else bytes([len(content) & 0x7F | 0x80, len(content) >> 7])
    return bytes([number << 3 | 2]) + size + content


def config(key: str, value: str) -> bytes:
    return field(2, field(1, key.encode()) + field(2, value.encode()))


class Adapt:
    def key(self, name):
        return {"volatile.uuid.generation": None, "security.guestapi": "security.devlxd"}.get(name, name)

    def profile(self, name):
        return {"small": "tiny", "odd": None}.get(name, name)


def test_keys_and_profiles_of_snapshots_are_left_out_and_renamed():
    adapt = Adapt()

    def header(*fields: bytes) -> bytes:
        snapshot = field(1, b"s0") + b"".join(fields) + b"\x20\x00\x40\xfe\xad\x96\xd8\x06"
        return b"\x08\x00\x10\x02" + field(4, b"s0") + field(5, snapshot) + b"\x38\x00" + field(8, b"\x08\x01")

    long = config("user.x", "y" * 3000)
    profiles = [field(3, name) for name in (b"default", b"odd", b"small")]
    before = header(long, config("volatile.uuid.generation", "u"), config("security.guestapi", "true"), *profiles)
    after = header(long, config("security.devlxd", "true"), field(3, b"default"), field(3, b"tiny"))
    assert adapted(before, adapt) == after
    assert adapted(after, adapt) == after
    with pytest.raises(ValueError, match="kind 3"):
        adapted(b"\x0b", adapt)
