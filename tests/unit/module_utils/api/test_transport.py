# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transport, against real sockets: what is sent again, what never is, and whom it believes."""

from __future__ import annotations

import socket
import threading

import pytest
from fake_server import HANG_UP, FakeServer, error, sync

from ansible_collections.flotilla.lxd.plugins.module_utils._api.client import Client
from ansible_collections.flotilla.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import (
    CertificateRefused,
    ConfigurationError,
    DeadlineExceeded,
    Unreachable,
)
from ansible_collections.flotilla.lxd.plugins.module_utils._api.tls import Identity, fingerprint
from ansible_collections.flotilla.lxd.plugins.module_utils._api.transport import TlsAddress, Transport, UnixAddress


@pytest.fixture
def unix(tmp_path):
    """Start a server on a Unix socket; return it and a transport to it."""
    started = []

    def start(answer):
        path = tmp_path / "unix.socket"
        started.append(FakeServer.on_unix_socket(path, answer))
        return started[-1], Transport("here", UnixAddress(str(path)))

    yield start
    for each in started:
        each.stop()


def once_then(first, later):
    answers = iter([first])
    return lambda request: next(answers, later)


def test_connection_is_kept(unix):
    server, transport = unix(lambda request: sync("ok"))
    for _time in range(3):
        assert transport.request("GET", "/1.0").status == 200
    assert server.connections == 1


def test_a_get_is_sent_again_once_when_the_connection_breaks(unix):
    server, transport = unix(once_then(HANG_UP, sync("ok")))
    assert transport.request("GET", "/1.0").status == 200
    assert [request.method for request in server.requests] == ["GET", "GET"]


def test_a_server_that_refuses_a_body_is_heard(tmp_path):
    """It answers at once and hangs up; what it said counts, not that sending failed."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "unix.socket"))
    listener.listen()

    def refuse():
        connection, _address = listener.accept()
        with connection:
            connection.recv(100)
            connection.sendall(error(500, "no room"))

    threading.Thread(target=refuse, daemon=True).start()
    transport = Transport("here", UnixAddress(str(tmp_path / "unix.socket")))
    body = (bytes(100_000) for _piece in range(100))
    answer = transport.request("POST", "/1.0/images", body=body, headers={"Content-Length": "10000000"})
    listener.close()
    assert answer.status == 500 and b"no room" in answer.body


def test_what_a_body_raises_ends_its_connection(unix):
    """Or what is asked next would be taken for the rest of it."""
    server, transport = unix(lambda request: sync("ok"))

    def body():
        yield b"x"
        raise ValueError("on the way")

    with pytest.raises(ValueError, match="on the way"):
        transport.request("POST", "/1.0/images", body=body(), headers={"Content-Length": "2"})
    assert transport.request("POST", "/1.0/images", body=b"xy").status == 200
    assert server.connections == 2


def test_a_stream_tells_the_connections_faults_from_the_readers(unix):
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nshort"
    server, transport = unix(once_then(sync("whole"), cut))
    client = Client(transport)

    def stream():
        return client.stream("GET", "/1.0/x", doing="read x", deadline=Deadline(10))

    with pytest.raises(OSError, match="disk full"), stream():
        raise OSError("disk full")
    with stream() as answer:
        assert answer.read(5) == b"short"
        server.hang_up()
        with pytest.raises(Unreachable, match="broke off"):
            answer.read(5)


def test_a_get_is_not_sent_for_ever(unix):
    server, transport = unix(lambda request: HANG_UP)
    with pytest.raises(Unreachable, match="remote here: the connection to unix:"):
        transport.request("GET", "/1.0")
    assert len(server.requests) == 2


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_anything_else_is_never_sent_again(unix, method):
    server, transport = unix(lambda request: HANG_UP)
    with pytest.raises(Unreachable):
        transport.request(method, "/1.0/instances", body=b"{}")
    assert len(server.requests) == 1


def test_a_post_after_the_server_hung_up_goes_over_a_new_connection(unix):
    def answer(request):
        reply = sync("ok")
        return reply.replace(b"HTTP/1.1", b"HTTP/1.0") if request.method == "GET" else reply

    server, transport = unix(answer)
    transport.request("GET", "/1.0")
    assert transport.request("POST", "/1.0/x", body=b"{}").status == 200
    assert server.connections == 2


def test_deadline(unix):
    import time

    _server, transport = unix(lambda request: time.sleep(2) or sync("late"))
    with pytest.raises(DeadlineExceeded, match=r"remote here: no answer .* to GET /1.0 within 0.2 seconds"):
        transport.request("GET", "/1.0", deadline=Deadline(0.2))


def test_no_socket(tmp_path):
    with pytest.raises(Unreachable, match=r"remote gone: cannot connect to unix:.*No such file"):
        Transport("gone", UnixAddress(str(tmp_path / "none"))).request("GET", "/1.0")


def test_what_is_no_http(unix):
    _server, transport = unix(lambda request: b"220 mail.example ESMTP\r\n\r\n")
    with pytest.raises(Unreachable, match="does not speak HTTP"):
        transport.request("GET", "/1.0")


def over_tls(server, identity) -> Transport:
    return Transport("far", TlsAddress("127.0.0.1", server.port, identity))


def test_pinned_certificate_is_enough_whatever_name_it_bears(tls_server):
    server, pem = tls_server(lambda request: sync("ok"))
    assert over_tls(server, Identity(server_certificate=pem)).request("GET", "/1.0").status == 200


def test_another_certificate_than_the_pinned_one_is_refused(tls_server, certificate):
    server, _shown = tls_server(lambda request: sync("ok"))
    pinned = certificate("other")[0].read_text()
    with pytest.raises(CertificateRefused) as caught:
        over_tls(server, Identity(server_certificate=pinned)).request("GET", "/1.0")
    assert fingerprint(pinned) in str(caught.value) and "remote far" in str(caught.value)
    assert server.requests == []


def test_expired_certificate_is_refused_even_if_pinned(tls_server):
    server, pem = tls_server(lambda request: sync("ok"), days=-1)
    with pytest.raises(CertificateRefused, match="has expired"):
        over_tls(server, Identity(server_certificate=pem)).request("GET", "/1.0")
    assert server.requests == []


def test_nobody_vouches_for_an_unknown_certificate(tls_server):
    server, _pem = tls_server(lambda request: sync("ok"))
    with pytest.raises(CertificateRefused, match="server_cert"):
        over_tls(server, Identity()).request("GET", "/1.0")
    assert server.requests == []


def test_what_does_not_speak_tls(certificate):
    def greet():
        connection, _address = listener.accept()
        connection.sendall(b"220 mail.example ESMTP\r\n")
        connection.close()

    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=greet, daemon=True).start()
    identity = Identity(server_certificate=certificate("server")[0].read_text())
    transport = Transport("far", TlsAddress("127.0.0.1", listener.getsockname()[1], identity))
    with listener, pytest.raises(Unreachable, match="does not speak TLS"):
        transport.request("GET", "/1.0")


def test_client_certificate_and_key_that_do_not_match(tls_server, certificate):
    server, pem = tls_server(lambda request: sync("ok"))
    identity = Identity(pem, None, str(certificate("one")[0]), str(certificate("two")[1]))
    with pytest.raises(ConfigurationError, match=r"one\.crt and the key .*two\.key cannot be used together"):
        over_tls(server, identity).request("GET", "/1.0")


def test_client_key_that_is_missing(tls_server, certificate):
    server, pem = tls_server(lambda request: sync("ok"))
    identity = Identity(pem, None, str(certificate("one")[0]), "/nowhere/client.key")
    with pytest.raises(ConfigurationError, match=r"/nowhere/client.key cannot be read"):
        over_tls(server, identity).request("GET", "/1.0")
