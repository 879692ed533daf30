# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of an instance, through its files API. Works on a stopped container and on one without a shell.

Source: doc/rest-api.md and doc/api-extensions.md (``instances_files_modify_permissions``) of LXD and Incus.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import IO, Protocol

from .chunks import chunks
from .client import Client, path
from .deadline import Deadline
from .errors import ApiError
from .server import KINDS
from .transport import Stream

_MOST_LINKS = 40  # as in the kernel
# What lets a write change the mode of a file that is there already. Incus has nothing like it.
MODIFY_PERMISSIONS = "instances_files_modify_permissions"


class Writable(Protocol):
    """What a file is read into."""

    def write(self, data: bytes, /) -> int: ...


@dataclass(frozen=True)
class Attributes:
    """Owner and permissions of a file. None: as the server sees fit (root, and its own default mode)."""

    uid: int | None = None
    gid: int | None = None
    mode: int | None = None


def push(
    client: Client, instance: str, destination: str, content: IO[bytes], attributes: Attributes, deadline: Deadline
) -> None:
    """Write a file, streaming it. Its directory has to be there; a file that is there keeps its inode.

    Owner and mode are set on a new file; on one that is there only where the server can do that.
    """
    prefix = client.server.kind.header_prefix
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Length": str(os.fstat(content.fileno()).st_size),
        f"{prefix}type": "file",
        f"{prefix}write": "overwrite",
    }
    if attributes.uid is not None:
        headers[f"{prefix}uid"] = str(attributes.uid)
    if attributes.gid is not None:
        headers[f"{prefix}gid"] = str(attributes.gid)
    if attributes.mode is not None:
        # The leading zero matters: without it the servers read a decimal number.
        headers[f"{prefix}mode"] = f"{attributes.mode & 0o7777:04o}"
        if client.server.can(MODIFY_PERMISSIONS):
            headers[f"{prefix}modify-perm"] = "mode"
    client.send(
        "POST",
        path("instances", instance, "files"),
        body=content,
        headers=headers,
        deadline=deadline,
        doing=f"write file {destination} of container {instance}",
        query={"path": destination},
    )


def pull(client: Client, instance: str, source: str, content: Writable, deadline: Deadline) -> Attributes:
    """Read a file into content, streaming it; return what it has for owner and mode. Links are followed.

    Raises NotFound, and ApiError for a directory.
    """
    doing = f"read file {source} of container {instance}"
    for _link in range(_MOST_LINKS):
        with client.stream(
            "GET", path("instances", instance, "files"), doing=doing, deadline=deadline, path=source
        ) as answer:
            kind = _header(answer, "type")
            if kind == "symlink":
                source = answer.read().decode()
            elif kind != "directory":
                for chunk in chunks(answer):
                    content.write(chunk)
                return _attributes(answer)
        if kind == "directory":
            raise ApiError(client.remote, doing, answer.status, "it is a directory")
    raise ApiError(client.remote, doing, answer.status, "too many links")


def look(client: Client, instance: str, name: str, deadline: Deadline) -> Attributes:
    """Owner and mode of a file. Raises NotFound."""
    doing = f"look at file {name} of container {instance}"
    with client.stream(
        "HEAD", path("instances", instance, "files"), doing=doing, deadline=deadline, path=name
    ) as answer:
        answer.read()
    return _attributes(answer)


def _attributes(answer: Stream) -> Attributes:
    return Attributes(
        uid=_number(_header(answer, "uid"), 10),
        gid=_number(_header(answer, "gid"), 10),
        mode=_number(_header(answer, "mode"), 8),
    )


def _header(answer: Stream, name: str) -> str | None:
    """A header of either server: that spares asking which of them it is."""
    prefixes = (kind.header_prefix for kind in KINDS)
    return next((value for prefix in prefixes if (value := answer.headers.get(prefix + name))), None)


def _number(text: str | None, base: int) -> int | None:
    return int(text, base) if text else None
