# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image servers that speak simplestreams: static files behind HTTPS."""

from __future__ import annotations

from urllib.parse import urlsplit

from .._api.errors import InvalidInput
from .._api.tls import Identity
from .._api.transport import TlsAddress

_HTTPS_PORT = 443


def image_server_url(name: str, addr: str) -> str:
    """The address of an image server as it stands in the client configuration. Raises InvalidInput."""
    parts = urlsplit(addr)
    if parts.scheme != "https" or not parts.hostname:
        raise InvalidInput(f"remote {name}: an image server's address is https://host/path, and {addr} is not")
    return addr.rstrip("/")


def image_server_address(url: str, identity: Identity) -> tuple[TlsAddress, str]:
    """Where to connect to, and the path there below which the streams are."""
    parts = urlsplit(url)
    return TlsAddress(str(parts.hostname), parts.port or _HTTPS_PORT, identity), parts.path.rstrip("/")
