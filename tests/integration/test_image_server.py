# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role image_server in containers of both kinds of daemon, and daemons of both kinds that have images from there."""

from __future__ import annotations

import functools
import hashlib
import http.client
import io
import json
import os
import random
import shutil
import ssl
import subprocess
import tarfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from image_files import sha256

COMMANDS = {"lxd-a": "lxc", "incus-a": "incus"}
# Each daemon has its images from a server that the other kind runs.
SERVED_BY = {"lxd-a": "incus-a", "incus-a": "lxd-a"}
CONFIGURATIONS = {"lxd-a": "LXD_CONF", "incus-a": "INCUS_CONF"}
ROOT = "/srv/images"


def call(*command, environment=None, check=True):
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **(environment or {})},
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass
class Images:
    """The lab's busybox in files, each of them another image: split ones by number, and a unified one."""

    directory: Path
    exported: Path
    date: int

    def metadata(self, number: int) -> bytes:
        content = yaml.safe_load(self._member("metadata.yaml"))
        return yaml.safe_dump({**content, "creation_date": self.date + 3600 * number}).encode()

    def split(self, number: int) -> tuple[str, str]:
        path = self.directory / f"metadata-{number}.tar.gz"
        if not path.exists():
            with tarfile.open(path, "w:gz") as tar:
                self._add_metadata(tar, number)
        return str(path), str(self._rootfs)

    @functools.cached_property
    def unified(self) -> str:
        path = self.directory / "unified.tar.gz"
        with tarfile.open(path, "w:gz") as tar, tarfile.open(self._rootfs) as rootfs:
            self._add_metadata(tar, 0)
            for member in rootfs:
                content = rootfs.extractfile(member) if member.isreg() else None
                member.name = os.path.normpath(f"rootfs/{member.name}")
                if member.islnk():
                    member.linkname = os.path.normpath(f"rootfs/{member.linkname}")
                tar.addfile(member, content)
        return str(path)

    @property
    def _rootfs(self) -> Path:
        return max(self.exported.iterdir(), key=lambda path: path.stat().st_size)

    @property
    def _metadata(self) -> Path:
        return min(self.exported.iterdir(), key=lambda path: path.stat().st_size)

    def _member(self, name: str) -> bytes:
        with tarfile.open(self._metadata) as tar:
            return tar.extractfile(next(one for one in tar if os.path.normpath(one.name) == name)).read()

    def _add_metadata(self, tar: tarfile.TarFile, number: int) -> None:
        content = self.metadata(number)
        member = tarfile.TarInfo("metadata.yaml")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
        with tarfile.open(self._metadata) as old:
            for other in old:
                if "templates" in other.name:
                    tar.addfile(other, old.extractfile(other) if other.isreg() else None)


@dataclass
class Servers:
    """A container on each remote, set up by the role, and what it serves."""

    name: str
    images: Images
    directory: Path
    # Another one each time: daemons remember for an hour what a URL had, and addresses come again.
    port: int = field(default_factory=lambda: random.randrange(20000, 60000))
    addresses: dict[str, str] = field(default_factory=dict)
    runs: dict[str, object] = field(default_factory=dict)

    @property
    def certificate(self) -> Path:
        return self.directory / "web.crt"

    @property
    def key(self) -> Path:
        return self.directory / "web.key"

    def url(self, remote: str) -> str:
        return f"https://{self.addresses[remote]}:{self.port}"

    def make_certificate(self) -> None:
        names = ",".join(["DNS:images.example", *(f"IP:{address}" for address in self.addresses.values())])
        subject = ["-subj", "/CN=images.example", "-addext", f"subjectAltName={names}", "-days", "1"]
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject]
        call(*command, "-out", str(self.certificate), "-keyout", str(self.key))

    def ask(self, remote: str, method: str, path: str) -> http.client.HTTPResponse:
        """Over verified HTTPS. The answer's body is in ``content``."""
        context = ssl.create_default_context(cafile=self.certificate)
        connection = http.client.HTTPSConnection(self.addresses[remote], self.port, context=context, timeout=10)
        connection.request(method, path)
        answer = connection.getresponse()
        answer.content = answer.read()
        connection.close()
        return answer

    def products(self, remote: str) -> dict:
        return json.loads(self.ask(remote, "GET", "/streams/v1/images.json").content)["products"]

    def files(self, remote: str) -> set[str]:
        listed = call(COMMANDS[remote], "exec", f"{remote}:{self.name}", "--", "find", f"{ROOT}/images", "-type", "f")
        return {path.removeprefix(f"{ROOT}/") for path in listed.split()}


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Not set up yet: that is up to the first test that asks for ``served``."""
    directory = tmp_path_factory.mktemp("image-server")
    (directory / "exported").mkdir()
    call("lxc", "image", "export", "lxd-a:busybox", f"{directory}/exported/image")
    images = Images(directory, directory / "exported", int(time.time()) - uuid.uuid4().int % 10**8)
    made = Servers(f"t-{uuid.uuid4().hex[:8]}", images, directory)
    yield made
    for remote, command in COMMANDS.items():
        call(command, "delete", "--force", f"{remote}:{made.name}", check=False)


@pytest.fixture
def role(servers, playbook):
    """Run the role on the servers of some remotes; return the Run."""

    def run(*arguments, number=1, remotes=tuple(COMMANDS), image=None, fails=False, **variables):
        file, rootfs = servers.images.split(number)
        source = {"image": image} if image else {"file": file, "rootfs": rootfs}
        aliases = [servers.name, f"{servers.name}/split"]
        split = {"os": "Test", "release": "split", "aliases": aliases, "keep": 1, **source}
        unified = {"os": "Test", "release": "unified", "file": servers.images.unified, "static_path": "get/busybox"}
        play = {
            "hosts": "all",
            "gather_facts": False,
            "roles": ["flotilla.lxd.image_server"],
            "vars": {
                "ansible_connection": "flotilla.lxd.exec",
                "ansible_flotilla_container": servers.name,
                "ansible_python_interpreter": "/usr/bin/python3",
                "ansible_pipelining": True,
                "image_server_images": [split, unified],
                "image_server_port": servers.port,
                "image_server_certificate": str(servers.certificate),
                "image_server_certificate_key": str(servers.key),
                **variables,
            },
        }
        inventory = servers.directory / "inventory.yml"
        hosts = {remote: {"ansible_flotilla_remote": remote} for remote in remotes}
        inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
        return playbook([play], *arguments, inventory=inventory, fails=fails)

    return run


@pytest.fixture
def served(servers, role, playbook):
    """The servers, once the role has run on them: in check mode, for real, and again."""
    if not servers.runs:
        container = {"name": servers.name, "image": "debian/12", "wait_for": ["ipv4", "systemd"]}
        task = {"name": "make", "flotilla.lxd.container": {"remote": "{{ inventory_hostname }}", **container}}
        local = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        play = {"hosts": "all", "gather_facts": False, "vars": local, "tasks": [task]}
        made = playbook([play], inventory=",".join(COMMANDS))
        servers.addresses = {entry["host"]: entry["result"]["addresses"]["ipv4"][0] for entry in made.tasks}
        servers.make_certificate()
        servers.runs = {"check": role("--check"), "first": role(), "again": role("--diff")}
    return servers


@pytest.fixture
def store(remote, served, local_tasks, tmp_path, command_line):
    """Run tasks on the remote with the image server of the other kind known as ``streams``; return the Run.

    Images by the test's name are removed afterwards.
    """
    variable = CONFIGURATIONS[remote]
    directory = tmp_path / "conf"
    shutil.copytree(os.environ[variable], directory)
    content = yaml.safe_load((directory / "config.yml").read_text())
    content["remotes"]["streams"] = {
        "addr": served.url(SERVED_BY[remote]),
        "protocol": "simplestreams",
        "public": True,
    }
    (directory / "config.yml").write_text(yaml.safe_dump(content))
    shutil.copy(served.certificate, directory / "servercerts" / "streams.crt")
    yield functools.partial(local_tasks, environment={variable: str(directory)})
    for each in json.loads(command_line(remote, "image", "list", f"{remote}:", "--format=json")):
        if any(alias["name"].startswith(served.name) for alias in each["aliases"]):
            command_line(remote, "image", "delete", f"{remote}:{each['fingerprint']}")


def changed(run):
    """What each host's tasks changed, by the host."""
    return {
        host: [entry["task"] for entry in run.tasks if entry["host"] == host and entry["result"].get("changed")]
        for host in COMMANDS
    }


def test_a_second_run_changes_nothing(served):
    # In check mode on a host with nothing on it, all that is foreseen is foreseen.
    for tasks in changed(served.runs["check"]).values():
        assert [name.rpartition(" : ")[2] for name in tasks] == [
            "Foresee that nginx is installed",
            *["Put it into the tree"] * 2,
        ]
    assert all("Copy the files there" in " ".join(tasks) for tasks in changed(served.runs["first"]).values())
    assert changed(served.runs["again"]) == {remote: [] for remote in COMMANDS}
    assert not any("Copy the files" in entry["task"] for entry in served.runs["again"].tasks)


@pytest.mark.parametrize("server", sorted(COMMANDS))
def test_https_and_nothing_else(served, server):
    address = served.addresses[server]
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection(address, 80, timeout=10).request("GET", "/")
    plain = http.client.HTTPConnection(address, served.port, timeout=10)
    plain.request("GET", "/streams/v1/index.json")
    assert plain.getresponse().status == 400
    strict = http.client.HTTPSConnection(address, served.port, context=ssl.create_default_context(), timeout=10)
    with pytest.raises(ssl.SSLCertVerificationError):
        strict.request("GET", "/")
    assert served.ask(server, "GET", "/").status in (403, 404)
    assert served.ask(server, "GET", "/images/.x").status == 404
    key = "/etc/nginx/image-server.key"
    assert call(COMMANDS[server], "exec", f"{server}:{served.name}", "--", "stat", "-c%a", key) == "600\n"
    secret = served.key.read_text().splitlines()[1]
    assert all(secret not in run.text and secret not in json.dumps(run.tasks) for run in served.runs.values())


@pytest.mark.parametrize("server", sorted(COMMANDS))
def test_what_is_served_adds_up(served, server):
    named = {
        item["path"]: item
        for product in served.products(server).values()
        for version in product["versions"].values()
        for item in version["items"].values()
    }
    assert set(named) == served.files(server) and len(named) == 3
    for path, item in named.items():
        content = served.ask(server, "GET", f"/{path}").content
        assert (len(content), hashlib.sha256(content).hexdigest()) == (item["size"], item["sha256"])


@pytest.mark.parametrize("server", sorted(COMMANDS))
def test_static_path(served, server):
    """What ``lxc image import https://HOST/PATH`` goes by."""
    for method in ("HEAD", "GET"):
        answer = served.ask(server, method, "/get/busybox")
        assert answer.status == 200
        url = answer.getheader("LXD-Image-URL")
        assert (
            answer.getheader("LXD-Image-Hash") == answer.getheader("Incus-Image-Hash") == sha256(served.images.unified)
        )
        assert answer.getheader("Incus-Image-URL") == url and url.startswith(f"{served.url(server)}/images/")
    image = served.ask(server, "GET", url.removeprefix(served.url(server))).content
    assert hashlib.sha256(image).hexdigest() == sha256(served.images.unified)


def test_a_unified_image_is_copied_and_runs(remote, served, store, name):
    container = {"remote": remote, "name": name, "image": "streams:test/unified", "wait_for": ["ipv4"]}
    run = store([{"name": "boot", "flotilla.lxd.container": container}])
    fingerprint = run.result("boot")["container"]["config"]["volatile.base_image"]
    assert fingerprint == sha256(served.images.unified)
    call(COMMANDS[remote], "image", "delete", f"{remote}:{fingerprint}", check=False)


@pytest.fixture
def source_of_the_new(remote, servers, name, command_line):
    """Image number 2 in the store of a daemon, from where the role is to get it."""
    there = {"lxd-a": "incus-b", "incus-a": "lxd-b"}[remote]
    command_line(there, "image", "import", *servers.images.split(2), f"{there}:", "--alias", name)
    yield f"{there}:{name}"
    command_line(there, "image", "delete", f"{there}:{name}")


def test_a_daemon_follows_a_new_version(remote, served, store, name, role, command_line, source_of_the_new):
    alias, server = f"{served.name}/split", SERVED_BY[remote]
    image = {"remote": remote, "name": f"{served.name}/copy", "source": f"streams:{alias}", "auto_update": True}
    container = {"remote": remote, "image": f"{served.name}/copy", "wait_for": ["ipv4"]}
    run = store(
        [
            {"name": "copy", "flotilla.lxd.image": image},
            {"name": "old", "flotilla.lxd.container": {**container, "name": f"{name}-old"}},
        ]
    )
    old, new = sha256(*served.images.split(1)), sha256(*served.images.split(2))
    assert run.result("copy")["image"]["fingerprint"] == old
    assert run.result("old")["container"]["config"]["volatile.base_image"] == old
    before = served.files(server)

    published = role(remotes=[server], image=source_of_the_new)
    (product,) = [one for one in served.products(server).values() if one["release"] == "split"]
    assert len(product["versions"]) == 1
    after = served.files(server)
    assert len(after) == len(before) == 3 and len(after & before) == 1
    put = [result["actions"] for result in published.results("flotilla.lxd.image_server : Put it into the tree")]
    assert put == [["publish", "prune"], []]

    an_hour_goes_by(remote)
    command_line(remote, "query", "-X", "POST", "--wait", f"{remote}:/1.0/images/{old}/refresh")
    run = store([{"name": "new", "flotilla.lxd.container": {**container, "name": f"{name}-new"}}])
    assert run.result("new")["container"]["config"]["volatile.base_image"] == new


def an_hour_goes_by(remote):
    """Daemons keep what they read of an image server for an hour, by the age of a file."""
    server = json.loads(call(COMMANDS[remote], "query", f"{remote}:/1.0"))
    variable = {"lxd-a": "LXD_DIR", "incus-a": "INCUS_DIR"}[remote]
    environment = Path(f"/proc/{server['environment']['server_pid']}/environ").read_bytes().split(b"\0")
    directory = (
        next(line for line in environment if line.startswith(f"{variable}=".encode())).partition(b"=")[2].decode()
    )
    cached = [path for path in Path(directory, "cache").rglob("*") if path.is_file()]
    assert cached
    for path in cached:
        os.utime(path, (time.time() - 4000,) * 2)


def test_a_certificate_that_is_none_stops_before_nginx_reads_it(served, role):
    other = str(served.directory / "other.key")
    call("openssl", "genrsa", "-out", other, "2048")
    run = role(remotes=["lxd-a"], fails=True, image_server_images=[], image_server_certificate_key=other)
    assert "key values mismatch" in run.text
    assert served.ask("lxd-a", "GET", "/streams/v1/index.json").status == 200
    run = role("--diff", remotes=["lxd-a"])
    assert "Reload nginx" in run.text
    assert served.key.read_text().splitlines()[1] not in run.text
    assert served.ask("lxd-a", "HEAD", "/get/busybox").status == 200


def test_a_public_server(remote, servers, name, command_line, tmp_path, local_tasks):
    """A daemon as image server, for a client and a daemon it does not trust."""
    other = {"lxd-a": "lxd-b", "incus-a": "incus-b"}[remote]
    environment = {"LXD_CONF": str(tmp_path / "lxc"), "INCUS_CONF": str(tmp_path / "incus")}
    configuration = environment[CONFIGURATIONS[remote]]
    images = {"public": servers.images.split(3), "private": servers.images.split(4)}
    servers_of = yaml.safe_load(Path(os.environ[CONFIGURATIONS[remote]], "config.yml").read_text())["remotes"]
    certificates = {
        one: str(Path(os.environ[CONFIGURATIONS[remote]], "servercerts", f"{one}.crt")) for one in (remote, other)
    }
    try:
        local_tasks(
            [
                {
                    "name": f"make it {kind}",
                    "flotilla.lxd.image": {
                        "remote": other,
                        "name": f"{name}/{kind}",
                        "file": file,
                        "rootfs": rootfs,
                        "public": kind == "public",
                    },
                }
                for kind, (file, rootfs) in images.items()
            ]
        )
        stranger = {
            "name": "gallery",
            "addr": servers_of[other]["addr"],
            "server_cert": certificates[other],
            "public": True,
        }
        run = local_tasks(
            [
                {"name": "know it", "flotilla.lxd.remote": stranger},
                {"name": "see", "flotilla.lxd.image_info": {"remote": "gallery"}},
                *(
                    {"name": kind, "flotilla.lxd.image_info": {"remote": "gallery", "name": f"{name}/{kind}"}}
                    for kind in images
                ),
                {
                    "name": "by fingerprint",
                    "flotilla.lxd.image_info": {"remote": "gallery", "name": sha256(*images["private"])},
                },
            ],
            environment=environment,
        )
        assert not Path(configuration, "client.key").exists()
        seen = {image["fingerprint"] for image in run.result("see")["images"]}
        assert sha256(*images["public"]) in seen and sha256(*images["private"]) not in seen
        assert len(run.result("public")["images"]) == 1
        assert run.result("private")["images"] == run.result("by fingerprint")["images"] == []

        # Another daemon launches from there: our client is trusted by that one, and nobody by the public one.
        token = call(COMMANDS[remote], *token_arguments(remote, name), environment={"LXC_REMOTE": remote}).split()[-1]
        own = {"name": "own", "token": token, "client_config": COMMANDS[remote]}
        container = {"remote": "own", "name": name, "wait_for": ["ipv4"]}
        run = local_tasks(
            [
                {"name": "own", "flotilla.lxd.remote": own},
                {"name": "public", "flotilla.lxd.container": {**container, "image": f"gallery:{name}/public"}},
                {
                    "name": "private",
                    "flotilla.lxd.container": {**container, "name": f"{name}-x", "image": f"gallery:{name}/private"},
                },
            ],
            environment=environment,
            fails=True,
        )
        assert run.result("public")["container"]["config"]["volatile.base_image"] == sha256(*images["public"])
        assert run.result("private")["failed"] and "gallery" in run.result("private")["msg"]
    finally:
        for paths in images.values():
            for one in (remote, other):
                command_line(one, "image", "delete", f"{one}:{sha256(*paths)}", check=False)
        for trusted in json.loads(call(COMMANDS[remote], "config", "trust", "list", f"{remote}:", "--format=json")):
            if trusted["name"] == name:
                command_line(remote, "config", "trust", "remove", f"{remote}:{trusted['fingerprint'][:12]}")


def token_arguments(remote, name):
    if remote == "lxd-a":
        return ["config", "trust", "add", "--name", name]
    return ["config", "trust", "add", f"{remote}:{name}"]
