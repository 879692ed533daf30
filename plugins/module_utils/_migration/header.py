# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The message with which a source begins: what it sends, and the config and profiles of every snapshot.

They can be changed nowhere else: not at the source, whose snapshots are as they are, and not at the target, which makes them
of this message and refuses a key or a profile it does not know.

Source: internal/migration/migrate.proto of Incus, lxd/migration/migrate.proto of LXD (they agree on these fields);
https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Callable, Optional, Protocol

# Another name for something, or None to leave it out.
Rename = Callable[[str], Optional[str]]


class Adapt(Protocol):
    """What the target calls a config key, or a profile; None for what it is to go without."""

    def key(self, name: str) -> str | None: ...

    def profile(self, name: str) -> str | None: ...


_SNAPSHOTS = 5  # of MigrationHeader
_LOCAL_CONFIG, _PROFILES = 2, 3  # of Snapshot
_KEY = 1  # of Config
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def adapted(message: bytes, adapt: Adapt) -> bytes:
    """The message with the config keys and profiles of its snapshots adapted; all else is left as it is, byte for byte."""
    return b"".join(
        _field(number, _snapshot(content, adapt)) if number == _SNAPSHOTS and content is not None else raw
        for number, raw, content in _fields(message)
    )


def _snapshot(message: bytes, adapt: Adapt) -> bytes:
    kept = []
    for number, raw, content in _fields(message):
        if number == _LOCAL_CONFIG and content is not None:
            config = _config(content, adapt.key)
            raw = b"" if config is None else _field(_LOCAL_CONFIG, config)
        if number == _PROFILES and content is not None:
            profile = adapt.profile(content.decode())
            raw = b"" if profile is None else _field(_PROFILES, profile.encode())
        kept.append(raw)
    return b"".join(kept)


def _config(message: bytes, rename: Rename) -> bytes | None:
    kept = []
    for number, raw, content in _fields(message):
        if number == _KEY and content is not None:
            key = rename(content.decode())
            if key is None:
                return None
            raw = _field(_KEY, key.encode())
        kept.append(raw)
    return b"".join(kept)


def _fields(message: bytes) -> Iterator[tuple[int, bytes, bytes | None]]:
    """Number, raw bytes, and of a text or message its content, of every field in turn."""
    position = 0
    while position < len(message):
        start = position
        tag, position = _varint(message, position)
        number, kind = tag >> 3, tag & 7
        content = None
        if kind == _VARINT:
            _value, position = _varint(message, position)
        elif kind == _BYTES:
            size, position = _varint(message, position)
            content = message[position : position + size]
            position += size
        elif kind in (_FIXED64, _FIXED32):
            position += 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"a field of kind {kind} is in no message of protocol version 2 that the servers send")
        yield number, message[start:position], content


def _field(number: int, content: bytes) -> bytes:
    return _as_varint(number << 3 | _BYTES) + _as_varint(len(content)) + content


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _as_varint(value: int) -> bytes:
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
