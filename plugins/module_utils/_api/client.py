# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The REST API of one server as seen by everything above it: objects in, objects out, errors raised.

Source: doc/rest-api.md of LXD and of Incus.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, urlencode

from .deadline import Deadline
from .errors import ApiError, Forbidden, NotFound, PreconditionFailed, Unreachable
from .operation import Operation
from .progress import SILENT, Progress
from .server import Server
from .transport import Body, Response, Stream, Transport

_ERRORS: Mapping[int, type[ApiError]] = {401: Forbidden, 403: Forbidden, 404: NotFound, 412: PreconditionFailed}
_NOT_TRUSTED = (
    "The server does not trust this client's certificate: have a trust token made there and give it to"
    " flotilla.lxd.remote"
)


@dataclass(frozen=True)
class Reply:
    """What the server said: the metadata of a synchronous answer, the object's ETag, the operation of another."""

    metadata: Any
    etag: str | None = None
    operation: Operation | None = None


def path(*parts: str) -> str:
    """The path of an object, every part escaped: ``path("instances", "c1", "state")``."""
    return "/1.0/" + "/".join(quote(part, safe="") for part in parts)


class Client:
    """Requests to one remote, in one project and at one cluster member.

    doing says in a few words what a request is for (``create container web1``); it stands in the error's text.
    """

    def __init__(self, transport: Transport, *, project: str | None = None, target: str | None = None) -> None:
        self.transport = transport
        self.project = project
        self.target = target
        self.progress: Progress = SILENT
        self._server: Server | None = None

    @property
    def remote(self) -> str:
        return self.transport.remote

    @property
    def server(self) -> Server:
        """Who the server is and what it can do. Asked once."""
        if self._server is None:
            self._server = Server.parse(self.get("/1.0", doing="ask who it is").metadata)
        return self._server

    def scoped(self, *, project: str | None = None, target: str | None = None) -> Client:
        """The same connection, in another project or at another cluster member."""
        other = Client(self.transport, project=project or self.project, target=target or self.target)
        other.progress = self.progress
        other._server = self._server
        return other

    def get(self, where: str, *, doing: str = "", deadline: Deadline | None = None, **query: str) -> Reply:
        """Read an object. The reply's etag belongs into the write that follows."""
        return self.send("GET", where, doing=doing, deadline=deadline, query=query)

    def find(self, where: str, *, doing: str = "", **query: str) -> Reply | None:
        """Read an object that may not be there: None then. A project that is not there is an error all the same."""
        try:
            return self.send("GET", where, doing=doing, query=query)
        except NotFound:
            self.require_project()
            return None

    def require_project(self) -> None:
        """Raise NotFound if there is no such project. Servers answer for one as if it were there and empty."""
        if self.project and self.project != "default":
            doing = f"look for project {self.project}"
            Client(self.transport).send("GET", path("projects", self.project), doing=doing)

    def write(
        self,
        method: str,
        where: str,
        payload: Mapping[str, Any] | None = None,
        *,
        doing: str,
        deadline: Deadline,
        etag: str | None = None,
        **query: str,
    ) -> Any:
        """Change something and return once it is done: the metadata of the answer, or of the finished operation.

        Whether there is an operation to wait for is read from the answer, since servers differ in it.
        Raises ApiError (PreconditionFailed when etag is no longer the object's), DeadlineExceeded, Unreachable.
        """
        reply = self.send(method, where, payload, doing=doing, deadline=deadline, etag=etag, query=query)
        return reply.operation.wait(deadline) if reply.operation else reply.metadata

    def send(
        self,
        method: str,
        where: str,
        payload: Mapping[str, Any] | None = None,
        *,
        doing: str = "",
        body: Body = None,
        headers: Mapping[str, str] | None = None,
        deadline: Deadline | None = None,
        etag: str | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request: payload goes as JSON, body as it is. An operation is handed back, not waited for."""
        sent = dict(headers or {})
        if payload is not None:
            body = json.dumps(payload).encode()
            sent["Content-Type"] = "application/json"
        if etag:
            sent["If-Match"] = etag
        url = self._url(where, query)
        answer = self.transport.request(method, url, body=body, headers=sent, deadline=deadline)
        try:
            return self._understand(answer, doing or f"{method} {where}")
        except Forbidden as error:
            if where == "/1.0" or self.server.trusted:
                raise
            raise Forbidden(error.remote, error.doing, error.status, error.text, _NOT_TRUSTED) from error

    @contextmanager
    def stream(
        self,
        method: str,
        where: str,
        *,
        doing: str,
        headers: Mapping[str, str] | None = None,
        deadline: Deadline,
        **query: str,
    ) -> Iterator[Stream]:
        """An answer whose body is read in pieces by the caller (files, images). Statuses from 400 on are raised."""
        url = self._url(where, query)

        def broken(error: Exception) -> Exception:
            return self.transport.broken(method, url, error, deadline)

        try:
            answer = self.transport.open(method, url, headers=headers, deadline=deadline)
        except (OSError, HTTPException) as error:
            self.transport.close()
            raise broken(error) from error
        stream = Stream(answer, broken)
        try:
            if stream.status >= 400:
                self._understand(Response(stream.status, stream.headers, stream.read()), doing)
            yield stream
        finally:
            # What was not read to its end would be taken for the next answer.
            if not answer.isclosed():
                self.transport.close()

    def _url(self, where: str, query: Mapping[str, str] | None) -> str:
        terms = dict(query or {})
        if self.project and "all-projects" not in terms:
            terms.setdefault("project", self.project)
        if self.target:
            terms.setdefault("target", self.target)
        return f"{where}?{urlencode(terms)}" if terms else where

    def _understand(self, answer: Response, doing: str) -> Reply:
        try:
            content = json.loads(answer.body)
            kind = content["type"]
        except (ValueError, TypeError, KeyError):
            raise Unreachable(
                self.remote,
                f"what answers at {self.transport.address} (HTTP {answer.status}) is neither LXD nor Incus",
            ) from None
        if kind == "error" or answer.status >= 400:
            status = int(content.get("error_code") or answer.status)
            raise _ERRORS.get(status, ApiError)(self.remote, doing, status, str(content.get("error", "")))
        if kind == "async":
            return Reply(None, operation=Operation(self, content["metadata"], doing))
        return Reply(content.get("metadata"), etag=answer.headers.get("ETag"))
