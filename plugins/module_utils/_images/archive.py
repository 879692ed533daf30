# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images out of what there is: a directory tree, a tarball of one, or an image that is to become another."""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .._api.deadline import Deadline
from .._api.errors import InvalidInput
from . import build_programs as programs
from .build_source import Base, need_root
from .metadata import Template, problems

try:
    import yaml
except ImportError:
    yaml = None  # type: ignore[assignment]

_ZSTD = b"\x28\xb5\x2f\xfd"
_UNPACK = (
    *("tar", "--extract", "--numeric-owner", "--same-owner", "--same-permissions"),
    *("--xattrs", "--xattrs-include=*", "--acls", "--delay-directory-restore"),
)
# One of them is in any root file system.
_TOP = ("bin", "etc", "init", "sbin", "usr")
# Neither metadata.yaml nor a template has a megabyte; what has is something else by that name.
_MOST_BYTES = 1024 * 1024


class TreeSource:
    """A directory: a root file system, or one that holds ``metadata.yaml`` and ``rootfs/``."""

    templates: Mapping[str, Template] = {}
    is_made = False

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)

    @property
    def _is_image(self) -> bool:
        return os.path.isfile(os.path.join(self.path, "metadata.yaml")) and os.path.isdir(self._inner)

    @property
    def _inner(self) -> str:
        return os.path.join(self.path, "rootfs")

    def inputs(self) -> dict[str, Any]:
        digest = hashlib.sha256()
        for line in _described(self.path, os.lstat(self.path).st_dev):
            digest.update(repr(line).encode(errors="surrogateescape") + b"\n")
        if self._is_image:
            base = self._base()
            digest.update(repr(sorted(base.files.items())).encode())
            digest.update(repr(base.metadata).encode())
        return {"tree": digest.hexdigest()}

    def look(self, architecture: str) -> Base:
        rootfs = self._inner if self._is_image else self.path
        if not any(name in _TOP for name in os.listdir(rootfs)):
            raise InvalidInput(f"rootfs {self.path} is no root file system: it has none of {', '.join(_TOP)}")
        return self._base() if self._is_image else Base()

    def make(self, scratch: str, created: int, architecture: str, deadline: Deadline) -> str:
        return self._inner if self._is_image else self.path

    def _base(self) -> Base:
        directory = os.path.join(self.path, "templates")
        names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
        files = {name: _content(os.path.join(directory, name)) for name in names}
        return _base(self.path, _content(os.path.join(self.path, "metadata.yaml")), files)


class TarballSource:
    """A tarball: of a root file system, or a unified image."""

    templates: Mapping[str, Template] = {}
    is_made = False

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)

    def inputs(self) -> dict[str, Any]:
        digest = hashlib.sha256()
        with open(self.path, "rb") as stream:
            while chunk := stream.read(_MOST_BYTES):
                digest.update(chunk)
        return {"tarball": digest.hexdigest()}

    def look(self, architecture: str) -> Base:
        need_root(f"rootfs {self.path}: unpacking it")
        metadata, files, tops, in_rootfs = None, {}, set(), set()
        with _opened(self.path) as tar:
            for member in tar:
                name = _safe(self.path, member)
                top, _slash, rest = name.partition("/")
                tops.add(top)
                if top == "rootfs":
                    in_rootfs.add(rest.partition("/")[0])
                if member.isfile() and member.size <= _MOST_BYTES:
                    if name == "metadata.yaml":
                        metadata = _extracted(tar, member)
                    elif top == "templates" and rest:
                        files[rest] = _extracted(tar, member)
        if metadata is None:
            if not tops & {*_TOP}:
                raise InvalidInput(f"rootfs {self.path} is no root file system: it has none of {', '.join(_TOP)}")
            return Base()
        if not in_rootfs & {*_TOP}:
            raise InvalidInput(f"rootfs {self.path} has a metadata.yaml, but no root file system in rootfs/")
        return _base(self.path, metadata, files)

    def make(self, scratch: str, created: int, architecture: str, deadline: Deadline) -> str:
        target = os.path.join(scratch, "tree")
        os.mkdir(target)
        os.chmod(target, 0o755)  # It is the container's /, should the tarball not say otherwise.
        programs.run([*_UNPACK, f"--directory={target}", f"--file={self.path}", "--force-local"], deadline)
        is_image = os.path.isfile(os.path.join(target, "metadata.yaml"))
        return os.path.join(target, "rootfs") if is_image else target


def rootfs_source(path: str, dest: str) -> TreeSource | TarballSource:
    """What the option rootfs means. Raises InvalidInput."""
    if os.path.isdir(path):
        inside = os.path.commonpath([os.path.realpath(path), os.path.realpath(dest)]) == os.path.realpath(path)
        if inside:
            raise InvalidInput(
                f"dest {dest} lies in rootfs {path}, and the image would hold itself: name another place"
            )
        return TreeSource(path)
    if not os.path.isfile(path):
        raise InvalidInput(f"rootfs {path} is not there: it is a directory or a tarball")
    return TarballSource(path)


def _described(directory: str, device: int) -> Iterator[tuple[Any, ...]]:
    """What tells a tree from another, without reading its files. As the packing does, it stays on one file system."""
    yield (directory, *_attributes(directory))
    with os.scandir(directory) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            found = entry.stat(follow_symlinks=False)
            if not stat.S_ISDIR(found.st_mode):
                yield (entry.path, *_attributes(entry.path))
            elif found.st_dev == device:
                yield from _described(entry.path, device)


def _attributes(path: str) -> tuple[Any, ...]:
    found = os.lstat(path)
    kind = stat.S_IFMT(found.st_mode)
    size = 0 if kind == stat.S_IFDIR else found.st_size
    extended = {}
    if hasattr(os, "listxattr"):
        extended = {
            name: os.getxattr(path, name, follow_symlinks=False) for name in os.listxattr(path, follow_symlinks=False)
        }
    return (
        *(found.st_mode, found.st_uid, found.st_gid, size, found.st_mtime_ns, found.st_rdev),
        (found.st_dev, found.st_ino) if found.st_nlink > 1 and kind != stat.S_IFDIR else None,
        os.readlink(path) if kind == stat.S_IFLNK else None,
        sorted(extended.items()),
    )


def _content(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read(_MOST_BYTES)


@contextmanager
def _opened(path: str) -> Iterator[tarfile.TarFile]:
    """A tarball with any compression. Raises InvalidInput for a file that is none, or not whole."""
    with open(path, "rb") as stream:
        is_zstd = stream.read(len(_ZSTD)) == _ZSTD
    try:
        if not is_zstd:
            with tarfile.open(path, "r:*") as tar:
                yield tar
            return
        # Python reads zstd only from 3.14 on.
        command = ["zstd", "--quiet", "--decompress", "--stdout", path]
        with tempfile.TemporaryFile() as complaints, programs.started(command, complaints) as process:
            with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
                yield tar
            _drain(process)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise InvalidInput(f"rootfs {path} is no tarball, or not whole: {error}") from error
    except Exception as error:
        # What lzma and zlib raise has no common ancestor, and lzma may not be there to be named.
        if type(error).__module__ in ("zlib", "lzma", "_lzma"):
            raise InvalidInput(f"rootfs {path} is no tarball, or not whole: {error}") from error
        raise


def _drain(process: subprocess.Popen[bytes]) -> None:
    if process.stdout:
        while process.stdout.read(_MOST_BYTES):
            pass


def _safe(path: str, member: tarfile.TarInfo) -> str:
    """The member's name, without ./ before it. Raises InvalidInput for one that leads out of the tarball's root."""
    led = [member.name, member.linkname] if member.islnk() else [member.name]
    for name in led:
        if name.startswith("/") or ".." in name.split("/"):
            raise InvalidInput(f"rootfs {path} has a path that leads out of it: {name}")
    return posixpath.normpath(member.name)


def _extracted(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = tar.extractfile(member)
    return stream.read() if stream else b""


def _base(path: str, metadata: bytes, files: Mapping[str, bytes]) -> Base:
    """Raises InvalidInput for metadata that is none."""
    if yaml is None:
        raise InvalidInput(
            f"rootfs {path} has a metadata.yaml: reading it takes PyYAML on this host (package python3-yaml)"
        )
    try:
        content = yaml.safe_load(metadata)
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidInput(f"metadata.yaml of rootfs {path} is no YAML: {' '.join(str(error).split())}") from error
    found = problems(content)
    if found:
        raise InvalidInput(f"metadata.yaml of rootfs {path} cannot be built on: {'; '.join(found)}")
    return Base(content, files)
