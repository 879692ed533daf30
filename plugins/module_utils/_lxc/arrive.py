# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A classic container's arrival on a server: its root file system as an image that is there for a moment, then a container.

An image is the way in that every version of both servers has, and one they unpack with all that a file can have.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from .._api.client import Client, path
from .._api.deadline import REQUEST_SECONDS, Deadline
from .._api.errors import FlotillaError
from .._images.upload import settled

# Which container an image is part of, so that one left by a run that was killed is found by the next.
PROPERTY = "flotilla.passing"


def create(
    target: Client,
    body: Mapping[str, Any],
    origin: str,
    chunks: Iterable[bytes],
    *,
    doing: str,
    deadline: Deadline,
    member: str | None = None,
) -> None:
    """Make a container out of a stream that is a unified image. body: as for ``POST /1.0/instances``, without source.

    origin: which container it is from; member: of the target's cluster. The image is gone afterwards, also if it fails.
    """
    with _passing_image(target, origin, chunks, doing, deadline) as fingerprint:
        payload = {"type": "container", **body, "source": {"type": "image", "fingerprint": fingerprint}}
        target.scoped(target=member).write("POST", path("instances"), payload, doing=doing, deadline=deadline)


def metadata(architecture: str, created: int, origin: str) -> dict[str, Any]:
    """metadata.yaml of the image of a root file system. created: in seconds since 1970."""
    # No two are alike, so that none is ever taken for one that is there already.
    properties = {PROPERTY: origin, "serial": uuid.uuid4().hex}
    return {"architecture": architecture, "creation_date": created, "properties": properties}


@contextmanager
def _passing_image(
    store: Client, origin: str, chunks: Iterable[bytes], doing: str, deadline: Deadline
) -> Iterator[str]:
    _clear(store, origin, doing, deadline)
    prefix = store.server.kind.header_prefix
    headers = {"Content-Type": "application/octet-stream", f"{prefix}public": "false"}
    body = store.progress.counted(chunks, doing)
    reply = store.send("POST", path("images"), doing=doing, body=body, headers=headers, deadline=deadline)
    finished = reply.operation.wait(deadline) if reply.operation else reply.metadata
    fingerprint = settled(store, finished, doing)
    try:
        yield fingerprint
    except FlotillaError:
        # What cannot be deleted now is found by the next run, and what went wrong before is what the user has to know.
        with suppress(FlotillaError):
            _clear(store, origin, doing, Deadline(REQUEST_SECONDS))
        raise
    _clear(store, origin, doing, deadline)


def _clear(store: Client, origin: str, doing: str, deadline: Deadline) -> None:
    """Delete what images there are of this container."""
    for image in store.get(path("images"), doing=doing, recursion="1").metadata or ():
        if (image.get("properties") or {}).get(PROPERTY) == origin:
            store.write("DELETE", path("images", image["fingerprint"]), doing=doing, deadline=deadline)
