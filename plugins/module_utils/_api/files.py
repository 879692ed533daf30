# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of an instance, through its files API. Works on a stopped container and on one without a shell.

Source: doc/rest-api.md and doc/api-extensions.md (``instances_files_modify_permissions``) of LXD and Incus.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import IO, Optional

from .client import Client, path
from .deadline import Deadline

CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Attributes:
    """Owner and permissions of a file. None: as the server sees fit (root, and its own default mode)."""

    uid: Optional[int] = None
    gid: Optional[int] = None
    mode: Optional[int] = None


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
        if client.server.can("instances_files_modify_permissions"):
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


def pull(client: Client, instance: str, source: str, content: IO[bytes], deadline: Deadline) -> Attributes:
    """Read a file into content, streaming it; return what it has for owner and mode.

    Raises NotFound, and IsADirectoryError for a directory.
    """
    doing = f"read file {source} of container {instance}"
    prefix = client.server.kind.header_prefix
    with client.stream(
        "GET", path("instances", instance, "files"), doing=doing, deadline=deadline, path=source
    ) as answer:
        kind = answer.headers.get(f"{prefix}type")
        if kind == "directory":
            raise IsADirectoryError(f"remote {client.remote}: {doing}: it is a directory")
        if kind == "symlink":
            target = answer.read().decode()
        else:
            while chunk := answer.read(CHUNK):
                content.write(chunk)
            return Attributes(
                uid=_number(answer.headers.get(f"{prefix}uid"), 10),
                gid=_number(answer.headers.get(f"{prefix}gid"), 10),
                mode=_number(answer.headers.get(f"{prefix}mode"), 8),
            )
    return pull(client, instance, target, content, deadline)


def _number(text: Optional[str], base: int) -> Optional[int]:
    return int(text, base) if text else None
