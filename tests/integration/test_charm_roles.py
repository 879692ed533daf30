# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The charms in containers of Debian: a page, and an answer from the database, through the proxy; a game that answers."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import mcstatus
import pytest
import yaml

BUNDLES = Path(__file__).parents[2] / "playbooks" / "bundles"
PORT = 18480


@dataclass
class Model:
    """A model of the test's own."""

    remote: str
    playbook: object
    local_tasks: object
    command_line: object
    directory: Path
    name: str = field(default_factory=lambda: f"t-{uuid.uuid4().hex[:6]}")

    def run(self, playbook: str, **variables):
        extra = {"model": self.name, "remotes": [self.remote], **variables}
        return self.playbook(Path(f"flotilla.lxd.{playbook}"), extra=extra)

    def deploy(self, bundle: dict):
        path = self.directory / "bundle.yml"
        path.write_text(yaml.safe_dump(bundle))
        return self.run("deploy", bundle=str(path))

    def units(self) -> dict[str, dict]:
        """By name, subordinates too."""
        task = {"name": "info", "flotilla.lxd.model_info": {"model": self.name, "remotes": [self.remote]}}
        found = {}
        for application in self.local_tasks([task]).result("info")["model"]["applications"].values():
            for name, unit in application.get("units", {}).items():
                found[name] = unit
                found.update(unit.get("subordinates", {}))
        return found

    def forget(self) -> None:
        """Have every unit look as if its role had become another: the next deploy runs it again."""
        for name, unit in self.units().items():
            where = [f"{self.remote}:{unit['container']}", f"user.flotilla.unit.{name.replace('/', '-')}"]
            record = json.loads(self.command_line(self.remote, "config", "get", *where, f"--project={self.name}"))
            record.pop("seen", None)
            text = json.dumps({**record, "installed": "another"}, sort_keys=True, separators=(",", ":"))
            self.command_line(self.remote, "config", "set", *where, text, f"--project={self.name}")

    def fetch(self, path: str, body: dict | None = None) -> str:
        """Through the proxy, by the address of the server that it is on."""
        data = json.dumps(body).encode() if body else None
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", data=data, timeout=30) as answer:
            return answer.read().decode()

    def clear(self) -> None:
        listed = json.loads(self.command_line(self.remote, "project", "list", f"{self.remote}:", "--format=json"))
        if self.name not in [project["name"] for project in listed]:
            return
        project = f"--project={self.name}"
        for one in json.loads(self.command_line(self.remote, "list", f"{self.remote}:", project, "--format=json")):
            self.command_line(self.remote, "delete", "--force", f"{self.remote}:{one['name']}", project)
        self.command_line(self.remote, "project", "delete", f"{self.remote}:{self.name}")


@pytest.fixture
def model(remote, playbook, local_tasks, command_line, tmp_path):
    made = Model(remote, playbook, local_tasks, command_line, tmp_path)
    yield made
    made.clear()


def bundle_of(name):
    return yaml.safe_load((BUNDLES / name).read_text())


def changed(run):
    """What tasks in containers have changed."""
    inside = [entry for entry in run.tasks if entry["host"] != "localhost"]
    return [f"{entry['host']}: {entry['task']}" for entry in inside if entry["result"].get("changed")]


def assert_settled(model, bundle):
    """Nothing is run a second time; and the roles, run once more all the same, find nothing to do."""
    again = model.deploy(bundle)
    assert "changed=0" in again.stdout
    assert again.stdout.count("changed=") == 1
    model.forget()
    run = model.deploy(bundle)
    assert run.stdout.count("changed=") > 1
    assert not changed(run), "\n".join(changed(run))


@pytest.mark.parametrize("remote", ["incus-a"])
def test_a_site_and_its_api_behind_a_proxy(model):
    bundle = bundle_of("web.yml")
    # Exposed, it listens on this machine, whose port 80 may be taken.
    bundle["applications"]["proxy"]["options"] = {"port": PORT}
    model.deploy(bundle)
    units = model.units()
    assert {name: unit["status"] for name, unit in units.items()} == dict.fromkeys(
        ["postgresql/0", "api/0", "api/1", "nginx/0", "website/0", "proxy/0"], "active"
    )
    assert units["proxy/0"]["message"] == "/api/, / over 3 units"
    assert units["proxy/0"]["ports"] == [f"{PORT}/tcp"]
    assert re.fullmatch(r"1\.\d+\.\d+", units["proxy/0"]["version"])

    assert "<title>Web infrastructure in a box</title>" in model.fetch("/")
    (first,) = json.loads(model.fetch("/api/messages"))["messages"]
    assert first["text"] == "Hello from the database"
    written = json.loads(model.fetch("/api/messages", {"text": "kept"}))
    assert written["database"] == "postgresql"

    # What one unit has written, each of them reads.
    answers = [json.loads(model.fetch("/api/messages")) for _time in range(12)]
    assert {answer["unit"] for answer in answers} == {"api/0", "api/1"}
    assert {answer["messages"][0]["text"] for answer in answers} == {"kept"}
    with pytest.raises(urllib.error.HTTPError) as refused:
        model.fetch("/api/messages", {"text": " "})
    assert refused.value.code == 400

    assert_settled(model, bundle)

    model.run("scale", application="api", units=1)
    assert model.units()["proxy/0"]["message"] == "/api/, / over 2 units"
    answers = [json.loads(model.fetch("/api/messages")) for _time in range(6)]
    assert {answer["unit"] for answer in answers} == {"api/0"}


@pytest.mark.parametrize("remote", ["lxd-a"])
def test_mongodb_without_a_package_source(model):
    base, overlay = bundle_of("web.yml"), bundle_of("web-mongodb.yml")
    api = {**base["applications"]["api"], "num_units": 1}
    applications = {"api": api, "mongodb": overlay["applications"]["mongodb"]}
    bundle = {"applications": applications, "relations": overlay["relations"]}
    model.deploy(bundle)
    units = model.units()
    assert units["mongodb/0"]["status"] == "blocked"
    assert units["mongodb/0"]["message"].startswith("no package source has mongodb-org-server: set the option source")
    assert (units["api/0"]["status"], units["api/0"]["message"]) == ("waiting", "for mongodb")

    assert_settled(model, bundle)


@pytest.mark.parametrize("remote", ["lxd-a"])
def test_a_game(model):
    minecraft = bundle_of("minecraft.yml")["applications"]["minecraft"]
    options = {"motd": "Come in", "max_players": 7, "port": 25577, "online_mode": False}
    bundle = {"applications": {"minecraft": {**minecraft, "options": options}}}
    model.deploy(bundle)
    unit = model.units()["minecraft/0"]
    assert (unit["status"], unit["ports"]) == ("active", ["25577/tcp"])
    # As a player's list of servers asks; exposed, so by the address of the server too.
    for address in (unit["address"], "127.0.0.1"):
        status = mcstatus.JavaServer(address, 25577, timeout=10).status()
        assert (status.motd.to_plain(), status.players.max) == ("Come in", 7)

    assert_settled(model, bundle)

    with_jar = {**options, "jar": "/srv/server.jar"}
    model.deploy({"applications": {"minecraft": {**minecraft, "options": with_jar}}})
    unit = model.units()["minecraft/0"]
    assert (unit["status"], unit["message"].endswith("set the option eula")) == ("blocked", True)
