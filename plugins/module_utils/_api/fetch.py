# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Getting something over HTTPS from a server that is neither LXD nor Incus: image files and indices.

Certificates are always checked: against the one pinned, the authorities given, or the system's.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from . import tls
from .deadline import REQUEST_SECONDS, Deadline
from .errors import InvalidInput, Unreachable
from .transport import Stream, reason


@contextmanager
def fetch(
    url: str,
    *,
    identity: tls.Identity | None = None,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    deadline: Deadline,
) -> Iterator[Stream]:
    """The answer to a request, its body to be read in pieces. Redirects are followed, to HTTPS only.

    Raises InvalidInput for a URL that is none and for one where nothing is (404, 410), else Unreachable
    (CertificateRefused for a certificate). Break-offs while the body is read are Unreachable as well.
    """
    check_url(url)
    shown = url_shown(url)
    host = str(urlsplit(url).hostname)
    context = tls.Context(host, identity or tls.Identity())
    opener = urllib.request.build_opener(_Handler(context), _Redirects())
    request = urllib.request.Request(url, headers={"User-Agent": "flotilla.lxd", **(headers or {})}, method=method)

    def broken(error: Exception) -> Exception:
        return Unreachable(host, f"{shown}: the connection broke off: {tls.explain(error) or reason(error)}")

    try:
        answer = _answer(opener, request, deadline)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in (404, 410):
            raise InvalidInput(f"{shown}: there is nothing (HTTP {error.code})") from error
        # The library tells of a loop by a text of several lines, the first of which says it.
        raise Unreachable(host, f"{shown} answers {error.code} {str(error.reason).splitlines()[0]}") from error
    except urllib.error.URLError as error:
        raise Unreachable(host, f"{shown} cannot be reached: {reason(error.reason)}") from error
    except (OSError, http.client.HTTPException) as error:
        raise broken(error) from error
    with answer:
        yield Stream(answer, broken)


def _answer(opener: urllib.request.OpenerDirector, request: urllib.request.Request, deadline: Deadline) -> Any:
    """The answer to a request, which is sent again if the connection broke off before there was one."""

    def answer() -> Any:
        # No single read of the body takes longer either.
        return opener.open(request, timeout=min(REQUEST_SECONDS, deadline.remaining()))

    try:
        return answer()
    except ConnectionResetError:
        return answer()
    except urllib.error.URLError as error:
        if not isinstance(error.reason, ConnectionResetError):
            raise
        return answer()


def check_url(url: str) -> None:
    """Refuse what is not https://host/... Raises InvalidInput."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "https" and parts.hostname and (parts.port or 443) and "@" not in parts.netloc
    except ValueError:
        usable = False
    if not usable:
        raise InvalidInput(
            f"{url_shown(url)} cannot be fetched: only https://host/path is, so that the server is known for sure, and with"
            " no name and password in it"
        )


def url_shown(url: str) -> str:
    """The URL without what may be secret in it: name and password, and what follows the path."""
    plain = url.partition("?")[0].partition("#")[0]
    scheme, separator, rest = plain.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}" + ("?…" if "?" in url else "")


class _Connection(http.client.HTTPSConnection):
    """The library's connection, with our own reading of certificates."""

    def __init__(self, host: str, context: tls.Context, **options: Any) -> None:
        super().__init__(host, **options)
        self._own_context = context

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._own_context.wrap(self.sock, getattr(self, "_tunnel_host", None) or self.host)


class _Handler(urllib.request.HTTPSHandler):
    def __init__(self, context: tls.Context) -> None:
        super().__init__()
        self._own_context = context

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        def connection(host: str, **options: Any) -> _Connection:
            return _Connection(host, self._own_context, **options)

        return self.do_open(connection, req)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """The library's, which also counts and finds loops; but a HEAD stays one, and nothing leads away from HTTPS."""

    http_error_308 = urllib.request.HTTPRedirectHandler.http_error_302

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme != "https":
            raise InvalidInput(f"{url_shown(req.full_url)} leads to {url_shown(newurl)}, and only https:// is fetched")
        return urllib.request.Request(newurl, headers=dict(req.header_items()), method=req.get_method())
