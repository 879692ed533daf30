# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bytes of an image on their way into a server's store.

Source: doc/rest-api.yaml, POST /1.0/images; doc/reference/image_format of LXD and Incus.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode

from .._api.client import Client, path
from .._api.deadline import Deadline
from .._api.errors import ApiError, OperationFailed
from .check import Holds, inspected
from .source import Traits


class Part(Protocol):
    """One file of an image. name: as the server is told; origin: for messages; size: in bytes, None where not known."""

    @property
    def name(self) -> str: ...

    @property
    def origin(self) -> str: ...

    @property
    def size(self) -> int | None: ...

    def chunks(self) -> Iterator[bytes]: ...


@dataclass(frozen=True)
class Content:
    """An image as it is sent: one part of a unified image; of a split one the metadata first, then the root file system.

    is_disk: the second part is a virtual machine's disk. is_known: it is known to be an image, and not looked at on the way.
    """

    parts: tuple[Part, ...]
    is_disk: bool = False
    is_known: bool = False

    @property
    def size(self) -> int | None:
        sizes = [part.size for part in self.parts]
        return None if None in sizes else sum(size or 0 for size in sizes)

    def chunks(self) -> Iterator[bytes]:
        for part in self.parts:
            yield from part.chunks()

    def fingerprint(self) -> str:
        """The fingerprint the image will have: the SHA-256 of its parts, one after the other."""
        digest = hashlib.sha256()
        for chunk in self.chunks():
            digest.update(chunk)
        return digest.hexdigest()

    def looked_at(self, part: Part) -> Iterator[bytes]:
        """A part's chunks, the last of which is only let go if the part is what it should be. Raises InvalidInput."""
        if self.is_known:
            return part.chunks()
        split = Holds.METADATA if part is self.parts[0] else Holds.ROOTFS
        return inspected(part.origin, Holds.UNIFIED if len(self.parts) == 1 else split, part.chunks())


def upload(store: Client, content: Content, fingerprint: str, traits: Traits, *, what: str, deadline: Deadline) -> str:
    """Send an image, in pieces: it never lies in memory as a whole. Returns its fingerprint.

    what: in words, for the message. The server takes nothing that has another fingerprint.
    """
    doing = f"import image {what}"
    prefix = store.server.kind.header_prefix
    content_type, size, body = _body(content)
    headers = {"Content-Type": content_type, f"{prefix}public": "true" if traits.public else "false"}
    headers[f"{prefix}fingerprint"] = fingerprint
    if size is not None:
        headers["Content-Length"] = str(size)
    if traits.properties:
        headers[f"{prefix}properties"] = urlencode(traits.properties)
    body = store.progress.counted(body, doing, size)
    try:
        reply = store.send("POST", path("images"), doing=doing, body=body, headers=headers, deadline=deadline)
        metadata = reply.operation.wait(deadline) if reply.operation else reply.metadata
    except ApiError:
        # Somebody else may have brought the very same image at the same time.
        if store.find(path("images", fingerprint), doing=f"look for image {what}"):
            return fingerprint
        raise
    return settled(store, metadata, doing)


def settled(store: Client, metadata: object, doing: str) -> str:
    """The fingerprint in the metadata of a finished operation."""
    fingerprint = metadata.get("fingerprint") if isinstance(metadata, dict) else None
    if not fingerprint:
        raise OperationFailed(store.remote, doing, 0, "the server names no fingerprint")
    return str(fingerprint)


def _body(content: Content) -> tuple[str, int | None, Iterable[bytes]]:
    """Content type, length if it is known, and body of the request."""
    if len(content.parts) == 1:
        return "application/octet-stream", content.size, content.looked_at(content.parts[0])
    boundary = uuid.uuid4().hex
    metadata, rootfs = content.parts
    # The servers read the parts in this order and know them by these names.
    parts = [
        (_part_head(boundary, "metadata", metadata.name), metadata),
        (_part_head(boundary, "rootfs.img" if content.is_disk else "rootfs", rootfs.name), rootfs),
    ]
    tail = f"--{boundary}--\r\n".encode()
    size = content.size
    if size is not None:
        size += sum(len(head) + len(b"\r\n") for head, _part in parts) + len(tail)
    return f"multipart/form-data; boundary={boundary}", size, _multipart(content, parts, tail)


def _part_head(boundary: str, name: str, filename: str) -> bytes:
    filename = filename.replace('"', "_")
    return (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()


def _multipart(content: Content, parts: list[tuple[bytes, Part]], tail: bytes) -> Iterator[bytes]:
    for head, part in parts:
        yield head
        yield from content.looked_at(part)
        yield b"\r\n"
    yield tail
