# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client and its operations, over a transport that answers from a list."""

from __future__ import annotations

import json
from email.message import Message

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api import client as api
from ansible_collections.flotilla.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import (
    ApiError,
    DeadlineExceeded,
    Forbidden,
    NotFound,
    OperationFailed,
    PreconditionFailed,
    Unreachable,
)
from ansible_collections.flotilla.lxd.plugins.module_utils._api.transport import Response


class FakeTransport:
    """Answers in the order given; remembers what was asked."""

    remote = "foo"
    address = "unix:///foo"

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def request(self, method, path, *, body=None, headers=None, deadline=None):
        self.asked.append((method, path, body, dict(headers or {})))
        status, content, etag = self.answers.pop(0)
        message = Message()
        if etag:
            message["ETag"] = etag
        return Response(status, message, content if isinstance(content, bytes) else json.dumps(content).encode())


def sync(metadata, etag=None):
    return 200, {"type": "sync", "metadata": metadata}, etag


TRUSTED = (200, {"type": "sync", "metadata": {"auth": "trusted"}}, None)
UNTRUSTED = (200, {"type": "sync", "metadata": {"auth": "untrusted"}}, None)


def failed(status, text):
    return status, {"type": "error", "error_code": status, "error": text}, None


def operation(code, **content):
    return {"id": "op1", "status_code": code, **content}


def accepted(**content):
    return 202, {"type": "async", "metadata": operation(103, **content)}, None


def a_client(*answers, **scope):
    transport = FakeTransport(*answers)
    return api.Client(transport, **scope), transport


def test_path_escapes_every_part():
    assert api.path("images", "aliases", "debian/12 ä") == "/1.0/images/aliases/debian%2F12%20%C3%A4"


def test_read_brings_the_etag_and_write_takes_it():
    client, transport = a_client(sync({"a": 1}, "abc"), sync(None))
    reply = client.get("/1.0/profiles/p")
    client.write("PUT", "/1.0/profiles/p", {"a": 2}, doing="update", deadline=Deadline(5), etag=reply.etag)
    assert transport.asked[1] == (
        "PUT",
        "/1.0/profiles/p",
        b'{"a": 2}',
        {"Content-Type": "application/json", "If-Match": "abc"},
    )


def test_project_is_sent_only_when_there_is_one():
    client, transport = a_client(sync([]), sync([]), sync([]))
    client.get("/1.0/instances")
    scoped = client.scoped(project="p q", target="m1")
    scoped.get("/1.0/instances", recursion="1")
    scoped.get("/1.0/instances", **{"all-projects": "true"})
    assert [path for _method, path, _body, _headers in transport.asked] == [
        "/1.0/instances",
        "/1.0/instances?recursion=1&project=p+q&target=m1",
        "/1.0/instances?all-projects=true&target=m1",
    ]


@pytest.mark.parametrize(
    ("status", "kind"), [(400, ApiError), (403, Forbidden), (404, NotFound), (412, PreconditionFailed), (500, ApiError)]
)
def test_errors_carry_status_text_remote_and_what_was_tried(status, kind):
    client, _transport = a_client(failed(status, "it is so"), TRUSTED)
    with pytest.raises(kind) as caught:
        client.get("/1.0/x", doing="look at x")
    error = caught.value
    assert (error.status, error.text, error.remote, error.doing) == (status, "it is so", "foo", "look at x")
    assert str(error) == f"remote foo: look at x: it is so (status {status})"


def test_find_is_none_only_for_what_is_not_there():
    client, _transport = a_client(failed(404, "not found"), failed(403, "not authorized"), UNTRUSTED)
    assert client.find("/1.0/x") is None
    with pytest.raises(Forbidden, match="trust token"):
        client.find("/1.0/x")


def test_a_project_that_is_not_there_is_no_empty_project():
    client, _transport = a_client(failed(404, "not found"), sync({}), project="web")
    assert client.find("/1.0/x") is None
    client, transport = a_client(failed(404, "not found"), failed(404, "not found"), project="nope")
    with pytest.raises(NotFound, match="look for project nope"):
        client.find("/1.0/x")
    assert transport.asked[-1][1] == "/1.0/projects/nope"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"a": 1}', b"", b"null"])
def test_what_answers_is_no_daemon(body):
    client, _transport = a_client((200, body, None))
    with pytest.raises(Unreachable, match="neither LXD nor Incus"):
        client.get("/1.0")


def test_whether_to_wait_is_read_from_the_answer():
    client, transport = a_client(
        sync({"now": True}), accepted(), sync(operation(103)), sync(operation(200, metadata={"later": True}))
    )
    options = {"doing": "do it", "deadline": Deadline(60)}
    assert client.write("PUT", "/1.0/profiles/p", {}, **options) == {"now": True}
    assert client.write("PUT", "/1.0/profiles/p", {}, **options) == {"later": True}
    assert [path.partition("?")[0] for _method, path, _body, _headers in transport.asked[2:]] == [
        "/1.0/operations/op1/wait",
        "/1.0/operations/op1/wait",
    ]


def test_operation_that_fails():
    client, _transport = a_client(accepted(), sync(operation(400, err="no space left")))
    with pytest.raises(OperationFailed, match="remote foo: create c1: no space left"):
        client.write("POST", "/1.0/instances", {}, doing="create c1", deadline=Deadline(60))


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [(sync(None), "was called off"), (failed(400, "cannot be cancelled"), "goes on in the server")],
)
def test_what_takes_too_long_is_called_off(answer, outcome):
    client, transport = a_client(accepted(), answer)
    with pytest.raises(DeadlineExceeded, match=f"create c1: not done within 0 seconds; the operation {outcome}"):
        client.write("POST", "/1.0/instances", {}, doing="create c1", deadline=Deadline(0))
    assert transport.asked[-1][:2] == ("DELETE", "/1.0/operations/op1")


def test_operation_that_the_server_forgot():
    client, _transport = a_client(accepted(), failed(404, "not found"))
    with pytest.raises(OperationFailed, match="no longer knows how it ended"):
        client.write("POST", "/1.0/instances", {}, doing="create c1", deadline=Deadline(60))


def test_server_is_asked_once_also_for_scoped_clients():
    client, transport = a_client(sync({"environment": {"server": "incus"}, "api_extensions": ["a"], "auth": "trusted"}))
    assert client.server.kind.title == "Incus"
    assert client.scoped(project="p").server.can("a") and not client.server.can("b")
    assert len(transport.asked) == 1
