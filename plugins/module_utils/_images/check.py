# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a file is an image, and whole, before it is sent.

The servers only look at metadata.yaml when they import one: without this, it would be the first container made from it
that fails. What they take and nothing on this host can read is left to them.

Source: lxd/images.go and cmd/incusd/images.go (getImageMetadata), doc/reference/image_format of both.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing
from enum import Enum
from typing import Any

from .._api.chunks import file_chunks
from .._api.errors import InvalidInput
from .compression import HEAD_BYTES, Damaged, Unreadable, kind, unpacked
from .metadata import problems
from .tarball import Member, Tarball

try:
    import yaml
except ImportError:
    HAS_YAML = False
else:
    HAS_YAML = True

# In chunks as they are fed. It only has to keep both threads busy.
_QUEUE_LENGTH = 4
_POLL_SECONDS = 0.1
_MOST_METADATA = 4 * 1024 * 1024
_SQUASHFS_SIZE = slice(40, 48)


class Holds(Enum):
    """What a file is to the image."""

    UNIFIED = "all of the image"
    METADATA = "the metadata of a split image"
    ROOTFS = "the root file system of a split image"


class Inspector:
    """Looks at a file while somebody else reads it for another purpose. To be closed, whatever happens.

    name: what to call the file in messages. Takes a few megabytes and a thread, however large the file is.
    """

    def __init__(self, name: str, holds: Holds) -> None:
        self._name = name
        self._holds = holds
        self._chunks: queue.Queue[bytes | None] = queue.Queue(_QUEUE_LENGTH)
        self._is_closed = False
        self._failure: BaseException | None = None
        self._worker = threading.Thread(target=self._work, name=f"inspect {name}", daemon=True)
        self._worker.start()

    def feed(self, chunk: bytes) -> None:
        """The next bytes of the file, in the order they have there. Raises InvalidInput as soon as something is wrong."""
        if chunk:
            self._put(chunk)

    def finish(self) -> None:
        """That was all of the file. Raises InvalidInput if it is not what it should be."""
        self._put(None)
        self._worker.join()
        self._raise()

    def close(self) -> None:
        """End the thread. It may be closed at any time, and more than once."""
        self._is_closed = True
        self._put(None, quietly=True)
        self._worker.join()

    def _put(self, chunk: bytes | None, *, quietly: bool = False) -> None:
        while self._worker.is_alive():
            try:
                self._chunks.put(chunk, timeout=_POLL_SECONDS)
                break
            except queue.Full:
                continue
        if not quietly:
            self._raise()

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        try:
            _check(self._received(), self._holds)
        except Unreadable:
            return
        except Damaged as error:
            self._failure = InvalidInput(f"image file {self._name} {error}")
        except BaseException as error:  # noqa: BLE001 - is raised again in the thread that feeds
            self._failure = error

    def _received(self) -> Iterator[bytes]:
        while not self._is_closed:
            chunk = self._chunks.get()
            if chunk is None:
                return
            yield chunk


def inspected(name: str, holds: Holds, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks of a file as they are; the last one is only let go when all of it has been found good.

    So whoever sends it on has sent nothing whole if InvalidInput is raised.
    """
    with closing(Inspector(name, holds)) as inspector:
        held = b""
        for chunk in chunks:
            inspector.feed(chunk)
            if held:
                yield held
            held = chunk
        inspector.finish()
        yield held


def inspect(file: str, rootfs: str | None) -> None:
    """Look at the file of a unified image (no rootfs), or the two of a split one. Raises InvalidInput."""
    for path, holds in [(file, Holds.METADATA if rootfs else Holds.UNIFIED), (rootfs, Holds.ROOTFS)]:
        if path is not None:
            for _chunk in inspected(path, holds, _chunks(path)):
                pass


def _chunks(path: str) -> Iterator[bytes]:
    try:
        yield from file_chunks(path)
    except OSError as error:
        raise InvalidInput(f"image file {path} cannot be read: {error.strerror}") from error


def _check(chunks: Iterator[bytes], holds: Holds) -> None:
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= HEAD_BYTES:
            break
    if not head:
        raise Damaged("is empty")
    found = kind(head)
    if found is None:
        raise Damaged(_what_it_is_instead(head))
    if found == "squashfs":
        if holds is Holds.METADATA:
            raise Damaged("is a root file system (squashfs) and no metadata tarball: that is the option rootfs")
        _check_squashfs(head, chunks)
    elif found == "qcow2":
        if holds is not Holds.ROOTFS:
            raise Damaged("is a disk and no tarball: it is the option rootfs, beside a tarball of its metadata")
    else:
        with closing(unpacked(_first(head, chunks), found)) as pieces:
            _Contents(Tarball(pieces), holds).check()


def _first(head: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from chunks


def _check_squashfs(head: bytes, chunks: Iterator[bytes]) -> None:
    expected = int.from_bytes(head[_SQUASHFS_SIZE], "little")
    size = len(head) + sum(len(chunk) for chunk in chunks)
    if size < max(expected, _SQUASHFS_SIZE.stop):
        raise Damaged(f"is cut off: it has {size} bytes, and the squashfs in it {expected}")


def _what_it_is_instead(head: bytes) -> str:
    beginning = head.lstrip()[:100].lower()
    if beginning.startswith((b"<!doctype html", b"<html")):
        return "is a web page and no image: what is behind its address, or a proxy before it, sent that instead"
    return "is no image: it is neither a tarball nor a squashfs nor a virtual machine's disk (qcow2)"


class _Contents:
    """What has to be in the tarball of an image, and what must not."""

    def __init__(self, tarball: Tarball, holds: Holds) -> None:
        self._tarball = tarball
        self._holds = holds
        self._has_metadata = False
        self._has_tree = False
        self._has_disk = False

    def check(self) -> None:
        for member in self._tarball.members():
            if ".." in member.name and ".." in member.name.split("/"):
                raise Damaged(f"has a path that leads out of it: {member.name}")
            if self._holds is not Holds.ROOTFS:
                self._look_at(member)
        if self._holds is Holds.ROOTFS:
            return
        if not self._has_metadata:
            raise Damaged("has no metadata.yaml at its top, and is no image without")
        if self._has_tree and self._has_disk:
            raise Damaged(
                "has both rootfs/ and rootfs.img: a container's image has the one, a virtual machine's the other"
            )
        if self._holds is Holds.UNIFIED and not self._has_tree and not self._has_disk:
            raise Damaged(
                "has no root file system: there is no rootfs/ in it, and no rootfs.img, and the option rootfs is not given"
            )

    def _look_at(self, member: Member) -> None:
        name = member.name[2:] if member.name.startswith("./") else member.name
        if name == "metadata.yaml":
            self._has_metadata = True
            self._check_metadata(member)
        elif name == "rootfs.img":
            self._has_disk = True
        elif name.startswith("rootfs/"):
            self._has_tree = True
        else:
            return
        if self._holds is Holds.METADATA and (self._has_disk or (self._has_tree and name != "rootfs/")):
            raise Damaged(f"has a root file system of its own ({name}): it goes without the option rootfs")

    def _check_metadata(self, member: Member) -> None:
        if not member.is_file:
            raise Damaged("has a metadata.yaml that is no plain file")
        if member.size > _MOST_METADATA:
            raise Damaged(f"has a metadata.yaml of {member.size} bytes, which is none")
        if member.is_sparse:
            return
        try:
            found = problems(_parsed(self._tarball.content(_MOST_METADATA)))
        except Unreadable:
            return
        if found:
            raise Damaged(f"has a metadata.yaml that no server takes: {'; '.join(found)}")


def _parsed(content: bytes) -> Any:
    """Properties as text, which is how the servers read them, quotes or not."""
    metadata = _loaded(content)
    properties = metadata.get("properties") if isinstance(metadata, dict) else None
    if isinstance(properties, dict):
        texts = {
            str(key): value if isinstance(value, (dict, list)) else str(value) for key, value in properties.items()
        }
        return {**metadata, "properties": texts}
    return metadata


def _loaded(content: bytes) -> Any:
    if not HAS_YAML:
        try:
            return json.loads(content)  # which is YAML too
        except ValueError as error:
            raise Unreadable from error
    try:
        return next(yaml.safe_load_all(content), None)  # the servers read the first document
    except (yaml.YAMLError, RecursionError) as error:
        raise Damaged(f"has a metadata.yaml that is no YAML: {_where(error)}") from error
    except ValueError as error:  # a date that is none, in a place where it may well be text
        raise Unreadable from error


def _where(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "it cannot be read"
    return f"{problem} (line {mark.line + 1})" if mark else str(problem)
