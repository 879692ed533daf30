# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images in files: a unified or a split image, or a directory that is packed on the way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from .._api.chunks import file_chunks
from .._api.client import Client
from .._api.deadline import Deadline
from .._api.errors import InvalidInput, NotThereYet
from .check import inspect
from .pack import PackedDirectory
from .source import Offer, Traits
from .upload import Content, upload

_QCOW2 = b"QFI\xfb"


@dataclass(frozen=True)
class _File:
    path: str

    @property
    def name(self) -> str:
        return os.path.basename(self.path)

    @property
    def origin(self) -> str:
        return self.path

    @property
    def size(self) -> int | None:
        return os.path.getsize(self.path)

    def chunks(self) -> Iterator[bytes]:
        return file_chunks(self.path)

    def check(self) -> None:
        """Raises InvalidInput for a file that is not there or empty."""
        if not os.path.isfile(self.path) or not os.access(self.path, os.R_OK):
            raise NotThereYet(f"image file {self.path} is not there, or is no file that can be read")
        if os.path.getsize(self.path) == 0:
            raise InvalidInput(f"image file {self.path} is empty")


@dataclass(frozen=True)
class _Directory:
    packed: PackedDirectory
    name: str
    size: None = None  # known only when all of it is packed

    @property
    def origin(self) -> str:
        return self.name

    def chunks(self) -> Iterator[bytes]:
        return self.packed.chunks()

    def check(self) -> None:
        self.packed.check()


@dataclass(frozen=True)
class ImageFile:
    """A unified image (file alone; a directory is packed), or a split one: file is then the metadata tarball."""

    file: str
    rootfs: str | None = None

    def check(self) -> None:
        """Raises InvalidInput for a file that is not there or empty, and a directory that holds no image."""
        for part in self._parts():
            part.check()

    def content(self) -> Content:
        is_disk = self.rootfs is not None and _begins_with(self.rootfs, _QCOW2)
        return Content(self._parts(), is_disk=is_disk, is_known=os.path.isdir(self.file))

    def fingerprint(self) -> str:
        """The fingerprint the image will have."""
        return self.content().fingerprint()

    def _parts(self) -> tuple[_File | _Directory, ...]:
        if self.rootfs is not None:
            return _File(self.file), _File(self.rootfs)
        if os.path.isdir(self.file):
            return (_Directory(PackedDirectory(self.file), f"{os.path.basename(os.path.normpath(self.file))}.tar.gz"),)
        return (_File(self.file),)


class FileSource:
    """An image in files, which are what its name means: another image by that name has to make way.

    The files are looked at while they are sent; predicting: they are not sent, and looked at all the same.
    """

    action = "import"
    is_the_name = True

    def __init__(self, image: ImageFile, expected: str | None, *, predicting: bool) -> None:
        self._image = image
        self._predicting = predicting
        self._expected = expected
        self._fingerprint: str | None = None

    def look(self, store: Client) -> Offer:
        if self._fingerprint is None:
            self._image.check()
            self._fingerprint = self._image.fingerprint()
        if self._expected and self._fingerprint != self._expected:
            raise InvalidInput(
                f"image file {self._image.file} is not the image wanted: its fingerprint is {self._fingerprint}, and"
                f" {self._expected} is asked for"
            )
        return Offer(self._fingerprint)

    def check(self, store: Client) -> None:
        if self._predicting and not os.path.isdir(self._image.file):
            inspect(self._image.file, self._image.rootfs)

    def bring(self, store: Client, traits: Traits, deadline: Deadline) -> str:
        fingerprint = str(self.look(store).fingerprint)
        return upload(store, self._image.content(), fingerprint, traits, what=self._image.file, deadline=deadline)


def _begins_with(path: str, magic: bytes) -> bool:
    with open(path, "rb") as stream:
        return stream.read(len(magic)) == magic
