# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server would find if it looked for a newer version of an image that it follows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from .._api.client import Client
from .._api.deadline import REQUEST_SECONDS, Deadline
from .._api.errors import InvalidInput
from .._api.fetch import fetch
from .._api.tls import Identity
from .streams import ImageServer

_MOST_BYTES = 1024 * 1024


def newest(store: Client, image: Mapping[str, Any]) -> str:
    """The fingerprint that the image's own source has by its alias now. Raises FlotillaError."""
    source = image.get("update_source") or {}
    server, alias = source.get("server"), source.get("alias")
    if not server or not alias:
        raise InvalidInput(
            f"remote {store.remote}: image {image['fingerprint'][:12]} cannot be refreshed, for the server did not copy it"
            " by an alias: name its source"
        )
    identity = Identity(server_certificate=source.get("certificate") or None)
    if source.get("protocol") == "simplestreams":
        architectures = [str(image.get("architecture"))]
        streams = ImageServer(server, server, identity)
        found = streams.find(alias, kind=store.server.kind, type_=str(image.get("type")), architectures=architectures)
        return found.fingerprint
    url = f"{server}/1.0/images/aliases/{quote(alias, safe='')}"
    with fetch(url, identity=identity, deadline=Deadline(REQUEST_SECONDS)) as answer:
        return str(json.loads(answer.read(_MOST_BYTES))["metadata"]["target"])
