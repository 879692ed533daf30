# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images on their way out of a server's store, into files. Source: lxc/image.go (export) for the names."""

from __future__ import annotations

import glob
import hashlib
import os
from contextlib import ExitStack
from itertools import chain

from .._api.chunks import sha256
from .._api.client import Client
from .._api.deadline import Deadline
from .._api.errors import InvalidInput
from .download import download
from .whole_file import whole_file

_MODE = 0o644


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
            if sha256(files) == fingerprint:
                return files
        return []

    def fetch(self, home: Client, fingerprint: str, deadline: Deadline) -> list[str]:
        """Bring the image. The files get their names once they are whole and right. Raises FlotillaError."""
        digest = hashlib.sha256()
        names, files = [], []
        with ExitStack() as stack:
            parts = stack.enter_context(download(home, fingerprint, deadline))
            for number, part in enumerate(parts):
                chunks = home.progress.counted(part.chunks(), "export image", part.size)
                first = next(chunks, b"")  # What the file is called is known once its reading has begun.
                names.append(self._name(part.name, number, len(parts)))
                files.append(stack.enter_context(whole_file(names[-1], _MODE)))
                for chunk in chain([first], chunks):
                    digest.update(chunk)
                    files[-1].write(chunk)
            if digest.hexdigest() != fingerprint:
                raise InvalidInput(
                    f"remote {home.remote}: what came of image {fingerprint[:12]} is not that image: its SHA-256 is"
                    f" {digest.hexdigest()}"
                )
            for file in files:
                file.keep()
        return names

    def _name(self, name: str, number: int, count: int) -> str:
        if self._is_directory:
            return os.path.join(self._directory, name)
        if count == 2:
            return f"{self._path}.root" if number else self._path
        return f"{self._path}.{name.partition('.')[2] or 'img'}"

    def _candidates(self, fingerprint: str) -> list[list[str]]:
        if self._is_directory:
            base = glob.escape(os.path.join(self._directory, ""))
            metadata = glob.glob(f"{base}meta-{fingerprint}.*")
            rest = glob.glob(f"{base}{fingerprint}.*") + glob.glob(f"{base}{fingerprint}")
            return [[*metadata[:1], one] for one in rest]
        pair = [self._path, f"{self._path}.root"]
        single = [[one] for one in glob.glob(f"{glob.escape(self._path)}.*") if one != pair[1]]
        return [pair, *single] if all(map(os.path.isfile, pair)) else single
