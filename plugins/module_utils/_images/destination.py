# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images on their way out of a server's store, into files. Source: lxc/image.go (export) for the names."""

from __future__ import annotations

import glob
import hashlib
import os
from contextlib import ExitStack, suppress

from .._api.client import Client
from .._api.deadline import Deadline
from .._api.errors import InvalidInput
from .download import download

_CHUNK = 1024 * 1024
_PARTIAL = ".part"


class Destination:
    """Where the files of an image go, named as the commands name them.

    A directory gets ``FINGERPRINT.tar.gz``, or ``meta-FINGERPRINT.tar.gz`` and ``FINGERPRINT.squashfs``; of another path
    become ``PATH.tar.gz``, or ``PATH`` and ``PATH.root``. The endings are those of what is in the files.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._directory = path if os.path.isdir(path) or path.endswith(os.sep) else os.path.dirname(path) or "."
        self._is_directory = self._directory == path

    def check(self) -> None:
        """Raises InvalidInput for a place that is not there."""
        if not os.path.isdir(self._directory):
            raise InvalidInput(f"dest {self._path}: there is no directory {self._directory.rstrip(os.sep)}")

    def whole(self, fingerprint: str) -> list[str]:
        """The files that are there already, metadata first, if they are the image; else none."""
        for files in self._candidates(fingerprint):
            if _fingerprint(files) == fingerprint:
                return files
        return []

    def fetch(self, home: Client, fingerprint: str, deadline: Deadline) -> list[str]:
        """Bring the image. The files get their names once they are whole and right. Raises FlotillaError."""
        scratch: list[str] = []
        digest = hashlib.sha256()
        names = []
        try:
            with ExitStack() as stack:
                parts = stack.enter_context(download(home, fingerprint, deadline))
                for number, part in enumerate(parts):
                    scratch.append(os.path.join(self._directory, f".{fingerprint}.{number}{_PARTIAL}"))
                    with open(scratch[-1], "wb") as stream:
                        for chunk in home.progress.counted(part.chunks(), "export image", part.size):
                            digest.update(chunk)
                            stream.write(chunk)
                    names.append(part.name)
            if digest.hexdigest() != fingerprint:
                raise InvalidInput(
                    f"remote {home.remote}: what came of image {fingerprint[:12]} is not that image: its SHA-256 is"
                    f" {digest.hexdigest()}"
                )
            files = self._named(names)
            for partial, final in zip(scratch, files):
                os.replace(partial, final)
            return files
        except OSError as error:
            raise InvalidInput(f"dest {self._path}: cannot be written: {error.strerror or error}") from error
        finally:
            for partial in scratch:
                with suppress(FileNotFoundError):
                    os.unlink(partial)

    def _named(self, names: list[str]) -> list[str]:
        if self._is_directory:
            return [os.path.join(self._directory, name) for name in names]
        if len(names) == 2:
            return [self._path, f"{self._path}.root"]
        return [f"{self._path}.{names[0].partition('.')[2] or 'img'}"]

    def _candidates(self, fingerprint: str) -> list[list[str]]:
        if self._is_directory:
            base = glob.escape(os.path.join(self._directory, ""))
            metadata = glob.glob(f"{base}meta-{fingerprint}.*")
            rest = glob.glob(f"{base}{fingerprint}.*") + glob.glob(f"{base}{fingerprint}")
        else:
            metadata = [name for name in (self._path,) if os.path.isfile(name)]
            rest = [name for name in (f"{self._path}.root",) if os.path.isfile(name)]
            if not metadata:
                rest = glob.glob(f"{glob.escape(self._path)}.*")
        return [[*metadata[:1], one] for one in rest]


def _fingerprint(files: list[str]) -> str:
    digest = hashlib.sha256()
    for file in files:
        with open(file, "rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()
