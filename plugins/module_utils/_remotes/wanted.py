# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user says of a remote, understood and checked as far as that goes without asking anybody."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from .._api import tls
from .._api.errors import InvalidInput
from .._api.tls import Identity
from .commands import COMMANDS
from .resolve import AUTO, LOCAL, parse_url, read_pem
from .tokens import Token, decode

SIMPLESTREAMS = "simplestreams"
_SHA256 = re.compile(r"[0-9a-f]{64}$")


@dataclass(frozen=True)
class Options:
    """A remote that should be there, in the module's words. None: not said."""

    name: str
    addr: str | None = None
    protocol: str | None = None
    public: bool | None = None
    project: str | None = None
    token: str | None = None
    password: str | None = None
    client_name: str | None = None
    fingerprint: str | None = None
    server_cert: str | None = None
    client_config: str = AUTO
    default: bool = False


@dataclass(frozen=True)
class Wanted:
    """The same, understood. expected: the SHA-256 of the server's certificate, from wherever the user gave it."""

    options: Options
    token: Token | None
    expected: str | None

    @property
    def name(self) -> str:
        return self.options.name


def understand(options: Options) -> Wanted:
    """Raises InvalidInput for what cannot be, ConfigurationError for a certificate file that cannot be read."""
    check_name(options.name)
    _check_together(options)
    token = decode(options.token) if options.token else None
    return Wanted(options, token, _expected(options, token))


def check_name(name: str) -> None:
    """Refuse what the commands refuse as a remote's name, and what would be no file name."""
    if not name or ":" in name or "/" in name or name in (".", ".."):
        raise InvalidInput(f"name {name!r} cannot be a remote's: it is empty, or has a colon or a slash in it")
    if name == LOCAL:
        raise InvalidInput("remote local is built in, it is this host's daemon: it can be neither changed nor removed")


def server_url(name: str, addr: str) -> str:
    """The address of an LXD or Incus server in the form in which the commands write it. Raises InvalidInput."""
    parts = urlsplit(addr)
    if parts.scheme == "https" and parts.path.strip("/"):
        raise InvalidInput(
            f"remote {name}: {addr} has a path, so it is no LXD or Incus server: an image server needs"
            " protocol: simplestreams"
        )
    return str(parse_url(name, addr, Identity()))


def _check_together(options: Options) -> None:
    secret = next((one for one in ("token", "password", "client_name", "project") if getattr(options, one)), None)
    if options.client_name and not options.password:
        raise InvalidInput("client_name goes with password: a token brings the name that it was made for")
    if options.protocol == SIMPLESTREAMS and options.public is False:
        raise InvalidInput("an image server (protocol: simplestreams) is always public")
    if secret and (options.public or options.protocol == SIMPLESTREAMS):
        what = "an image server (protocol: simplestreams)" if options.protocol == SIMPLESTREAMS else "a public server"
        raise InvalidInput(f"{secret} is of no use with {what}: nobody has to be trusted there")
    for one in COMMANDS:
        if options.client_config == one.name and options.protocol not in (None, SIMPLESTREAMS, one.kind.protocol):
            raise InvalidInput(f"protocol {options.protocol} is nothing for the {one.name} command: leave out either")
    if (options.addr or "").startswith("unix:"):
        useless = ("token", "password", "client_name", "fingerprint", "server_cert", "public")
        given = next((one for one in useless if getattr(options, one)), None)
        if given or options.protocol == SIMPLESTREAMS:
            raise InvalidInput(f"{given or 'protocol'} is of no use with a socket (addr: {options.addr})")


def _expected(options: Options, token: Token | None) -> str | None:
    sources = {
        "fingerprint": _fingerprint(options.fingerprint) if options.fingerprint else None,
        "server_cert": _certificate(options.server_cert) if options.server_cert else None,
        "token": token.fingerprint if token else None,
    }
    given = {source: value for source, value in sources.items() if value}
    if len(set(given.values())) > 1:
        listing = ", ".join(f"{source} {value}" for source, value in given.items())
        raise InvalidInput(f"remote {options.name}: these are the certificates of different servers: {listing}")
    return next(iter(given.values()), None)


def _fingerprint(text: str) -> str:
    plain = re.sub(r"[\s:]", "", text).lower()
    if not _SHA256.match(plain):
        raise InvalidInput(
            f"fingerprint {text} is no SHA-256 of a certificate: that is 64 hexadecimal digits, with or without colons"
        )
    return plain


def _certificate(text: str) -> str:
    pem = read_pem(text) or ""
    try:
        return tls.fingerprint(pem)
    except ValueError as error:
        raise InvalidInput(f"server_cert is no certificate: {error}") from error
