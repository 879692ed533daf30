# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP to one server: over its Unix socket, or over TLS with the certificates that belong to it.

Source: https://linuxcontainers.org/incus/docs/main/rest-api/ and .../authentication/; LXD's documents say the same.
"""

from __future__ import annotations

import http.client
import select
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import IO, Callable, Union

from . import tls
from .deadline import REQUEST_SECONDS, Deadline
from .errors import DeadlineExceeded, Unreachable

CONNECT_SECONDS = 10.0
# It was sent before the connection broke, or never.
_EARLY_ANSWER_SECONDS = 2.0
Body = Union[bytes, Iterable[bytes], IO[bytes], None]


@dataclass(frozen=True)
class UnixAddress:
    """The daemon's socket on this host."""

    path: str

    def __str__(self) -> str:
        return f"unix://{self.path}"


@dataclass(frozen=True)
class TlsAddress:
    """An HTTPS endpoint, and by what the two sides know each other."""

    host: str
    port: int
    identity: tls.Identity = field(default_factory=tls.Identity)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}:{self.port}"


Address = Union[UnixAddress, TlsAddress]


def certificate_shown(remote: str, address: TlsAddress) -> str:
    """The certificate (PEM) that the server shows, not checked in any way. Raises Unreachable."""
    try:
        with socket.create_connection((address.host, address.port), timeout=CONNECT_SECONDS) as plain:
            return tls.shown_certificate(plain, address.host)
    except OSError as error:
        raise Unreachable(remote, f"cannot connect to {address}: {tls.explain(error) or reason(error)}") from error


@dataclass(frozen=True)
class Response:
    """An answer read to its end. Header names are as sent; look them up in any case."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Stream:
    """An answer whose body is read in pieces. Header names as in Response.

    What the reader does in between may fail in the same ways as the connection: only reading is told as the server's fault.
    """

    def __init__(self, answer: http.client.HTTPResponse, broken: Callable[[Exception], Exception]) -> None:
        self._answer = answer
        self._broken = broken

    @property
    def status(self) -> int:
        return self._answer.status

    @property
    def headers(self) -> http.client.HTTPMessage:
        return self._answer.headers

    def read(self, amount: int | None = None) -> bytes:
        """At most so many bytes, none at the end; without amount, all that is left. Raises FlotillaError."""
        try:
            piece = self._answer.read(amount)
            if not piece and amount and self._answer.length:
                raise http.client.IncompleteRead(piece, self._answer.length)
            return piece
        except (OSError, http.client.HTTPException) as error:
            raise self._broken(error) from error


class _Connection(http.client.HTTPConnection):
    """http.client's connection on a socket that the transport opens."""

    def __init__(self, transport: Transport, deadline: Deadline) -> None:
        super().__init__("localhost")
        self._transport = transport
        self._deadline = deadline

    def connect(self) -> None:
        self.sock = self._transport.connect(self._deadline)


class Transport:
    """One kept-alive connection to one server. Not for use by several threads at once."""

    def __init__(self, remote: str, address: Address, user_agent: str = "flotilla.lxd") -> None:
        self.remote = remote
        self.address = address
        self.request_seconds = REQUEST_SECONDS
        self._user_agent = user_agent
        self._tls_context: tls.Context | None = None
        self._connection: _Connection | None = None

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Body = None,
        headers: Mapping[str, str] | None = None,
        deadline: Deadline | None = None,
    ) -> Response:
        """Send one request and read the whole answer, whatever its status.

        A GET is sent again, once, when the connection breaks; anything else never is, for it may have been carried out.
        Raises Unreachable (CertificateRefused for a certificate) and DeadlineExceeded.
        """
        deadline = deadline or Deadline(self.request_seconds)
        attempts = 2 if method == "GET" else 1
        while True:
            attempts -= 1
            try:
                answer = self.open(method, path, body=body, headers=headers, deadline=deadline)
                return Response(answer.status, answer.headers, answer.read())
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if not attempts or isinstance(error, socket.timeout):
                    raise self.broken(method, path, error, deadline) from error

    def open(
        self,
        method: str,
        path: str,
        *,
        body: Body = None,
        headers: Mapping[str, str] | None = None,
        deadline: Deadline,
    ) -> http.client.HTTPResponse:
        """Send one request and return the answer with its body still to be read, in pieces, before the next request.

        Raises what the socket raises: request() is the polite way, stream() in the client the other.
        """
        connection = self._usable_connection(deadline)
        try:
            connection.request(method, path, body=body, headers={"User-Agent": self._user_agent, **(headers or {})})
        except OSError as error:
            if isinstance(error, socket.timeout) or connection.sock is None:
                raise
            return self._early_answer(connection, error)
        except BaseException:
            # The body may raise whatever it likes: what follows on this connection would be taken for the rest of it.
            self.close()
            raise
        if connection.sock is not None:
            connection.sock.settimeout(deadline.remaining())
        return connection.getresponse()

    def _early_answer(self, connection: _Connection, broken: OSError) -> http.client.HTTPResponse:
        """What a server said before it hung up on a body that it does not want. Raises broken where it said nothing."""
        try:
            if connection.sock is not None:
                connection.sock.settimeout(_EARLY_ANSWER_SECONDS)
            return connection.getresponse()
        except (OSError, http.client.HTTPException):
            raise broken from None

    def connect(self, deadline: Deadline) -> socket.socket:
        """A fresh connected socket, over TLS already past the handshake. Raises Unreachable."""
        seconds = min(CONNECT_SECONDS, deadline.remaining())
        try:
            if isinstance(self.address, UnixAddress):
                sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                try:
                    sock.settimeout(seconds)
                    sock.connect(self.address.path)
                except BaseException:
                    sock.close()
                    raise
            else:
                sock = self._connect_tls(self.address, seconds)
        except Unreachable:
            raise
        except (OSError, UnicodeError) as error:
            # A host name that is none is a UnicodeError.
            raise Unreachable(self.remote, f"cannot connect to {self.address}: {reason(error)}") from error
        sock.settimeout(deadline.remaining())
        return sock

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect_tls(self, address: TlsAddress, seconds: float) -> socket.socket:
        if self._tls_context is None:
            self._tls_context = tls.Context(self.remote, address.identity)
        plain = socket.create_connection((address.host, address.port), timeout=seconds)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            kept = self._connection and self._connection.sock
            return self._tls_context.wrap(plain, address.host, getattr(kept, "session", None))
        except BaseException:
            plain.close()
            raise

    def _usable_connection(self, deadline: Deadline) -> _Connection:
        """The kept connection, unless the server has hung up on it meanwhile: then a new one."""
        connection = self._connection
        if connection is not None and connection.sock is not None:
            if select.select([connection.sock], [], [], 0)[0]:
                self.close()
            else:
                connection.sock.settimeout(deadline.remaining())
        if self._connection is None:
            self._connection = _Connection(self, deadline)
        return self._connection

    def broken(self, method: str, path: str, error: Exception, deadline: Deadline) -> Exception:
        if isinstance(error, socket.timeout):
            return DeadlineExceeded(
                f"remote {self.remote}: no answer from {self.address} to {method} {path.partition('?')[0]}"
                f" within {deadline.seconds:g} seconds"
            )
        if isinstance(error, http.client.BadStatusLine) and not isinstance(error, http.client.RemoteDisconnected):
            return Unreachable(self.remote, f"what listens at {self.address} does not speak HTTP")
        verdict = tls.explain(error)
        return Unreachable(self.remote, f"the connection to {self.address} broke off: {verdict or reason(error)}")


def reason(error: object) -> str:
    """What went wrong with a connection, in the words that others have for it."""
    if isinstance(error, socket.timeout):
        return "no answer in time"
    if isinstance(error, http.client.IncompleteRead):
        return "the answer ended too early"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
