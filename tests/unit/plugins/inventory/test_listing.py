# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from email.message import Message
from urllib.parse import parse_qsl, urlsplit

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.client import Client
from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import NotFound
from ansible_collections.flotilla.lxd.plugins.module_utils._api.transport import Response
from ansible_collections.flotilla.lxd.plugins.plugin_utils._inventory import listing
from ansible_collections.flotilla.lxd.plugins.plugin_utils._inventory.sources import ALL_PROJECTS, Source


class Server:
    """A transport to a server with these instances by project."""

    remote = "lxd-a"

    def __init__(self, projects):
        self.projects = projects
        self.requests = []

    def request(self, method, url, **_ignored):
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query))
        self.requests.append((f"{method} {parts.path}", query))
        if parts.path == "/1.0/instances":
            if query.get("all-projects"):
                return self.say(200, [one for each in self.projects.values() for one in each])
            return self.say(200, self.projects.get(query.get("project", "default"), []))
        project = parts.path.rpartition("/")[2]
        return self.say(200, {}) if project in self.projects else self.say(404, None, "Project not found")

    def say(self, status, metadata, error=""):
        content = {"type": "error" if error else "sync", "metadata": metadata, "error": error, "error_code": status}
        return Response(status, Message(), json.dumps(content).encode())

    def close(self):
        self.requests.append("closed")


@pytest.fixture
def ask(monkeypatch, instance):
    """List a source of a server; return the names listed and the requests that took."""
    projects = {
        "default": [instance(name="b"), instance(name="a")],
        "shop": [instance(name="c", project="shop")],
        "empty": [],
    }

    def run(source, *, configured=None, addresses=True):
        server = Server(projects)
        monkeypatch.setattr(listing, "connect", lambda _access: Client(server, project=configured))
        found = listing.list_instances(source, addresses=addresses, timeout=5)
        assert server.requests.pop() == "closed"
        return found, server.requests

    return run


def names(instances):
    return [one["name"] for one in instances]


def twice(query):
    """What is there, and since it is not all stopped, the addresses."""
    return [("GET /1.0/instances", {"recursion": recursion, **query}) for recursion in ("1", "2")]


def test_no_addresses_are_asked_for_where_all_is_stopped(monkeypatch, instance):
    server = Server({"default": [instance(status="Stopped", status_code=102)]})
    monkeypatch.setattr(listing, "connect", lambda _access: Client(server))
    listing.list_instances(Source("lxd-a"), addresses=True, timeout=5)
    assert [request for request in server.requests if request != "closed"] == [
        ("GET /1.0/instances", {"recursion": "1"})
    ]


def test_the_servers_own_default_project(ask):
    found, requests = ask(Source("lxd-a"))
    assert names(found) == ["a", "b"]
    assert requests == twice({})


def test_the_project_of_the_client_configuration(ask):
    found, requests = ask(Source("lxd-a"), configured="shop")
    assert names(found) == ["c"]
    assert requests == twice({"project": "shop"})


def test_all_projects_at_once(ask):
    found, requests = ask(Source("lxd-a", projects=ALL_PROJECTS), configured="shop")
    assert names(found) == ["a", "b", "c"]
    assert requests == twice({"all-projects": "true"})


def test_a_request_for_each_project_named(ask):
    found, requests = ask(Source("lxd-a", projects=("shop", "default")))
    assert names(found) == ["a", "b", "c"]
    assert [query["project"] for _path, query in requests] == ["shop", "shop", "default", "default"]


def test_a_project_without_containers_is_no_error(ask):
    assert ask(Source("lxd-a", projects=("empty",)))[0] == []


def test_a_project_that_is_not_there_is(ask):
    with pytest.raises(NotFound, match="look for project nope: Project not found"):
        ask(Source("lxd-a", projects=("nope",)))


def test_without_addresses_the_server_looks_up_less(ask):
    _answers, requests = ask(Source("lxd-a"), addresses=False)
    assert requests == [("GET /1.0/instances", {"recursion": "1"})]


def test_only_what_is_read_is_kept(monkeypatch, instance):
    extra = instance(snapshots=[1, 2], state={"network": {}, "disk": {"root": {}}, "processes": 3})
    monkeypatch.setattr(listing, "connect", lambda _access: Client(Server({"default": [extra]})))
    (kept,) = listing.list_instances(Source("lxd-a"), addresses=True, timeout=5)
    assert kept == instance(state={"network": {}})
