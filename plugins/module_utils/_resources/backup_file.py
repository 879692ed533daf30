# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of containers in files: what one says of itself, and whether it is whole.

Source: internal/server/backup (index.yaml) of Incus and lxd/backup of LXD.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import IO, Any

from .._api.chunks import chunks
from .._api.errors import InvalidInput
from .._images.compression import HEAD_BYTES, Damaged, Unreadable, kind, unpacked
from .._images.tarball import Member, Tarball

# What has two containers be taken for one, as regular expressions.
IDENTITY = (
    r"volatile\.uuid",
    r"volatile\.uuid\.generation",
    r"volatile\.cloud-init\.instance-id",
    r"volatile\.[^:\s]+\.hwaddr",
)
_INDEX = "backup/index.yaml"
_SETTINGS = "backup/container/backup.yaml"
_MOST_INDEX = 64 * 1024 * 1024


@dataclass(frozen=True)
class Index:
    """What a backup says of itself.

    uuid: the container's own, kept as long as it lives, "" where the server gave none. keys: of its config; identity: the
    values of those that no other container is to have. optimized: in the format of the storage driver (backend), which only a
    pool of the same driver takes.
    """

    name: str
    type: str
    uuid: str
    created_at: str
    backend: str
    pool: str
    optimized: bool
    snapshots: tuple[str, ...]
    profiles: tuple[str, ...]
    keys: frozenset[str] = frozenset()
    identity: frozenset[str] = frozenset()


@dataclass(frozen=True)
class BackupFile:
    """A backup in a file, read to its end and found whole. size: in bytes.

    settings: where in the unpacked file, of unpacked_size, that is which the server makes the container's record from.
    """

    path: str
    index: Index
    size: int
    sha256: str
    compression: str
    unpacked_size: int
    settings: range = range(0)

    def described(self) -> dict[str, Any]:
        """For a result and a diff."""
        index = self.index
        return {
            "file": self.path,
            "name": index.name,
            "sha256": self.sha256,
            "size": self.size,
            "snapshots": list(index.snapshots),
            "optimized_storage": index.optimized,
            "created_at": index.created_at,
        }


def inspect(path: str) -> BackupFile:
    """Read all of the file. Raises InvalidInput for one that is missing, no backup, cut off or damaged."""
    try:
        with open(path, "rb") as stream:
            return _inspected(path, stream)
    except OSError as error:
        raise InvalidInput(f"backup file {path} cannot be read: {error.strerror or error}") from error
    except Damaged as error:
        raise InvalidInput(f"backup file {path} {error}") from error
    except Unreadable as error:
        reason = str(error) or "is compressed in a way that this host has nothing to read with"
        raise InvalidInput(f"backup file {path} {reason}") from error


def _inspected(path: str, stream: IO[bytes]) -> BackupFile:
    size = os.fstat(stream.fileno()).st_size
    if not size:
        raise Damaged("is empty")
    compression = kind(stream.read(HEAD_BYTES))
    if compression is None or compression == "qcow2":
        raise Damaged("is no backup: it is no tarball")
    if compression == "squashfs":
        raise Unreadable("is packed with squashfs, which nothing here looks into: make it with another compression")
    stream.seek(0)
    digest, unpacked_size = hashlib.sha256(), 0

    def packed() -> Iterator[bytes]:
        for chunk in chunks(stream):
            digest.update(chunk)
            yield chunk

    def counted(pieces: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal unpacked_size
        for piece in pieces:
            unpacked_size += len(piece)
            yield piece

    with closing(unpacked(packed(), compression)) as pieces:
        contents = _Contents(Tarball(counted(pieces)))
        index = contents.index()
    return BackupFile(path, index, size, digest.hexdigest(), compression, unpacked_size, contents.settings)


class _Contents:
    """What is in the tarball of a backup."""

    def __init__(self, tarball: Tarball) -> None:
        self._tarball = tarball
        self._index: Index | None = None
        self._parts: set[str] = set()
        self.settings = range(0)

    def index(self) -> Index:
        """Raises Damaged if there is none, or if something it names is not there."""
        for member in self._tarball.members():
            if member.name == _INDEX:
                self._index = self._parsed(member)
            elif member.name == _SETTINGS:
                self.settings = range(member.offset, member.offset + member.size)
            else:
                self._parts |= _parts_of(member.name)
        if self._index is None:
            raise Damaged(f"is no backup: it holds no {_INDEX}")
        missing = [] if "container" in self._parts or self._index.type != "container" else ["the container itself"]
        if self._index.type == "container":
            missing += [f"snapshot {name}" for name in self._index.snapshots if f"snapshots/{name}" not in self._parts]
        if missing:
            raise Damaged(f"is not whole: {missing[0]} is not in it")
        return self._index

    def _parsed(self, member: Member) -> Index:
        if not member.is_file or member.size > _MOST_INDEX:
            raise Damaged(f"is no backup: its {_INDEX} is no file of a bearable size")
        return parse(self._tarball.content(_MOST_INDEX))


def _parts_of(name: str) -> set[str]:
    """``container`` or ``snapshots/NAME``, for a path in the tarball. If optimized, they are files with .bin added."""
    parts = name.split("/")[1:]
    prefix = "snapshots/" if parts[:1] == ["snapshots"] else ""
    found = "".join(parts[1:2] if prefix else parts[:1])
    return {prefix + found, prefix + (found[: -len(".bin")] if found.endswith(".bin") else found)}


def parse(content: bytes) -> Index:
    """The text of an index.yaml. Raises Damaged for one that is none, and Unreadable without PyYAML."""
    try:
        import yaml
    except ImportError as error:
        raise Unreadable("holds YAML, and this Python has no PyYAML to read it: install it there") from error
    try:
        # Everything as text: dates stay as the servers write them.
        loaded = yaml.load(content, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
    except (yaml.YAMLError, RecursionError) as error:
        raise Damaged(f"is damaged: its {_INDEX} is no YAML") from error
    index = _mapping(loaded)
    config = _mapping(index.get("config"))
    # LXD and Incus 6 call it container; what came after them may say instance.
    instance = _mapping(config.get("container") or config.get("instance"))
    keys = _mapping(instance.get("config"))
    name = index.get("name")
    if not isinstance(name, str) or not name:
        raise Damaged(f"is damaged: its {_INDEX} names no container")
    return Index(
        name=name,
        type=str(index.get("type") or "container"),
        uuid=str(keys.get("volatile.uuid") or ""),
        created_at=str(instance.get("created_at") or ""),
        backend=str(index.get("backend") or ""),
        pool=str(index.get("pool") or ""),
        optimized=index.get("optimized") == "true",
        snapshots=_texts(index.get("snapshots")),
        profiles=_texts(instance.get("profiles")),
        keys=frozenset(keys),
        identity=identity_in(keys),
    )


def identity_in(config: Mapping[str, str]) -> frozenset[str]:
    """The values in a container's config that no other is to have."""
    return frozenset(value for key, value in config.items() if re.fullmatch("|".join(IDENTITY), key))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list) else ()
