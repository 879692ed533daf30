# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a tarball, by its headers alone and without keeping content: in one pass, in any amount of it.

tarfile is not up to this: it takes a header that is damaged, and a tarball that stops between two members, for the end.
Source: POSIX, pax interchange format; the GNU tar manual, "Basic Tar Format", and its sparse formats.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from .compression import Damaged

_BLOCK = 512
_NO_BLOCK = bytes(_BLOCK)
_CHECKSUM = slice(148, 156)
# A checksum is made with blanks in its own place.
_BLANKS = 8 * ord(" ")
# Links, devices, directories and pipes have no content, even if their header gives a size.
_WITHOUT_CONTENT = frozenset(b"123456")
_REGULAR = frozenset(b"\x0007S")
_GNU_SPARSE = ord("S")
_LONG_NAME, _LONG_LINK = b"LK"
_PAX, _SOLARIS_PAX, _PAX_GLOBAL = b"xXg"
# Go, in which the servers are written, reads no longer ones than a megabyte.
_MOST_EXTENSION = 8 * 1024 * 1024


@dataclass(frozen=True)
class Member:
    """One thing in a tarball. name: as it is written there; size: the bytes it takes up in the tarball, from offset on."""

    name: str
    size: int
    is_file: bool
    is_sparse: bool
    offset: int = 0


class Tarball:
    """A tarball, unpacked, that comes in pieces. To be gone through once."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._piece = b""
        self._at = 0
        self._passed = 0  # by the pieces before this one
        self._left = 0
        self._last = ""

    def members(self) -> Iterator[Member]:
        """All of them. Raises Damaged where it is cut off or a header is damaged, and if it is no tarball at all."""
        global_records: dict[str, str] = {}
        records: dict[str, str] = {}
        long_name: str | None = None
        while header := self._header():
            kind = header[156]
            size = _number(header[124:136])
            if kind in (_LONG_NAME, _LONG_LINK, _PAX, _SOLARIS_PAX, _PAX_GLOBAL):
                extension = self._extension(size)
                if kind == _LONG_NAME:
                    long_name = _text(extension)
                elif kind == _PAX_GLOBAL:
                    global_records.update(self._records(extension))
                elif kind != _LONG_LINK:
                    records.update(self._records(extension))
                continue
            member = self._member(header, size, {**global_records, **records} if global_records else records, long_name)
            records, long_name = {}, None
            self._last = member.name
            if kind == _GNU_SPARSE:
                self._skip_map(header)
            self._left = member.size
            padding = -member.size % _BLOCK
            yield replace(member, offset=self._passed + self._at)
            self._skip(self._left + padding)
        for _rest in self._pieces:
            # A compression's own checksum is at its end.
            pass

    def content(self, most: int) -> bytes:
        """The content of the member at hand, and no more than most bytes of it. Raises Damaged if there is less."""
        size = min(self._left, most)
        content = self._read(size)
        if len(content) < size:
            raise self._cut_off()
        self._left -= size
        return content

    def _header(self) -> bytes | None:
        """The next header; None at the end marker."""
        block = self._read(_BLOCK)
        if block == _NO_BLOCK:
            if not self._last:
                raise Damaged("holds nothing: it is an empty tarball")
            return None
        if len(block) < _BLOCK:
            raise self._cut_off()
        if not _adds_up(block):
            raise self._damaged() if self._last else Damaged("holds no tarball")
        return block

    def _member(self, header: bytes, size: int, records: Mapping[str, str], long_name: str | None) -> Member:
        name = records.get("GNU.sparse.name") or records.get("path") or long_name
        if name is None:
            name = _text(header[:100])
            # GNU tar has times in the place where POSIX has the beginning of a long path.
            if header[257:263] == b"ustar\0" and header[345]:
                name = f"{_text(header[345:500])}/{name}"
        kind = header[156]
        if "size" in records:
            if not records["size"].isdecimal():
                raise self._damaged()
            size = int(records["size"])
        if kind in _WITHOUT_CONTENT:
            size = 0
        if size < 0:
            raise self._damaged()
        is_sparse = kind == _GNU_SPARSE or any(key.startswith("GNU.sparse.") for key in records)
        return Member(name, size, kind in _REGULAR, is_sparse)

    def _extension(self, size: int) -> bytes:
        if not 0 <= size <= _MOST_EXTENSION:
            raise self._damaged()
        content = self._read(size)
        if len(content) < size:
            raise self._cut_off()
        self._skip(-size % _BLOCK)
        return content

    def _records(self, extension: bytes) -> dict[str, str]:
        """The records of a pax header, each ``length key=value`` and a line feed, where length counts all of that."""
        found = {}
        at = 0
        while at < len(extension) and extension[at]:
            digits, _blank, _rest = extension[at : at + 20].partition(b" ")
            if not digits.isdigit() or not len(digits) < int(digits) <= len(extension) - at:
                raise self._damaged()
            key, _equals, value = extension[at + len(digits) + 1 : at + int(digits) - 1].partition(b"=")
            found[key.decode(errors="replace")] = value.decode(errors="replace")
            at += int(digits)
        return found

    def _skip_map(self, header: bytes) -> None:
        """What does not fit into a sparse file's header is in further blocks, each of which says whether one more follows."""
        more = header[482]
        while more:
            block = self._read(_BLOCK)
            if len(block) < _BLOCK:
                raise self._cut_off()
            more = block[504]

    def _read(self, size: int) -> bytes:
        """Less than size only at the end."""
        end = self._at + size
        if end <= len(self._piece):
            content = self._piece[self._at : end]
            self._at = end
            return content
        parts = [self._piece[self._at :]]
        missing = size - len(parts[0])
        while missing > 0 and self._next_piece():
            parts.append(self._piece[:missing])
            self._at = len(parts[-1])
            missing -= self._at
        return b"".join(parts)

    def _skip(self, size: int) -> None:
        """Raises Damaged if there is less."""
        self._at += size
        while self._at > len(self._piece):
            beyond = self._at - len(self._piece)
            if not self._next_piece():
                raise self._cut_off()
            self._at = beyond

    def _next_piece(self) -> bool:
        piece = next(self._pieces, None)
        self._passed += len(self._piece)
        self._piece, self._at = piece or b"", 0
        return piece is not None

    def _cut_off(self) -> Damaged:
        return Damaged(f"is cut off after or within {self._last}" if self._last else "is cut off at its beginning")

    def _damaged(self) -> Damaged:
        return Damaged(f"is damaged after {self._last}" if self._last else "is damaged at its beginning")


def _adds_up(header: bytes) -> bool:
    """Whether the header's checksum is right, as POSIX has it or as some old programs made it of signed bytes."""
    written = _number(header[_CHECKSUM])
    rest = header[: _CHECKSUM.start] + header[_CHECKSUM.stop :]
    plain = sum(rest) + _BLANKS
    return written == plain or written == plain - 256 * sum(byte > 127 for byte in rest)


def _number(field: bytes) -> int:
    """A number as octal digits or, where that is too short, in binary; -1 for what is neither."""
    if field[0] in (0x80, 0xFF):
        return int.from_bytes(field[1:], "big") if field[0] == 0x80 else -1
    try:
        return int(field.partition(b"\0")[0].strip() or b"0", 8)
    except ValueError:
        return -1


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode(errors="replace")
