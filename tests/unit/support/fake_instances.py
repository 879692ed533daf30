# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two servers in memory, as far as a migration talks to them, and transports that fail at the request one chooses.

What a container holds is a number that grows whenever it runs. So a lost write, a stale copy and a half are all seen as
numbers that are not what they should be.
"""

from __future__ import annotations

import io
import json
import tarfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPMessage
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ansible_collections.flotilla.lxd.plugins.module_utils._api.client import Client
from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import FlotillaError, Unreachable
from ansible_collections.flotilla.lxd.plugins.module_utils._api.transport import Response, TlsAddress

CODES = {"Stopped": 102, "Running": 103, "Frozen": 110}


class Killed(BaseException):
    """The process that runs the module is gone: nothing it would still have done is done."""


@dataclass
class Fault:
    """At the request of this number (from 0), before or after it has been carried out; once, or from then on."""

    at: int
    kind: str  # lost: the request does not arrive; deaf: its answer does not; refused: 500; killed
    lasting_on: str | None = None


@dataclass
class Instance:
    content: dict[str, Any]
    data: int
    complete: bool = True
    snapshots: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Server:
    name: str
    world: World
    instances: dict[str, Instance] = field(default_factory=dict)
    operations: dict[str, dict[str, Any]] = field(default_factory=dict)
    profiles: list[str] = field(default_factory=lambda: ["default"])
    images: dict[str, dict[str, Any]] = field(default_factory=dict)

    def client(self) -> Client:
        return Client(_Transport(self))


class World:
    """fate: what becomes of a transfer that nobody waits for: it finishes, reverts (the server removes the half), or stays
    a half, as when the daemon dies.
    """

    def __init__(self, fate: str = "finishes") -> None:
        self.a, self.b = Server("a", self), Server("b", self)
        self.fate = fate
        self.fault: Fault | None = None
        self.count = 0
        self.log: list[str] = []
        self.transfers: dict[str, tuple[Server, str]] = {}
        # What the active side of a way says that does not work; met: what both say when the transfer itself fails.
        self.failures: dict[str, str] = {}

    def add(self, server: Server, name: str, status: str = "Running", **fields: Any) -> Instance:
        content = {
            "name": name,
            "status": status,
            "status_code": CODES[status],
            "architecture": "x86_64",
            "config": {"user.x": "1", "boot.autostart": "true", "volatile.eth0.hwaddr": "00:16:3e:00:00:01"},
            "devices": {},
            "profiles": ["default"],
            "description": "",
            "ephemeral": False,
            "stateful": False,
            "type": "container",
            **fields,
        }
        snapshot = {
            "name": "s0",
            "config": {"user.x": "0"},
            "devices": {},
            "profiles": ["default"],
            "created_at": "2026",
        }
        server.instances[name] = Instance(content, 1, snapshots=[snapshot])
        return server.instances[name]

    def settle(self) -> None:
        """What goes on in the servers while no client looks."""
        for server in (self.a, self.b):
            for number in list(server.operations):
                operation = server.operations.pop(number)
                _conclude(server, operation, self.fate)

    def restart(self) -> None:
        """Both machines go down and come up again."""
        for server in (self.a, self.b):
            for one in server.instances.values():
                if one.content["config"].get("boot.autostart") == "true" and one.content["status"] == "Stopped":
                    change_state(one, "start")

    def serve(self, server: Server, method: str, path: str, payload: Any) -> tuple[int, Any]:
        fault, number = self.fault, self.count
        self.count += 1
        self.log.append(f"{number} {server.name} {method} {path.partition('?')[0]}")
        if fault and (number == fault.at or (number > fault.at and fault.lasting_on == server.name)):
            if fault.kind == "killed":
                raise Killed
            if fault.kind == "refused":
                return 500, "it is broken"
            if fault.kind == "deaf" and number == fault.at:
                _answer(server, method, path, payload)
                self.require_a_whole()
            raise Unreachable(server.name, "the line was cut")
        answer = _answer(server, method, path, payload)
        self.require_a_whole()
        return answer

    def require_a_whole(self) -> None:
        """At all times there is a complete container, with the newest content."""
        there = [one for server in (self.a, self.b) for one in server.instances.values()]
        assert any(one.complete for one in there), self.log
        assert max(one.data for one in there if one.complete) == max(one.data for one in there), self.log


class _Transport:
    """What the client sends through: the world, in place of a socket."""

    request_seconds = 60.0

    def __init__(self, server: Server) -> None:
        self._server = server
        self.remote = server.name
        self.address = TlsAddress(f"{server.name}.example", 8443)

    def request(self, method, path, *, body=None, headers=None, deadline=None) -> Response:
        is_stream = (headers or {}).get("Content-Type") == "application/octet-stream"
        payload = body if is_stream else json.loads(body) if body else None
        status, content = self._server.world.serve(self._server, method, path, payload)
        headers_out = HTTPMessage()
        if status >= 400:
            answer = {"type": "error", "error_code": status, "error": content}
        elif status == 202:
            answer = {"type": "async", "metadata": content}
        else:
            answer = {"type": "sync", "metadata": content}
            headers_out["ETag"] = "etag"
        return Response(status, headers_out, json.dumps(answer).encode())

    def connect(self, deadline):
        raise Unreachable(self.remote, "there are no websockets here")


def _answer(server: Server, method: str, url: str, payload: Any) -> tuple[int, Any]:
    parts = urlsplit(url).path.strip("/").split("/")[1:]
    if not parts:
        return 200, _about(server)
    if parts[0] == "operations":
        return _operations(server, method, parts[1:])
    if parts[0] == "images":
        return _images(server, method, parts[1:], payload)
    if parts[0] == "instances":
        return _instances(server, method, parts[1:], payload)
    listing = {
        "profiles": [
            {"name": name, "devices": {"root": {"type": "disk", "path": "/", "pool": "default"}}}
            for name in server.profiles
        ],
        "networks": [],
        "storage-pools": [{"name": "default"}, {"name": "fast"}],
    }
    if parts[0] == "storage-pools" and len(parts) > 1:
        return 200, {"space": {"used": 1, "total": 10**9}}
    assert method == "GET" and parse_qs(urlsplit(url).query).get("recursion") == ["1"], url
    return 200, listing[parts[0]]


def _about(server: Server) -> dict[str, Any]:
    return {
        "auth": "trusted",
        "api_extensions": [],
        "environment": {
            "server": "lxd",
            "certificate_fingerprint": f"print-{server.name}",
            "certificate": "",
            "architectures": ["x86_64"],
            "addresses": [],
        },
    }


def _operations(server: Server, method: str, rest: list[str]) -> tuple[int, Any]:
    if not rest:
        return 200, {"running": [_public(one) for one in server.operations.values()]}
    operation = server.operations.get(rest[0])
    if operation is None:
        return 404, "there is no such operation"
    if method == "DELETE":
        server.operations.pop(rest[0])
        _conclude(server, operation, "reverts")
        return 200, {}
    if rest[-1] == "wait":
        if operation.get("waits"):
            return 200, _public(operation)  # Nobody has come yet.
        server.operations.pop(rest[0])
        if operation["status_code"] < 200:
            _conclude(server, operation, "finishes")
            operation["status_code"] = 200
    return 200, _public(operation)


def _images(server: Server, method: str, rest: list[str], payload: Any) -> tuple[int, Any]:
    """An image is made of a stream, whose file ``rootfs/data`` has the number."""
    if method == "GET":
        return 200, list(server.images.values())
    if method == "DELETE":
        server.images.pop(rest[0])
        return 200, {}
    with tarfile.open(fileobj=io.BytesIO(b"".join(payload))) as tar:
        metadata, data = (json.load(tar.extractfile(name)) for name in ("metadata.yaml", "rootfs/data"))
    fingerprint = uuid.uuid4().hex
    image = {"fingerprint": fingerprint, "properties": metadata["properties"], "data": data}

    def act(fate: str) -> None:
        if fate == "finishes":
            server.images[fingerprint] = image

    return _begin(server, act, "", metadata={"fingerprint": fingerprint})


def _public(operation: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in operation.items() if key not in ("act", "sent")}


def _begin(server: Server, act: Any, name: str, **fields: Any) -> tuple[int, Any]:
    number = uuid.uuid4().hex
    resources = {"instances": [f"/1.0/instances/{name}"]}
    server.operations[number] = {
        "id": number,
        "status_code": 103,
        "metadata": {},
        "resources": resources,
        "act": act,
        **fields,
    }
    content = _public(server.operations[number])
    if content["status_code"] >= 400:
        server.operations.pop(number)
    return 202, content


def _conclude(server: Server, operation: dict[str, Any], fate: str) -> None:
    operation["act"](fate)


def _instances(server: Server, method: str, rest: list[str], payload: Any) -> tuple[int, Any]:
    if not rest:
        if method == "GET":
            return 200, [one.content for one in server.instances.values()]
        return _create(server, payload)
    there = server.instances.get(rest[0])
    if there is None:
        return 404, "there is no such instance"
    if rest[1:] == ["snapshots"]:
        return 200, [*there.snapshots]
    if rest[1:2] == ["snapshots"]:
        assert method == "DELETE"
        there.snapshots = [one for one in there.snapshots if one["name"] != rest[2]]
        return 200, {}
    if rest[1:] == ["state"]:
        if method == "GET":
            return 200, {"status": there.content["status"], "status_code": there.content["status_code"], "disk": {}}
        return _begin(server, lambda _fate: change_state(there, payload["action"]), rest[0])
    if method == "GET":
        root = {"root": {"type": "disk", "path": "/", "pool": "default"}}
        return 200, {**there.content, "expanded_devices": {**root, **there.content["devices"]}}
    if method == "PATCH":
        config = {**there.content["config"], **payload["config"]}
        there.content["config"] = {key: value for key, value in config.items() if value != ""}
        return 200, {}
    if method == "PUT":
        there.content.update({key: value for key, value in payload.items() if key != "stateful"})
        return _begin(server, lambda _fate: None, rest[0])
    if method == "DELETE":
        if there.content["status"] != "Stopped" or server.operations:
            return 400, "it runs, or is busy"
        return _begin(server, lambda _fate: server.instances.pop(rest[0], None), rest[0])
    if not payload.get("migration"):
        return _rename(server, rest[0], payload["name"])
    return _push(server, rest[0], payload["target"]) if "target" in payload else _offer(server, rest[0])


def _rename(server: Server, name: str, wanted: str) -> tuple[int, Any]:
    if wanted in server.instances or server.instances[name].content["status"] != "Stopped":
        return 400, "the name is taken, or it runs"
    server.instances[wanted] = server.instances.pop(name)
    server.instances[wanted].content["name"] = wanted
    return _begin(server, lambda _fate: None, wanted)


def change_state(there: Instance, action: str) -> None:
    assert there.complete or action == "stop", "a half was started"
    status = {"start": "Running", "stop": "Stopped", "freeze": "Frozen", "unfreeze": "Running"}[action]
    if action == "start":
        there.data += 1
    there.content.update(status=status, status_code=CODES[status])


def _offer(server: Server, name: str) -> tuple[int, Any]:
    secrets = {"control": "secret"}
    status, content = _begin(server, lambda _fate: None, name, waits=True, metadata=secrets)
    server.world.transfers[content["id"]] = (server, name)
    return status, content


def _create(server: Server, payload: Any) -> tuple[int, Any]:
    name, source = payload["name"], payload["source"]
    if name in server.instances and not source.get("refresh"):
        return 400, "there is an instance of that name"
    if source["type"] == "copy":
        return _receive(server, payload, server.instances[source["source"]])
    if source["type"] == "image":
        image = server.images.get(source["fingerprint"])
        return _receive(server, payload, Instance({}, image["data"])) if image else (404, "there is no such image")
    if source["mode"] == "push":
        # It is created when the operation is, and filled by the source.
        return _receive(server, payload, None, metadata={"control": "secret"}, waits=True)
    number = source["operation"].rpartition("/")[2]
    origin, origin_name = server.world.transfers[number]
    if "pull" in server.world.failures:
        return _failed(server, name, server.world.failures["pull"])
    origin.operations.get(number, {})["waits"] = False
    if "met" in server.world.failures:
        origin.operations[number].update(status_code=400, err="it was called off by the other side")
        return _failed(server, name, server.world.failures["met"])
    return _receive(server, payload, origin.instances[origin_name])


def _failed(server: Server, name: str, text: str) -> tuple[int, Any]:
    return _begin(server, lambda _fate: None, name, status_code=400, err=text)


def _push(server: Server, name: str, target: Any) -> tuple[int, Any]:
    if "push" in server.world.failures:
        return _failed(server, name, server.world.failures["push"])
    number = target["operation"].rpartition("/")[2]
    other = server.world.b if server is server.world.a else server.world.a
    waiting = other.operations.get(number)
    if waiting is None:
        return _begin(server, lambda _fate: None, name)
    waiting["sent"].append(server.instances[name])
    waiting["waits"] = False
    return _begin(server, lambda _fate: None, name)


def _missing(there: Instance, sent: Instance) -> list[dict[str, Any]]:
    """The snapshots that are sent: those of which the target has none of that name."""
    names = {one["name"] for one in there.snapshots}
    return [dict(one) for one in sent.snapshots if one["name"] not in names]


def _receive(server: Server, payload: Any, sent: Instance | None, **fields: Any) -> tuple[int, Any]:
    name, refresh = payload["name"], payload["source"].get("refresh")
    arriving = [sent] if sent else []
    if not refresh:
        content = {key: value for key, value in payload.items() if key != "source"}
        content.update(status="Stopped", status_code=102, stateful=False)
        server.instances[name] = Instance(content, 0, complete=False)
    there = server.instances[name]
    there.complete = False

    def act(fate: str) -> None:
        if fate == "finishes" and arriving:
            there.data, there.complete = arriving[0].data, True
            there.snapshots += _missing(there, arriving[0])
            if payload["source"].get("live"):
                change_state(arriving[0], "stop")
                change_state(there, "start")
        elif fate != "stays" and not refresh:
            server.instances.pop(name, None)
        elif fate == "stays" and arriving:
            there.snapshots += [{**one, "half": True} for one in _missing(there, arriving[0])]

    return _begin(server, act, name, sent=arriving, **fields)


def what_it_says(world: Any, fault: Fault, run: Callable[[], object]) -> str:
    """The error of a run that meets the fault; empty if it is killed, or does not mind. world: one that serves faults."""
    world.fault = fault
    try:
        run()
    except Killed:
        return ""
    except FlotillaError as error:
        return str(error)
    finally:
        world.fault = None
    return ""
