# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first meeting with a server: its certificate is checked before anything is sent to it.

Known by its certificate is a server whose fingerprint the user gave or a trust token holds, whose certificate is pinned in
the client configuration, or, with neither, one that the system's authorities vouch for under its host name. Nobody is
trusted because he was met first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .._api import tls
from .._api.client import Client
from .._api.errors import CertificateRefused, Unreachable
from .._api.server import Server
from .._api.tls import Identity
from .._api.transport import Address, TlsAddress, Transport, UnixAddress, certificate_shown
from .resolve import parse_url


@dataclass(frozen=True)
class Known:
    """By what the server is to be recognized.

    expected: SHA-256 the user gave; pinned, pinned_fingerprint: the certificate in the client configuration; ca_file:
    authorities in place of the system's.
    """

    expected: str | None = None
    pinned: str | None = None
    pinned_fingerprint: str | None = None
    ca_file: str | None = None


@dataclass(frozen=True)
class Meeting:
    """A server that is what it should be. server is what it tells a stranger.

    certificate is the PEM to pin; None where authorities vouch for the server, and for a socket.
    """

    url: str
    address: Address
    certificate: str | None
    server: Server

    def stranger(self, name: str) -> Client:
        """A client that shows no certificate of its own."""
        return Client(Transport(name, self.address))

    def client(self, name: str, certificate: str, key: str) -> Client:
        """A client that shows its own certificate, on a connection of its own."""
        address = self.address
        if isinstance(address, TlsAddress):
            shown = address.identity
            identity = Identity(shown.server_certificate, shown.ca_file, certificate, key)
            address = TlsAddress(address.host, address.port, identity)
        return Client(Transport(name, address))

    @property
    def by_socket(self) -> bool:
        return isinstance(self.address, UnixAddress)


def meet(name: str, urls: Sequence[str], known: Known) -> Meeting:
    """Meet the server at the first of its addresses where it answers.

    Raises CertificateRefused and Unreachable; of several addresses with what is wrong at each.
    """
    failures: list[Unreachable] = []
    for url in urls:
        try:
            return _meet_at(name, url, known)
        except Unreachable as failure:
            failures.append(failure)
    if len(failures) == 1:
        raise failures[0]
    reasons = "; ".join(f"{url}: {_reason(failure)}" for url, failure in zip(urls, failures))
    raise Unreachable(name, f"none of its addresses can be used: {reasons}")


def certificate_of(name: str, address: TlsAddress, known: Known) -> str | None:
    """The certificate (PEM) that the server has to show from now on, or None for the authorities to decide.

    Raises CertificateRefused when it shows another than expected.
    """
    if known.expected in (None, known.pinned_fingerprint):
        return known.pinned
    shown = certificate_shown(name, address)
    fingerprint = tls.fingerprint(shown)
    if fingerprint != known.expected:
        raise CertificateRefused(
            name,
            f"refused: {address} shows a certificate with the SHA-256 fingerprint {fingerprint}, but expected is"
            f" {known.expected}: either the fingerprint (or the token it is from) belongs to another server, or this is not"
            " the server it claims to be. Nothing was sent to it",
        )
    return shown


def _meet_at(name: str, url: str, known: Known) -> Meeting:
    address = parse_url(name, url, Identity())
    if isinstance(address, UnixAddress):
        return Meeting(url, address, None, Client(Transport(name, address)).server)
    certificate = certificate_of(name, address, known)
    checked = TlsAddress(address.host, address.port, Identity(server_certificate=certificate, ca_file=known.ca_file))
    try:
        server = Client(Transport(name, checked)).server
    except CertificateRefused as refusal:
        if certificate is not None:
            raise
        raise _unknown(name, address) from refusal
    return Meeting(url, checked, certificate, server)


def _unknown(name: str, address: TlsAddress) -> CertificateRefused:
    fingerprint = tls.fingerprint(certificate_shown(name, address))
    return CertificateRefused(
        name,
        f"refused: nobody vouches for the certificate that {address} shows. Its SHA-256 fingerprint is {fingerprint}:"
        " compare it with what `lxc info` or `incus info` says on the server as certificate_fingerprint, and give that as"
        " fingerprint; a trust token has it in it",
    )


def _reason(failure: Unreachable) -> str:
    return str(failure).removeprefix(f"remote {failure.remote}: ")
