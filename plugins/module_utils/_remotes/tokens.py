# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trust tokens: what a server's administrator hands out so that a client can make itself trusted, once.

Base64 of JSON: ``{"client_name", "fingerprint", "addresses": ["host:port"], "secret", "expires_at"}``; LXD from 5.21 on adds
``type`` to those of its identities API. Source: CertificateAddToken in shared/api of Incus and of LXD.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from .._api.errors import InvalidInput

# Go's RFC 3339: any number of digits after the second, Z or an offset.
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|([+-])(\d\d):(\d\d))$")
_SHA256 = re.compile(r"[0-9a-f]{64}$")
_HOW = "one is made there with `lxc config trust add --name NAME` or `incus config trust add NAME`"


@dataclass(frozen=True)
class Token:
    """What a trust token says. text, the token itself, is a secret; so it stays out of every representation.

    fingerprint: SHA-256 of the server's certificate; for_identity: it belongs to the identities API, not to certificates.
    """

    text: str = field(repr=False)
    client_name: str
    fingerprint: str
    addresses: tuple[str, ...]
    expires_at: datetime | None = None
    for_identity: bool = False

    def expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now


def decode(text: str) -> Token:
    """Read a token. Raises InvalidInput, which never quotes it."""
    text = "".join(text.split())
    content = _content(text)
    if "server_name" in content and "client_name" not in content:
        raise InvalidInput(f"token is one for joining a cluster, not one for a client: {_HOW}")
    fingerprint = str(content.get("fingerprint") or "").lower()
    addresses = content.get("addresses")
    if not content.get("client_name") or not content.get("secret") or not _SHA256.match(fingerprint):
        raise InvalidInput(f"token is no trust token, its client_name, secret or fingerprint is missing: {_HOW}")
    if not isinstance(addresses, list) or not addresses:
        raise InvalidInput(
            "token names no address of the server: set core.https_address there and have another one made"
        )
    return Token(
        text=text,
        client_name=str(content["client_name"]),
        fingerprint=fingerprint,
        addresses=tuple(str(address) for address in addresses),
        expires_at=_time(str(content.get("expires_at") or "")),
        for_identity=bool(content.get("type")),
    )


def _content(text: str) -> dict[str, Any]:
    try:
        content = json.loads(base64.b64decode(text, validate=True))
    except binascii.Error:
        raise InvalidInput(f"token is no trust token, it is not base64 (was it cut short?): {_HOW}") from None
    except ValueError:
        raise InvalidInput(f"token is no trust token, there is no JSON in it (was it cut short?): {_HOW}") from None
    if not isinstance(content, dict):
        raise InvalidInput(f"token is no trust token, there is no JSON object in it: {_HOW}")
    return content


def _time(text: str) -> datetime | None:
    """When the token expires. Go's zero time, in the year 1, is never."""
    found = _TIME.match(text)
    if not found or text.startswith("0001-"):
        return None
    time, sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    zone = timezone(-offset if sign == "-" else offset)
    return datetime.strptime(time, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=zone)
