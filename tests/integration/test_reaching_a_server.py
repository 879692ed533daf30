# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the modules reach a server, with no client configuration at all, and what they say when they do not."""

from __future__ import annotations

import http.server
import socket
import ssl
import subprocess
import threading
from pathlib import Path

from client_configuration import configuration

from lab.settings import STATE

INFO = "flotilla.lxd.container_info"
CONTAINER = "flotilla.lxd.container"
NOWHERE = {"LXD_CONF": "/nowhere", "INCUS_CONF": "/nowhere", "HOME": "/nowhere"}


def test_explicit_url_needs_no_configuration(explicit, name, local_tasks, tmp_path):
    pem = Path(explicit["server_cert"]).read_text()
    run = local_tasks(
        [
            {"name": "create", CONTAINER: {**explicit, "name": name, "image": "busybox", "state": "present"}},
            {
                "name": "certificate as text",
                CONTAINER: {**explicit, "server_cert": pem, "name": name, "state": "present"},
            },
        ],
        environment={**NOWHERE, "HOME": str(tmp_path)},
    )
    assert run.result("create")["actions"] == ["create"]
    assert run.result("certificate as text")["changed"] is False


def test_unix_socket(remote, local_tasks, command_line, tmp_path):
    socket_path = str(STATE / remote / "unix.socket")
    variable = {"lxd-a": "LXD_SOCKET", "incus-a": "INCUS_SOCKET"}[remote]
    run = local_tasks(
        [
            {"name": "url", INFO: {"url": f"unix://{socket_path}"}},
            {"name": "local", INFO: {"remote": "local"}},
        ],
        environment={"HOME": str(tmp_path), variable: socket_path},
    )
    assert isinstance(run.result("url")["containers"], list)
    assert isinstance(run.result("local")["containers"], list)


def test_two_local_daemons(local_tasks, tmp_path):
    environment = {
        "HOME": str(tmp_path),
        "LXD_SOCKET": str(STATE / "lxd-a" / "unix.socket"),
        "INCUS_SOCKET": str(STATE / "incus-a" / "unix.socket"),
    }
    run = local_tasks([{"name": "read", INFO: {"remote": "local"}}], environment=environment, fails=True)
    assert "two daemons" in run.result("read")["msg"] and "client_config" in run.result("read")["msg"]
    local_tasks([{"name": "read", INFO: {"remote": "local", "client_config": "incus"}}], environment=environment)


def message(local_tasks, options, environment=None) -> str:
    run = local_tasks([{"name": "read", INFO: options}], fails=True, environment=environment)
    return run.result("read")["msg"]


def test_foreign_certificate(explicit, remote, local_tasks):
    other = {"lxd-a": "incus-a", "incus-a": "lxd-a"}[remote]
    foreign = configuration(other) / "servercerts" / f"{other}.crt"
    text = message(local_tasks, {**explicit, "remote": "mine", "server_cert": str(foreign)})
    assert "Remote mine: refused: the server shows another certificate" in text


def test_no_certificate_at_all(explicit, local_tasks):
    assert "server_cert" in message(local_tasks, {"url": explicit["url"], "remote": "mine"})
    untrusted = {"url": explicit["url"], "server_cert": explicit["server_cert"], "remote": "mine"}
    assert "does not trust this client's certificate" in message(local_tasks, untrusted)


def test_closed_port(explicit, local_tasks):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    text = message(local_tasks, {**explicit, "url": f"https://127.0.0.1:{port}"})
    assert "cannot connect" in text and "Connection refused" in text


class Website(http.server.BaseHTTPRequestHandler):
    """Answers everything with a page."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>hello</html>")

    def log_message(self, *_arguments):
        """Says nothing."""


def test_something_else_listens(explicit, remote, local_tasks, tmp_path):
    certificate, key = tmp_path / "web.crt", tmp_path / "web.key"
    subject = ["-subj", "/CN=web.example", "-days", "1", "-out", str(certificate), "-keyout", str(key)]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject], check=True, capture_output=True
    )
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Website) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        options = {**explicit, "url": f"https://127.0.0.1:{server.server_port}"}
        assert "TLS" in message(local_tasks, options)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        options["server_cert"] = str(certificate)
        assert "neither LXD nor Incus" in message(local_tasks, options)
        server.shutdown()


def test_broken_client_configuration(local_tasks, tmp_path):
    (tmp_path / "config.yml").write_text("remotes:\n  a: {addr: 'https://192.0.2.1'\n  b: 3\n")
    text = message(local_tasks, {"remote": "a"}, {"LXD_CONF": str(tmp_path), "INCUS_CONF": "/nowhere"})
    assert str(tmp_path / "config.yml") in text and "line " in text


def test_name_of_two_servers(local_tasks, tmp_path):
    for directory, address in (("lxc", "https://192.0.2.1:8443"), ("incus", "https://192.0.2.2:8443")):
        (tmp_path / directory).mkdir()
        (tmp_path / directory / "config.yml").write_text(f"remotes: {{srv: {{addr: '{address}'}}}}\n")
    environment = {"LXD_CONF": str(tmp_path / "lxc"), "INCUS_CONF": str(tmp_path / "incus")}
    text = message(local_tasks, {"remote": "srv"}, environment)
    assert "two servers" in text and "client_config: lxc" in text


def test_line_is_cut_while_a_container_is_made(remote, name, proxied, local_tasks, command_line):
    """The answer to the creation is on its way when the line breaks: a clear message, and a second run finishes the job."""
    proxy, options = proxied
    task = {"name": "create", CONTAINER: {**options, "remote": "mine", "name": name, "image": "busybox"}}
    outcomes = set()
    for cut_after in (2000, 3500, 5000, 7000, 9000, 12000):
        proxy.refuse, proxy.cut_after, proxy._returned = False, cut_after, 0
        run = local_tasks([{**task, "ignore_errors": True}])
        result = run.result("create")
        outcomes.add(result["failed"])
        if result["failed"]:
            assert "Remote mine: " in result["msg"], result["msg"]
        proxy.refuse, proxy.cut_after = False, None
        done = local_tasks([task])
        assert done.result("create")["container"]["status"] == "Running"
        command_line(remote, "delete", "--force", f"{remote}:{name}")
    assert True in outcomes


def test_server_falls_silent(remote, name, proxied, local_tasks):
    proxy, options = proxied
    proxy.stall = True
    task = {CONTAINER: {**options, "remote": "mine", "name": name, "image": "busybox", "timeout": 3}, "name": "create"}
    text = local_tasks([task], fails=True).result("create")["msg"]
    assert "mine" in text and "no answer" in text
