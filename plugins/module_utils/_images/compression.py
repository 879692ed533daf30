# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image's file is by its first bytes, and what is in it when it is unpacked, piece by piece.

Source of the first bytes: shared/archive (DetectCompressionFile) of LXD and Incus.
"""

from __future__ import annotations

import bz2
import shutil
import subprocess
import threading
import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import IO, Any, Callable

try:
    import lzma
except ImportError:
    HAS_LZMA = False
else:
    HAS_LZMA = True

# As many bytes of a file as kind() needs.
HEAD_BYTES = 512
_PIECE = 1024 * 1024
# What xz may take for one file. One made with the largest of its presets needs 65 MiB.
_MOST_LZMA_MEMORY = 128 * 1024 * 1024
_MAGIC: Mapping[bytes, str] = {
    b"\x1f\x8b": "gzip",
    b"BZ": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x5d\x00\x00": "lzma",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"hsqs": "squashfs",
    b"QFI": "qcow2",
}
_TAR_MAGIC, _TAR_MAGIC_AT = b"ustar", 257
_PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "zstd": ("zstd", "--quiet", "--decompress", "--stdout"),
    "lz4": ("lz4", "-q", "-d", "-c"),
}


class Damaged(Exception):
    """The file is not what it began as. The text is the end of a sentence about it."""


class Unreadable(Exception):
    """Nothing on this host can unpack it: that says nothing against the file."""


def kind(head: bytes) -> str | None:
    """A compression, ``tar``, ``squashfs`` or ``qcow2``; None: nothing the servers know. head: HEAD_BYTES of the file."""
    if head[_TAR_MAGIC_AT : _TAR_MAGIC_AT + len(_TAR_MAGIC)] == _TAR_MAGIC:
        return "tar"
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)


def unpacked(chunks: Iterable[bytes], compression: str) -> Generator[bytes, None, None]:
    """A file's content in pieces of a megabyte or so, however much each chunk holds. ``tar``: is not compressed.

    Raises Damaged for one that is cut off or corrupt, once all that is good has been given; Unreadable. To be closed.
    """
    if compression == "tar":
        yield from chunks
    elif compression == "gzip":
        yield from _decompressed(chunks, _Gzip, zlib.error, compression)
    elif compression == "bzip2":
        yield from _decompressed(chunks, bz2.BZ2Decompressor, OSError, compression)
    elif compression in _PROGRAMS:
        yield from _piped(chunks, _PROGRAMS[compression], compression)
    elif HAS_LZMA:
        yield from _decompressed(chunks, _lzma_decoder, lzma.LZMAError, compression)
    else:
        raise Unreadable


class _Gzip:
    """zlib's decoder with the manners of those of bz2 and lzma."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(wbits=31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        piece = self._decoder.decompress(self._decoder.unconsumed_tail + data, max_length)
        self.needs_input = not self._decoder.unconsumed_tail and len(piece) < max_length
        return piece


def _lzma_decoder() -> Any:
    return lzma.LZMADecompressor(memlimit=_MOST_LZMA_MEMORY)


def _decompressed(
    chunks: Iterable[bytes], new: Callable[[], Any], error_type: type[Exception], compression: str
) -> Iterator[bytes]:
    decoder = new()
    is_first, is_at_start = True, True
    try:
        for chunk in chunks:
            data = chunk
            while data:
                if decoder.eof:
                    # Zeros may fill up the last block, and another compressed stream may follow.
                    data = data.lstrip(b"\0")
                    if not data:
                        break
                    decoder, is_first, is_at_start = new(), False, True
                yield decoder.decompress(data, _PIECE)
                is_at_start = False
                while not decoder.eof and not decoder.needs_input:
                    yield decoder.decompress(b"", _PIECE)
                data = decoder.unused_data if decoder.eof else b""
    except MemoryError as error:
        raise Unreadable from error
    except error_type as error:
        if "Memory usage limit" in str(error):
            raise Unreadable from error
        # bzip2 itself does not mind what follows.
        if compression == "bzip2" and is_at_start and not is_first:
            return
        raise Damaged(f"is damaged: its {compression} compression does not add up") from error
    if not decoder.eof:
        raise Damaged(f"is cut off: its {compression} compression has no end")


def _piped(chunks: Iterable[bytes], program: tuple[str, ...], compression: str) -> Iterator[bytes]:
    if shutil.which(program[0]) is None:
        raise Unreadable
    pipe = subprocess.PIPE
    # What AnsibleModule.run_command would return is text, and all of it at once; this streams.
    with subprocess.Popen(  # pylint: disable=ansible-bad-function
        program, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise AssertionError("pipes were asked for")
        feeder = threading.Thread(target=_write, args=(chunks, process.stdin), daemon=True)
        feeder.start()
        try:
            while piece := process.stdout.read(_PIECE):
                yield piece
            feeder.join()
            if process.wait():
                raise Damaged(f"is cut off or damaged: its {compression} compression does not add up")
        finally:
            process.kill()
            feeder.join()


def _write(chunks: Iterable[bytes], pipe: IO[bytes]) -> None:
    try:
        with pipe:
            for chunk in chunks:
                pipe.write(chunk)
    except BrokenPipeError:
        return  # The program's status says why it reads no further.
