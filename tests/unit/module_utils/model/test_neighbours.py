# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on a server beside a model, and in its way."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from fake_server import FakeServer, error, sync

from ansible_collections.flotilla.lxd.plugins.module_utils._api.client import Client
from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._api.transport import Transport, UnixAddress
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.limits import Limits
from ansible_collections.flotilla.lxd.plugins.module_utils._model.growth import NewContainer
from ansible_collections.flotilla.lxd.plugins.module_utils._model.neighbours import Neighbours, objection

NIC = {"type": "nic", "network": "br0"}
TAKEN = "container t5-a-b-0 is to be made on network br0, where one of project t5 is called t5-a-b-0"


@pytest.mark.parametrize(
    ("model", "foreign", "expected"),
    [
        ("web", [], ""),
        ("default", [], "remote one: a model called default would be in the project of that name"),
        ("web", ["a", "b"], "remote one: project web is there already and has containers of somebody else, a, b: give"),
        ("web", list("abcdefg"), "of somebody else, a, b, c, d, e and 2 more: give"),
    ],
)
def test_projects_that_a_model_should_not_take_up(model, foreign, expected):
    found = objection(model, "one", foreign)
    assert expected in found and bool(found) == bool(expected)


class Site:
    """A server with containers, by project and name, and the model t5-a that is to be on it."""

    def __init__(self, tmp_path):
        self.instances = {}
        self.profile = {"eth0": NIC}
        self.sees_all = True
        self.managed = True
        self.fake = FakeServer.on_unix_socket(tmp_path / "s", self._answer)
        self._transport = Transport("one", UnixAddress(str(tmp_path / "s")))

    def client(self, _remote):
        return Client(self._transport, project="t5-a")

    def _answer(self, request):
        url = urlsplit(request.path)
        kind, *name = url.path.removeprefix("/1.0/").split("/")
        query = parse_qs(url.query)
        project = query.get("project", ["default"])[0]
        if kind == "instances" and not name:
            if "all-projects" in query and not self.sees_all:
                return error(403, "not authorized")
            there = [each for each in self.instances if "all-projects" in query or each[0] == project]
            return sync([f"/1.0/instances/{name}?project={of}" for of, name in there])
        if kind == "instances":
            return sync(self.instances[project, name[0]])
        if kind == "profiles":
            return sync({"devices": self.profile}) if project == "default" else error(404, "no project")
        return sync({"managed": self.managed} if kind == "networks" else {"api_extensions": ["projects"]})

    def check(self, *, there=frozenset(), target=""):
        new = NewContainer("t5-a-b-0", "0", "one", target, "", Limits())
        Neighbours(self, there, ["default"]).require_free_names([new])


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    yield site
    site.fake.stop()


def container(*nics, location="none"):
    return {"location": location, "expanded_devices": {f"eth{number}": nic for number, nic in enumerate(nics)}}


@pytest.mark.parametrize("nic", [NIC, {"type": "nic", "nictype": "bridged", "parent": "br0"}])
def test_a_name_that_is_taken_on_the_network(site, nic):
    site.instances = {("t5", "t5-a-b-0"): container(nic), ("default", "other"): container(NIC)}
    with pytest.raises(InvalidInput, match=f"remote one: {TAKEN}.*Give the model another name"):
        site.check()
    # Of two servers that differ in nothing but case, the names are the same too.
    site.instances = {("t5", "T5-a-b-0"): container(nic)}
    with pytest.raises(InvalidInput, match="one of project t5 is called T5-a-b-0"):
        site.check()


def test_the_same_name_where_it_is_in_nobodys_way(site):
    site.check()
    for others in (container(), container({**NIC, "network": "br1"}), container({"type": "disk", "network": "br0"})):
        site.instances = {("t5", "t5-a-b-0"): others}
        site.check()
    site.instances = {("t5", "t5-a-b-0"): container(NIC, location="west")}
    site.check(target="east")
    for target in ("west", ""):
        with pytest.raises(InvalidInput, match=TAKEN):
            site.check(target=target)
    # The server minds only the bridges that it manages.
    plain = {"type": "nic", "nictype": "bridged", "parent": "br0"}
    site.profile, site.managed = {"eth0": plain}, False
    site.instances = {("t5", "t5-a-b-0"): container(plain)}
    site.check()


def test_who_sees_one_project_only(site):
    site.sees_all = False
    site.instances = {("t5", "t5-a-b-0"): container(NIC)}
    site.check()
    site.instances = {("t5-a", "t5-a-b-0"): container(NIC)}
    with pytest.raises(InvalidInput, match="project t5-a has containers already that are not of the model: t5-a-b-0"):
        site.check(there=frozenset(["one"]))
