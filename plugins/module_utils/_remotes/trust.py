# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Becoming one of the clients that a server trusts, and ceasing to be.

Source: doc/authentication.md of Incus and of LXD, and certificatesPost in their daemons.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from .._api.client import Client, path
from .._api.deadline import REQUEST_SECONDS, Deadline
from .._api.errors import ApiError, FlotillaError, Forbidden, InvalidInput, NotFound
from .._api.server import INCUS, Kind
from .tokens import Token

_ALREADY_THERE = 409
_MAKE_TOKEN = "`lxc config trust add --name NAME` or `incus config trust add NAME` on the server makes one"


class NotTrusted(FlotillaError):
    """The server does not trust this client, and nothing was given to change that."""


def check_means(remote: str, kind: Kind, token: Token | None, password: str | None) -> None:
    """Refuse, before anything is made or sent, what cannot make a client trusted. Raises NotTrusted, InvalidInput."""
    if token is None and not password:
        raise NotTrusted(f"remote {remote}: the server does not trust this client: give a trust token ({_MAKE_TOKEN})")
    if token is None and kind == INCUS:
        raise InvalidInput(f"remote {remote}: Incus knows no trust password: give a trust token ({_MAKE_TOKEN})")
    if token is not None and token.expired(datetime.now(timezone.utc)):
        raise InvalidInput(
            f"remote {remote}: the trust token expired at {token.expires_at:%Y-%m-%d %H:%M:%S %Z}: {_MAKE_TOKEN}"
        )


def trust(client: Client, token: Token | None, password: str | None, name: str | None = None) -> None:
    """Have the server trust the certificate that the client shows, and make sure that it does.

    name is how the server is to list it; a token has its own. Raises ApiError with advice, NotTrusted.
    """
    try:
        if token is not None:
            _use_token(client, token)
        else:
            _use_password(client, str(password), name)
    except ApiError as error:
        if error.status != _ALREADY_THERE:
            given = "trust token" if token is not None else "password"
            raise type(error)(error.remote, error.doing, error.status, error.text, _advice(given)) from error
    if not Client(client.transport).server.trusted:
        raise NotTrusted(
            f"remote {client.remote}: the server took the {'token' if token else 'password'}, but does not trust this client"
        )


def revoke(client: Client, fingerprint: str) -> None:
    """Have the server forget the client's certificate. Raises ApiError."""
    try:
        _send(client, "DELETE", path("certificates", fingerprint), None, "remove this client's certificate")
    except NotFound:
        # Somebody was faster.
        return
    except Forbidden as error:
        advice = "A restricted client may not: have it removed there, and leave out revoke here"
        raise Forbidden(error.remote, error.doing, error.status, error.text, advice) from error


def _use_token(client: Client, token: Token) -> None:
    doing = "make it trust this client by the token"
    if token.for_identity:
        _send(client, "POST", path("auth", "identities", "tls"), {"trust_token": token.text}, doing)
        return
    # Before tokens had a field of their own, LXD took them for a password.
    own_field = client.server.kind == INCUS or client.server.can("explicit_trust_token")
    key = "trust_token" if own_field else "password"
    _send(client, "POST", path("certificates"), {"type": "client", key: token.text}, doing)


def _use_password(client: Client, password: str, name: str | None) -> None:
    content: dict[str, Any] = {"type": "client", "password": password}
    if name:
        content["name"] = name
    _send(client, "POST", path("certificates"), content, "make it trust this client by the password")


def _send(client: Client, method: str, where: str, content: dict[str, Any] | None, doing: str) -> None:
    client.write(method, where, content, doing=doing, deadline=Deadline(REQUEST_SECONDS))


def _advice(given: str) -> str:
    if given == "password":
        return "Either the password is wrong, or the server has none (core.trust_password): LXD has none from 6.1 on"
    return f"The token is wrong, was used, or has expired: a token makes one client trusted, once ({_MAKE_TOKEN})"
