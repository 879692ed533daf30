# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The root file system of a classic container, as a unified image for LXD or Incus: a stream that needs no room anywhere.

GNU tar reads it as the container's own root would, in its user namespace: the kernel itself then tells owners, access lists
and file capabilities in the container's numbers.

Source: doc/reference/image_format of LXD and Incus; lxc-usernsexec(1); user_namespaces(7).
"""

from __future__ import annotations

import io
import json
import os
import stat
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._api.errors import InvalidInput
from .._images import build_programs as programs
from .._images.pack import Members, Tarball
from .configuration import Entry
from .idmap import IdMap

# Kinds of storage whose root file system is a directory of the host, also while the container is stopped.
_DIRECTORIES = ("dir", "btrfs")
_BLOCK = 512
_MOST_NAMED = 5


@dataclass(frozen=True)
class Survey:
    """size: bytes it takes on its disk; strangers: files whose owner is nobody in the container, the first few of them. They
    would change hands on the way.
    """

    size: int
    strangers: list[str]


@dataclass(frozen=True)
class Rootfs:
    """path: the directory; ids: whose its files are on the disk."""

    path: str
    ids: IdMap

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> Rootfs:
        """From a container's configuration. Raises InvalidInput where it is not a directory that can be read as it is."""
        said = next((entry for entry in entries if entry.key == "lxc.rootfs.path"), None)
        if said is None or not said.value:
            raise InvalidInput("it has no lxc.rootfs.path")
        kind, colon, path = said.value.partition(":")
        if said.value.startswith("/"):
            kind, path = "dir", said.value
        if kind not in _DIRECTORIES or (colon and not path.startswith("/")):
            raise InvalidInput(
                f"its root file system is {said.value} ({said.where}), and only a directory can be read (dir:, btrfs:)"
            )
        if not os.path.isdir(path):
            raise InvalidInput(f"its root file system {path} ({said.where}) is not there")
        # The kernel may do the mapping when it mounts it: then its files have the container's own numbers on the disk.
        is_mapped = any("idmap=container" in entry.value for entry in entries if entry.key == "lxc.rootfs.options")
        return cls(os.path.normpath(path), IdMap() if is_mapped else IdMap.parse(entries))

    def survey(self) -> Survey:
        """Look at every file, but into none."""
        size = 0
        strangers: list[str] = []
        seen: set[int] = set()
        for path, status in _walk(self.path, os.lstat(self.path).st_dev):
            if status.st_ino not in seen:
                size += status.st_blocks * _BLOCK
            if status.st_nlink > 1:
                seen.add(status.st_ino)
            known = self.ids.inside("uid", status.st_uid), self.ids.inside("gid", status.st_gid)
            if None in known and len(strangers) < _MOST_NAMED:
                strangers.append(f"{path[len(self.path) :] or '/'} of {status.st_uid}:{status.st_gid}")
        return Survey(size, strangers)

    def image(self, metadata: Mapping[str, Any]) -> Iterator[bytes]:
        """A unified image with this metadata.yaml. Raises InvalidInput, before the end, if not all can be read."""
        yield _member("metadata.yaml", json.dumps(metadata).encode())
        yield from Tarball([Members(self.path, (".",))], "none", as_="rootfs", within=self._within()).chunks()

    def _within(self) -> tuple[str, ...]:
        if self.ids.is_empty:
            return ()
        letters = {"uid": "u", "gid": "g"}
        maps = [
            option
            for each in self.ids.ranges
            for option in ("-m", f"{letters[each.kind]}:{each.inside}:{each.outside}:{each.size}")
        ]
        return (programs.find("lxc-usernsexec"), *maps, "--")


def _member(name: str, content: bytes) -> bytes:
    """A file as the beginning of a tarball that others go on with."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    stream = io.BytesIO()
    stream.write(member.tobuf(tarfile.PAX_FORMAT))
    stream.write(content)
    stream.write(bytes(-len(content) % _BLOCK))
    return stream.getvalue()


def _walk(directory: str, device: int) -> Iterator[tuple[str, os.stat_result]]:
    """All of a tree, on its own file system, as the packing takes it."""
    yield directory, os.lstat(directory)
    with os.scandir(directory) as entries:
        for entry in entries:
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                if status.st_dev == device:
                    yield from _walk(entry.path, device)
            else:
                yield entry.path, status
