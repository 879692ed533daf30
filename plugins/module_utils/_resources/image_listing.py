# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images in a server's store, and which of them a user asks for. Source: doc/rest-api.yaml, /1.0/images."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .._api.client import Client, path
from .._api.errors import InvalidInput
from .._images.metadata import kernel_architecture
from .listing import Objects
from .values import as_stored

_FINGERPRINT = re.compile(r"[0-9a-f]{1,64}")


@dataclass(frozen=True)
class Wanted:
    """Which images. None: any. All that is said has to be true of an image."""

    name: str | None = None
    properties: Mapping[str, Any] | None = None
    architecture: str | None = None
    type: str | None = None
    public: bool | None = None
    cached: bool | None = None
    auto_update: bool | None = None


def images(client: Client) -> Objects:
    """All images of the project, as the API gives them."""
    return list(client.get(path("images"), doing="list images", recursion="1").metadata or ())


def select(listed: Objects, wanted: Wanted) -> Objects:
    """Those wanted. Raises InvalidInput for a name that means two, and values that none can have."""
    found = listed if wanted.name is None else _named(listed, wanted.name)
    expected = {
        "architecture": wanted.architecture and kernel_architecture(wanted.architecture),
        "type": wanted.type,
        "public": wanted.public,
        "cached": wanted.cached,
        "auto_update": wanted.auto_update,
    }
    properties = {key: _property(key, value) for key, value in (wanted.properties or {}).items()}
    return [
        image
        for image in found
        if all(value is None or image.get(key) == value for key, value in expected.items())
        and all((image.get("properties") or {}).get(key, "") == value for key, value in properties.items())
    ]


def aliases(image: Mapping[str, Any]) -> list[str]:
    """The names of an image."""
    return sorted(alias["name"] for alias in image.get("aliases") or ())


def _named(listed: Iterable[dict[str, Any]], name: str) -> Objects:
    by_fingerprint = []
    for image in listed:
        if name in aliases(image):
            return [image]
        if _FINGERPRINT.fullmatch(name) and image["fingerprint"].startswith(name):
            by_fingerprint.append(image)
    if len(by_fingerprint) > 1:
        raise InvalidInput(
            f"image {name} may be {' or '.join(image['fingerprint'] for image in by_fingerprint)}: say more of the"
            " fingerprint"
        )
    return by_fingerprint


def _property(key: str, value: Any) -> str:
    """As stored. One that is not there reads as empty text."""
    try:
        return "" if value is None else as_stored(value)
    except InvalidInput as error:
        raise InvalidInput(f"property {key}: {error}") from error
