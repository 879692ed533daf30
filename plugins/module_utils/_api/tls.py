# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS as LXD and Incus use it: each side knows the other by its certificate.

A server's certificate is pinned: the one in the client configuration, and no other, is accepted, whatever name it bears.
Where none is pinned, the certificate must be vouched for by the given or the system's authorities and bear the host's
name. There is no third way.
"""

from __future__ import annotations

import hashlib
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import CertificateRefused, ConfigurationError

if TYPE_CHECKING:
    import ssl

# Not named by the ssl module of Python 3.9: lets a pinned certificate that someone else signed be trusted by itself.
_VERIFY_PARTIAL_CHAIN = 0x80000

_VERDICTS = {
    9: "its certificate is not valid yet (is a clock wrong?)",
    10: "its certificate has expired",
}
# Self-signed, or by someone who is not the pinned one: OpenSSL has four codes for it.
_ISSUER_NOT_KNOWN = (18, 19, 20, 21)


@dataclass(frozen=True)
class Identity:
    """By what the two sides know each other.

    server_certificate: the pinned certificate (PEM text); ca_file: authorities to trust instead of the system's;
    client_certificate, client_key: paths of PEM files.
    """

    server_certificate: str | None = None
    ca_file: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None


def fingerprint(pem: str) -> str:
    """The SHA-256 of a certificate (PEM text), in hexadecimal, as the commands show it. Raises ValueError."""
    import ssl

    # The files may hold text before and chains after the certificate that counts.
    begin, end = pem.find(ssl.PEM_HEADER), pem.find(ssl.PEM_FOOTER)
    if begin < 0 or end < begin:
        raise ValueError("not a PEM certificate")
    der = ssl.PEM_cert_to_DER_cert(pem[begin : end + len(ssl.PEM_FOOTER)])
    return hashlib.sha256(der).hexdigest()


def explain(error: BaseException) -> str | None:
    """What a failed TLS conversation means to a user, or None where TLS has nothing to do with it."""
    if not type(error).__module__.startswith("ssl") and "ssl" not in type(error).__name__.lower():
        return None
    import ssl

    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERDICTS.get(error.verify_code, f"its certificate cannot be trusted ({error.verify_message})")
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return "the server ended the TLS conversation"
    reason = getattr(error, "reason", None) or ""
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"):
        return "what listens there does not speak TLS"
    if "ALERT" in reason and "CERTIFICATE" in reason:
        return f"the server refused this client's certificate ({reason.lower().replace('_', ' ')})"
    return f"TLS failed ({reason.lower().replace('_', ' ') or error})"


def shown_certificate(sock: socket.socket, host: str) -> str:
    """The certificate (PEM) that a server shows on a connected socket, unchecked.

    For comparing it with what is known of the server, and for telling the user. Nothing but the handshake is sent: what
    is sent later goes through a Context, which checks. Raises what the socket raises.
    """
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with context.wrap_socket(sock, server_hostname=host) as wrapped:
        return ssl.DER_cert_to_PEM_cert(wrapped.getpeercert(binary_form=True) or b"")


class Context:
    """What is needed to talk to one server, read once from the files of its identity."""

    def __init__(self, remote: str, identity: Identity) -> None:
        """Raises ConfigurationError for a file that is missing or is not what it should be."""
        import ssl

        self._remote = remote
        self._pinned: str | None = None
        self._has_authorities = identity.ca_file is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            if identity.server_certificate:
                self._pinned = fingerprint(identity.server_certificate)
                context.check_hostname = False
                context.verify_flags = ssl.VerifyFlags(context.verify_flags | _VERIFY_PARTIAL_CHAIN)
                context.load_verify_locations(cadata=identity.server_certificate)
            elif identity.ca_file:
                context.load_verify_locations(cafile=identity.ca_file)
            else:
                context.load_default_certs()
        except (OSError, ValueError) as error:
            pinned = identity.server_certificate or not identity.ca_file
            what = "the server certificate in the client configuration" if pinned else f"the file {identity.ca_file}"
            raise ConfigurationError(
                f"remote {remote}: {what} cannot be used: {getattr(error, 'strerror', None) or error}"
            ) from error
        self._load_client_certificate(context, identity)
        self._context = context

    def wrap(self, sock: socket.socket, host: str, session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
        """Shake hands on a connected socket. Raises CertificateRefused, or what the socket raises.

        session: that of another connection to the same server, which spares both sides most of the arithmetic.
        """
        import ssl

        try:
            wrapped = self._context.wrap_socket(sock, server_hostname=host, session=session)
        except ssl.SSLCertVerificationError as error:
            raise CertificateRefused(self._remote, self._refusal(error)) from error
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
            raise ConnectionResetError(explain(error)) from error
        except ssl.SSLError as error:
            raise OSError(explain(error)) from error
        if self._pinned is not None:
            shown = hashlib.sha256(wrapped.getpeercert(binary_form=True) or b"").hexdigest()
            if shown != self._pinned:
                wrapped.close()
                raise CertificateRefused(self._remote, self._not_the_pinned_one(shown))
        return wrapped

    def _load_client_certificate(self, context: ssl.SSLContext, identity: Identity) -> None:
        certificate, key = identity.client_certificate, identity.client_key
        if not certificate and not key:
            return
        for path in (certificate, key):
            if not path or not os.access(path, os.R_OK):
                raise ConfigurationError(
                    f"remote {self._remote}: the client certificate {certificate} and its key {key} are needed both,"
                    f" and {path or 'one of them'} cannot be read"
                )
        try:
            context.load_cert_chain(str(certificate), key)
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"remote {self._remote}: the client certificate {certificate} and the key {key} cannot be used together:"
                f" {getattr(error, 'reason', None) or error}"
            ) from error

    def _refusal(self, error: ssl.SSLCertVerificationError) -> str:
        known = _VERDICTS.get(error.verify_code)
        if known:
            return f"refused: {known}"
        if self._pinned is not None and error.verify_code in _ISSUER_NOT_KNOWN:
            return self._not_the_pinned_one(None)
        if self._has_authorities:
            return f"refused: its certificate cannot be trusted ({error.verify_message}) by the authorities given"
        return (
            f"refused: its certificate cannot be trusted ({error.verify_message}). Add the remote with flotilla.lxd.remote,"
            " or give its certificate as server_cert, or the authorities that vouch for it as ca_path, whichever there is"
        )

    def _not_the_pinned_one(self, shown: str | None) -> str:
        return (
            f"refused: the server shows another certificate{f' (SHA-256 {shown})' if shown else ''} than the one pinned"
            f" for it (SHA-256 {self._pinned}). Either this is not the server it claims to be, or it was set up anew:"
            " if you know that it was, remove the remote and add it again"
        )
