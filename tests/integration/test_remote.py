# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""remote and remote_info, with a client configuration of the tests' own."""

from __future__ import annotations

import base64
import http.server
import json
import os
import re
import socket
import ssl
import stat
import subprocess
import threading
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LXD, INCUS = "lxd-a", "incus-a"
COMMANDS = {LXD: "lxc", INCUS: "incus"}


def call(*command, environment=None, check=True):
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **(environment or {})},
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@dataclass
class Daemon:
    """One of the lab's servers, seen with its administrator's eyes."""

    remote: str
    name: str

    @property
    def command(self):
        return COMMANDS[self.remote]

    @property
    def addr(self):
        variable = {"lxc": "LXD_CONF", "incus": "INCUS_CONF"}[self.command]
        content = yaml.safe_load(Path(os.environ[variable], "config.yml").read_text())
        return content["remotes"][self.remote]["addr"]

    @property
    def fingerprint(self):
        return json.loads(call(self.command, "query", f"{self.remote}:/1.0").stdout)["environment"][
            "certificate_fingerprint"
        ]

    def token(self, *arguments):
        if self.command == "lxc":
            made = call(
                "lxc", "config", "trust", "add", "--name", self.name, *arguments, environment={"LXC_REMOTE": LXD}
            )
        else:
            made = call("incus", "config", "trust", "add", f"{self.remote}:{self.name}", *arguments)
        return made.stdout.split()[-1]

    def trusts(self):
        listing = json.loads(call(self.command, "config", "trust", "list", f"{self.remote}:", "--format=json").stdout)
        return [one["fingerprint"] for one in listing if one["name"] == self.name]

    def clean_up(self):
        for fingerprint in self.trusts():
            call(self.command, "query", "-X", "DELETE", f"{self.remote}:/1.0/certificates/{fingerprint}")
        call(self.command, "config", "trust", "revoke-token", f"{self.remote}:{self.name}", check=False)


@pytest.fixture
def daemon(remote):
    one = Daemon(remote, f"t-{uuid.uuid4().hex[:8]}")
    yield one
    one.clean_up()


@dataclass
class Own:
    """A client configuration of the test's own, empty at first."""

    directory: Path

    @property
    def environment(self):
        return {
            "LXD_CONF": str(self.directory / "lxc"),
            "INCUS_CONF": str(self.directory / "incus"),
            "LXD_GLOBAL_CONF": str(self.directory / "no-lxc"),
            "INCUS_GLOBAL_CONF": str(self.directory / "no-incus"),
        }

    def of(self, command):
        return self.directory / command

    def content(self, command):
        return yaml.safe_load((self.of(command) / "config.yml").read_text())

    def files(self):
        return sorted(str(path.relative_to(self.directory)) for path in self.directory.rglob("*") if path.is_file())

    def call(self, command, *arguments, check=True):
        return call(command, *arguments, environment=self.environment, check=check)


@pytest.fixture
def own(tmp_path):
    directory = tmp_path / "own"
    directory.mkdir()
    return Own(directory)


@pytest.fixture
def remote_task(local_tasks, own):
    """Run tasks of flotilla.lxd.remote in one play, one for each set of options; return their results.

    With fails=True each of them has to fail, otherwise none may.
    """

    def run(*tasks, fails=False, arguments=()):
        play = [{"name": f"task {number}", "flotilla.lxd.remote": task} for number, task in enumerate(tasks)]
        if fails:
            play = [{**task, "ignore_errors": True} for task in play]
        done = local_tasks(play, *arguments, environment=own.environment)
        results = [done.result(f"task {number}") for number in range(len(tasks))]
        assert all(result["failed"] is fails for result in results), results
        return results if len(tasks) > 1 else results[0]

    return run


@pytest.fixture
def refused(remote_task, own):
    """Run tasks that have to fail and to leave nothing behind; return their messages."""

    def run(*tasks):
        before = own.files()
        results = remote_task(*tasks, fails=True)
        messages = [result["msg"] for result in (results if len(tasks) > 1 else [results])]
        assert own.files() == before, messages
        assert all(len(message) < 700 for message in messages), messages
        return messages if len(tasks) > 1 else messages[0]

    return run


def test_life_of_a_remote(daemon, own, remote_task, local_tasks):
    """Check, do, repeat; change; remove: and the real command works with it all the time."""
    command, here = daemon.command, f"r-{uuid.uuid4().hex[:6]}"
    add = {"name": here, "token": daemon.token()}

    foreseen = remote_task(add, arguments=["--check", "--diff"])
    assert foreseen["actions"] == ["make_key", "trust", "add"]
    assert own.files() == [] and daemon.trusts() == []

    done, again = remote_task(add, add)
    assert (done["changed"], done["actions"]) == (True, ["make_key", "trust", "add"])
    assert done["remote"] == foreseen["remote"]
    assert done["diff"] == foreseen["diff"]
    assert done["remote"] == {
        "name": here,
        "command": command,
        "addr": daemon.addr,
        "protocol": {"lxc": "lxd", "incus": "incus"}[command],
        "public": False,
        "project": None,
        "fingerprint": daemon.fingerprint,
        "default": False,
    }
    assert (again["changed"], again["actions"]) == (False, [])
    assert len(daemon.trusts()) == 1
    assert stat.S_IMODE((own.of(command) / "client.key").stat().st_mode) == 0o600
    own.call(command, "list", f"{here}:")
    listing = own.call(command, "remote", "list", "--format=csv").stdout
    assert here in listing and "images" in listing

    make_default = {"name": here, "project": "default", "default": True}
    done, again = remote_task(make_default, make_default)
    assert done["actions"] == ["set_default"] and not again["changed"]
    own.call(command, "list")

    gone = {"name": here, "state": "absent", "revoke": True}
    look = {"flotilla.lxd.remote_info": {"check": True}}
    told = local_tasks(
        [{"name": "look", **look}, {"name": "remove", "flotilla.lxd.remote": gone, "ignore_errors": True}],
        environment=own.environment,
    )
    (found,) = [one for one in told.result("look")["remotes"] if one["name"] == here]
    assert (found["reachable"], found["trusted"], found["default"], found["error"]) == (True, True, True, None)
    assert found["server"]["kind"] == found["protocol"]
    assert "is the default remote" in told.result("remove")["msg"]

    own.call(command, "remote", "switch", "local")
    foreseen = remote_task(gone, arguments=["--check"])
    done, again = remote_task(gone, gone)
    assert foreseen["actions"] == done["actions"] == ["revoke", "remove"]
    assert (again["changed"], again["actions"]) == (False, [])
    assert daemon.trusts() == []
    assert here not in own.call(command, "remote", "list", "--format=csv").stdout
    assert own.files() == [f"{command}/{name}" for name in ("client.crt", "client.key", "config.yml")]


def test_a_restricted_client_gets_its_own_project(daemon, own, remote_task):
    call(daemon.command, "project", "create", f"{daemon.remote}:{daemon.name}", "-c", "features.images=false")
    try:
        token = daemon.token("--restricted", "--projects", daemon.name)
        added, again = remote_task({"name": "narrow", "token": token}, {"name": "narrow"})
        assert added["remote"]["project"] == daemon.name and not again["changed"]
        own.call(daemon.command, "list", "narrow:")
        nowhere, not_allowed = remote_task(
            {"name": "narrow", "project": "nowhere"},
            {"name": "narrow", "state": "absent", "revoke": True},
            fails=True,
        )
        assert "nowhere" in nowhere["msg"] and "A restricted client may not" in not_allowed["msg"]
        assert remote_task({"name": "narrow", "state": "absent"})["actions"] == ["remove"]
    finally:
        daemon.clean_up()
        call(daemon.command, "project", "delete", f"{daemon.remote}:{daemon.name}")


def test_trust_lost_is_noticed_and_regained(daemon, own, remote_task):
    remote_task({"name": "srv", "token": daemon.token()})
    daemon.clean_up()
    assert "does not trust this client" in remote_task({"name": "srv"}, fails=True)["msg"]
    regained = remote_task({"name": "srv", "token": daemon.token()})
    assert regained["actions"] == ["trust"]
    own.call(daemon.command, "list", "srv:")


def test_what_a_broken_run_left_is_finished_by_the_next(daemon, own, remote_task):
    """The configuration cannot be written once the client is trusted; the token is used up by then."""
    add = {"name": "srv", "token": daemon.token()}
    obstacle = own.of(daemon.command) / "servercerts"
    obstacle.parent.mkdir()
    obstacle.write_text("")
    assert str(obstacle) in remote_task(add, fails=True)["msg"]
    assert len(daemon.trusts()) == 1
    obstacle.unlink()
    assert remote_task(add)["actions"] == ["add"]
    own.call(daemon.command, "list", "srv:")


def test_tokens_that_do_not_do(daemon, own, remote_task, refused):
    token = daemon.token()
    content = json.loads(base64.b64decode(token))

    cut, expired, join, foreign = refused(
        {"name": "srv", "token": token[:-3] + "*"},
        {"name": "srv", "token": encoded({**content, "expires_at": "2020-02-03T04:05:06.7Z"})},
        {"name": "srv", "token": encoded({"server_name": "m2"})},
        {"name": "srv", "token": encoded({**content, "fingerprint": "0" * 64})},
    )
    assert "not base64" in cut and "expired at 2020-02-03" in expired and "joining a cluster" in join
    assert daemon.fingerprint in foreign and "0" * 64 in foreign

    forged = encoded({**content, "secret": "1" * 64})
    wrong = remote_task({"name": "srv", "token": forged}, fails=True)
    assert "wrong, was used, or has expired" in wrong["msg"] and wrong["error"]["status"] == 403
    assert "1" * 64 not in json.dumps(wrong) and forged not in json.dumps(wrong)
    assert not (own.of(daemon.command) / "config.yml").exists() and daemon.trusts() == []

    remote_task({"name": "srv", "token": token})
    daemon.clean_up()
    assert "wrong, was used, or has expired" in remote_task({"name": "srv", "token": token}, fails=True)["msg"]


def test_a_certificate_is_checked_before_anything_is_sent(daemon, own, remote_task, refused, tmp_path):
    server = {"name": "srv", "addr": daemon.addr}
    unknown, wrong, right = refused(
        server,
        {**server, "fingerprint": "ab" * 32, "password": "open sesame"},
        {**server, "fingerprint": daemon.fingerprint},
    )
    assert daemon.fingerprint in unknown and "give that as fingerprint" in unknown
    assert daemon.fingerprint in wrong and "ab" * 32 in wrong
    assert "give a trust token" in right

    colons = ":".join(re.findall("..", daemon.fingerprint)).upper()
    assert remote_task({**server, "token": daemon.token(), "fingerprint": colons})["changed"]
    certificate = own.of(daemon.command) / "servercerts" / "srv.crt"
    good = certificate.read_text()

    with tls_server(tmp_path) as other:
        certificate.write_text(other.pem)
        changed = refused({"name": "srv"})
    assert other.fingerprint in changed and "remove the remote" in changed
    assert remote_task({"name": "srv", "fingerprint": daemon.fingerprint})["actions"] == ["pin"]
    assert certificate.read_text() == good


def test_something_else_listens(refused, tmp_path):
    with (
        http_server() as web,
        tls_server(tmp_path) as other,
        tls_server(tmp_path, days=-1) as expired,
        socket.create_server(("127.0.0.1", 0)) as closed,
    ):
        nobody = f"https://127.0.0.1:{closed.getsockname()[1]}"
        closed.close()
        messages = refused(
            {"name": "srv", "addr": web, "fingerprint": "ab" * 32},
            {"name": "srv", "addr": web},
            {"name": "srv", "addr": other.addr, "fingerprint": other.fingerprint},
            {"name": "srv", "addr": expired.addr, "fingerprint": expired.fingerprint, "password": "open sesame"},
            {"name": "srv", "addr": nobody, "fingerprint": "ab" * 32},
            {"name": "srv", "addr": "unix:///nowhere/unix.socket"},
        )
    words = [
        "does not speak TLS",
        "does not speak TLS",
        "neither LXD nor Incus",
        "its certificate has expired",
        "Connection refused",
        "No such file",
    ]
    assert all(expected in message for expected, message in zip(words, messages, strict=True)), messages


def test_a_daemon_that_dies_in_the_middle(daemon, own, remote_task):
    """It hangs up at once, after it showed its certificate, after it said who it is: the next run does the job."""
    content = json.loads(base64.b64decode(daemon.token()))
    with proxy(daemon.addr, 0) as at_once, proxy(daemon.addr, 1) as later, proxy(daemon.addr, 2) as late:
        tasks = [
            {"name": "srv", "token": encoded({**content, "addresses": [addr.removeprefix("https://")]})}
            for addr in (at_once, later, late)
        ]
        for result in remote_task(*tasks, fails=True):
            assert result["msg"].startswith("Remote srv: ") and len(result["msg"]) < 300
    assert not (own.of(daemon.command) / "config.yml").exists() and daemon.trusts() == []
    assert remote_task({"name": "srv", "token": encoded(content)})["actions"] == ["trust", "add"]


def test_several_addresses(daemon, remote_task, tmp_path):
    """The first address of the token is nobody's, the second somebody else's."""
    content = json.loads(base64.b64decode(daemon.token()))
    with tls_server(tmp_path) as other:
        nobody, somebody = "127.0.0.1:1", other.addr.removeprefix("https://")
        right = content["addresses"]
        content["addresses"] = [nobody, somebody]
        message = remote_task({"name": "srv", "token": encoded(content)}, fails=True)["msg"]
        assert "Connection refused" in message and other.fingerprint in message
        content["addresses"] += right
        added, again = remote_task(*[{"name": "srv", "token": encoded(content)}] * 2)
    assert added["remote"]["addr"] == daemon.addr and not again["changed"]


def test_password(own, remote_task, refused):
    daemon = Daemon(LXD, f"t-{uuid.uuid4().hex[:8]}")
    server = {"name": "srv", "addr": daemon.addr, "fingerprint": daemon.fingerprint}
    call("lxc", "config", "set", "lxd-a:", "core.trust_password", "open sesame")
    try:
        wrong = remote_task({**server, "password": "shut sesame"}, fails=True)["msg"]
        assert "password is wrong" in wrong and "shut sesame" not in wrong
        task = {**server, "password": "open sesame", "client_name": daemon.name}
        done, again = remote_task(task, task)
        assert done["actions"] == ["trust", "add"] and not again["changed"]
        assert len(daemon.trusts()) == 1
        own.call("lxc", "list", "srv:")
    finally:
        call("lxc", "config", "unset", "lxd-a:", "core.trust_password")
        daemon.clean_up()


def test_incus_has_no_password(refused):
    daemon = Daemon(INCUS, "nobody")
    server = {"name": "srv", "addr": daemon.addr, "fingerprint": daemon.fingerprint}
    assert "no trust password" in refused({**server, "password": "x"})


def test_public_server(daemon, own, remote_task):
    task = {"name": "gallery", "addr": daemon.addr, "fingerprint": daemon.fingerprint, "public": True}
    foreseen = remote_task(task, arguments=["--check"])
    done, again = remote_task(task, task)
    assert foreseen["actions"] == done["actions"] == ["add"] and not again["changed"]
    assert done["remote"]["public"] and foreseen["remote"] == done["remote"]
    assert not (own.of(daemon.command) / "client.key").exists()
    own.call(daemon.command, "image", "list", "gallery:")


def test_socket(daemon, own, remote_task):
    server = json.loads(call(daemon.command, "query", f"{daemon.remote}:/1.0").stdout)
    path = socket_of(daemon.command, server["environment"]["server_pid"])
    done, again = remote_task(*[{"name": "here", "addr": f"unix://{path}"}] * 2)
    assert done["actions"] == ["add"] and not again["changed"]
    assert done["remote"]["command"] == daemon.command and done["remote"]["addr"] == f"unix://{path}"
    own.call(daemon.command, "list", "here:")


def test_image_server(own, remote_task, refused):
    """None can be reached from the lab, and none has to be."""
    task = {"name": "mirror", "addr": "https://mirror.invalid/images/", "protocol": "simplestreams"}
    assert "choose by client_config" in refused(task)
    for command in ("lxc", "incus"):
        named = {**task, "client_config": command}
        done, again = remote_task(named, named)
        assert done["actions"] == ["add"] and not again["changed"]
        assert done["remote"]["addr"] == "https://mirror.invalid/images"
        assert (
            "mirror,https://mirror.invalid/images,simplestreams,none,YES"
            in own.call(command, "remote", "list", "--format=csv").stdout
        )
    assert "in the configuration of lxc and in that of incus" in refused({"name": "mirror", "state": "absent"})
    moved, removed = remote_task(
        {"name": "mirror", "client_config": "lxc", "addr": "https://other.invalid"},
        {"name": "mirror", "client_config": "incus", "state": "absent"},
    )
    assert moved["actions"] == ["change"] and removed["actions"] == ["remove"]
    assert moved["diff"]["before"]["addr"] == "https://mirror.invalid/images"


def test_broken_configuration(own, refused):
    own.of("lxc").mkdir()
    (own.of("lxc") / "config.yml").write_text("remotes:\n  a:\n    addr: [\n")
    message = refused({"name": "srv", "addr": "https://127.0.0.1:1"})
    assert "line 4" in message and str(own.of("lxc") / "config.yml") in message


def test_half_a_client_key(daemon, own, refused):
    own.of(daemon.command).mkdir()
    (own.of(daemon.command) / "client.key").write_text("not to be lost")
    assert "client.crt is not" in refused({"name": "srv", "token": daemon.token()})


def test_what_cannot_be(refused):
    elsewhere = {"name": "x", "addr": "https://x"}
    cases = [
        ({"name": "a:b", "addr": "https://x"}, "colon or a slash"),
        ({"name": "a/b", "state": "absent"}, "colon or a slash"),
        ({"name": "local", "addr": "https://x"}, "built in"),
        ({"name": "ubuntu", "addr": "https://x", "client_config": "lxc"}, "built into"),
        ({"name": "x"}, "give addr"),
        ({"name": "x", "addr": "http://x"}, "no address of a server"),
        ({"name": "x", "addr": "https://x/images"}, "protocol: simplestreams"),
        ({**elsewhere, "fingerprint": "abc"}, "64 hexadecimal digits"),
        ({**elsewhere, "server_cert": "/nowhere"}, "/nowhere cannot be read"),
        ({**elsewhere, "token": "1234", "password": "5678"}, "mutually exclusive"),
        ({**elsewhere, "client_name": "me"}, "goes with password"),
        ({**elsewhere, "public": True, "password": "5678"}, "public server"),
        ({**elsewhere, "protocol": "simplestreams", "project": "web"}, "image server"),
        ({"name": "x", "addr": "unix:///x", "password": "5678"}, "socket"),
        ({**elsewhere, "protocol": "lxd", "client_config": "incus"}, "leave out either"),
        ({**elsewhere, "revoke": True}, "state: absent"),
        ({"name": "x", "state": "absent", "default": True}, "state: present"),
        ({**elsewhere, "adr": "https://x"}, "adr"),
    ]
    messages = refused(*(task for task, _words in cases))
    for (task, words), message in zip(cases, messages, strict=True):
        assert words in message, (task, message)


def encoded(content):
    return base64.b64encode(json.dumps(content).encode()).decode()


def socket_of(command, pid):
    variable = {"lxc": "LXD_DIR", "incus": "INCUS_DIR"}[command]
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    directory = next(line for line in environment if line.startswith(f"{variable}=".encode()))
    return directory.partition(b"=")[2].decode() + "/unix.socket"


@contextmanager
def serving(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Quiet(http.server.BaseHTTPRequestHandler):
    """What is there instead of a daemon: some web server."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<h1>It works!</h1>")

    def log_message(self, *_arguments):
        pass


@contextmanager
def http_server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    with serving(server):
        yield f"https://127.0.0.1:{server.server_port}"


@dataclass
class TlsServer:
    addr: str
    pem: str
    fingerprint: str


@contextmanager
def tls_server(directory, days=10):
    """A web server with a certificate of its own, good for so many days."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody else")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    form = serialization.PrivateFormat.PKCS8
    both = directory / f"{uuid.uuid4().hex}.pem"
    both.write_bytes(pem.encode() + key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with serving(server):
        yield TlsServer(f"https://127.0.0.1:{server.server_port}", pem, certificate.fingerprint(hashes.SHA256()).hex())


@contextmanager
def proxy(addr, connections):
    """A way to the server that lets so many connections through, and hangs up on the ones after."""
    host, port = addr.removeprefix("https://").split(":")
    listener = socket.create_server(("127.0.0.1", 0))
    left = [connections]

    def pump(source, sink):
        with source, sink:
            try:
                while data := source.recv(65536):
                    sink.sendall(data)
            except OSError:
                pass

    def accept():
        while True:
            try:
                near, _address = listener.accept()
            except OSError:
                return
            if not left[0]:
                near.close()
                continue
            left[0] -= 1
            far = socket.create_connection((host, int(port)))
            for pair in ((near, far), (far, near)):
                threading.Thread(target=pump, args=[one.dup() for one in pair], daemon=True).start()
            near.close()
            far.close()

    threading.Thread(target=accept, daemon=True).start()
    yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()
