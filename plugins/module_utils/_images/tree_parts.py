# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image files that are to be published in a simplestreams tree: what they are, their sums, what they will be called."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from .._api.chunks import file_chunks
from .._api.errors import InvalidInput
from .compression import HEAD_BYTES, Damaged, Unreadable, kind, unpacked
from .metadata import ARCHITECTURES
from .products import METADATA, ROOT_SUMS, UNIFIED
from .tarball import Tarball

_ENDINGS: Mapping[str, str] = {
    "tar": "",
    "gzip": ".gz",
    "bzip2": ".bz2",
    "xz": ".xz",
    "lzma": ".lzma",
    "zstd": ".zst",
    "lz4": ".lz4",
}
# metadata.yaml comes first in whatever the servers and the usual tools make. To look for it behind a whole root file
# system would take longer than its date is worth.
_MOST_MEMBERS = 100
_MOST_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Part:
    """A file of an image. path: where it is now; name: what it will be called; ftype: empty for metadata; size: in bytes."""

    path: str
    name: str
    ftype: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Image:
    """The parts of an image, metadata first. created: seconds since 1970; both are None where metadata does not tell."""

    parts: tuple[Part, ...]
    fingerprint: str
    created: int | None = None
    architecture: str | None = None

    @property
    def type(self) -> str:
        return "virtual-machine" if self.parts[-1].ftype.endswith(".img") else "container"

    def items(self, directory: str) -> dict[str, Any]:
        """The items of a version that has its files in this directory, relative to the root of the tree."""
        described = [
            {"path": f"{directory}/{part.name}", "size": part.size, "sha256": part.sha256} for part in self.parts
        ]
        if len(self.parts) == 1:
            return {ftype: {"ftype": ftype, **described[0]} for ftype in UNIFIED}
        ftype = self.parts[1].ftype
        sums = dict.fromkeys(ROOT_SUMS[ftype], self.fingerprint)
        return {
            **{name: {"ftype": name, **described[0], **sums} for name in METADATA},
            ftype: {"ftype": ftype, **described[1]},
        }


def read_image(file: str, rootfs: str | None) -> Image:
    """What the files of an image are; they never lie in memory as a whole. Raises InvalidInput for what can be none.

    Whether they are whole is not looked at.
    """
    combined = hashlib.sha256()
    try:
        if rootfs is None:
            parts: tuple[Part, ...] = (_part(file, "image", combined),)
        else:
            parts = (_part(file, "metadata", combined), _part(rootfs, "rootfs", combined))
        created, architecture = _glance(file)
    except OSError as error:
        raise InvalidInput(f"image file {error.filename or file} cannot be read: {error.strerror or error}") from error
    return Image(parts, combined.hexdigest(), created, architecture)


def is_ours(name: str) -> bool:
    """Whether a file in a version's directory has a name that one of ours would have, whole or half-written."""
    return (
        re.fullmatch(r"\.?(?:(?:image|metadata|rootfs)\.tar(?:\.\w+)?|rootfs\.squashfs|disk\.qcow2)(?:\.part)?", name)
        is not None
    )


def _part(path: str, role: str, combined: Any) -> Part:
    """combined: a hash that gets the file's bytes, too."""
    if not os.path.isfile(path):
        raise InvalidInput(f"image file {path} is not there, or is no file")
    digest = hashlib.sha256()
    size = 0
    with open(path, "rb") as stream:
        name, ftype = _kind(path, stream.read(HEAD_BYTES), role)
    for chunk in file_chunks(path):
        size += len(chunk)
        digest.update(chunk)
        combined.update(chunk)
    return Part(path, name, ftype, size, digest.hexdigest())


def _kind(path: str, head: bytes, role: str) -> tuple[str, str]:
    """What the file will be called, and its ftype."""
    if not head:
        raise InvalidInput(f"image file {path} is empty")
    found = kind(head)
    if found is not None and found in _ENDINGS:
        return f"{role}.tar{_ENDINGS[found]}", "root.tar.xz" if role == "rootfs" else ""
    if found is None:
        raise InvalidInput(
            f"image file {path} is neither a tarball nor a squashfs nor a virtual machine's disk (qcow2)"
        )
    if role != "rootfs":
        raise InvalidInput(
            f"image file {path} is a {found} and no tarball: that is the option rootfs, beside its metadata"
        )
    return ("rootfs.squashfs", "squashfs") if found == "squashfs" else ("disk.qcow2", "disk-kvm.img")


def _glance(path: str) -> tuple[int | None, str | None]:
    """Creation date and architecture (Debian's name) in the metadata of a tarball, where they are easily found.

    A regular expression is enough for a number and a word at the top level, and needs no PyYAML on the host.
    """
    text = _metadata_text(path)
    date = re.search(rb"""^["']?creation_date["']?:[ \t]*["']?([0-9]+)""", text, re.MULTILINE)
    architecture = re.search(rb"""^["']?architecture["']?:[ \t]*["']?(\w+)""", text, re.MULTILINE)
    name = architecture.group(1).decode() if architecture else None
    return int(date.group(1)) if date else None, ARCHITECTURES.get(name, name) if name else None


def _metadata_text(path: str) -> bytes:
    """metadata.yaml, or nothing where it is not found among the first members. Raises InvalidInput for a broken tarball."""
    with open(path, "rb") as stream:
        compression = kind(stream.read(HEAD_BYTES))
    try:
        with closing(unpacked(file_chunks(path), str(compression))) as pieces:
            tarball = Tarball(pieces)
            for number, member in enumerate(tarball.members()):
                if member.name in ("metadata.yaml", "./metadata.yaml"):
                    return tarball.content(_MOST_BYTES)
                if number == _MOST_MEMBERS:
                    break
    except Unreadable:
        return b""
    except Damaged as error:
        raise InvalidInput(f"image file {path} {error}") from error
    return b""
