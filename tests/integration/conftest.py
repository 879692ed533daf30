# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The integration tests run plays against the lab's real daemons: `make lab` first, and `. .lab/env`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from client_configuration import configuration
from faulty_proxy import Proxy
from model_sites import Site
from own_lab import have_own_lab
from xdist.scheduler import LoadScopeScheduling

# Before anything imports the lab's settings.
have_own_lab()

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
LXD = "lxd-a"
INCUS = "incus-a"
COMMANDS = {"lxd-a": "lxc", "lxd-b": "lxc", "incus-a": "incus", "incus-b": "incus"}


# Tests of one file that share a container or a browser, and those of the connection, which have a fleet of each kind.
TOGETHER = re.compile(r"test_(image_server|inventory|status)\.py|test_connection/.*\[(incus-a|lxd-a|classic)")
# What takes longest begins first, so that no process is left alone with it at the end.
FIRST = re.compile(r"test_(charm_roles|image_server|faults|docker_host|nested_lxd)\.py|test_connection/")


class Scheduling(LoadScopeScheduling):
    """What pytest-xdist hands to a process at a time: tests that belong together, or a single one.

    Its --dist=loadgroup is meant for that, but does nothing with pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        together = TOGETHER.search(nodeid)
        if not together:
            return nodeid
        file, fleet = together.groups()
        return file or f"connection to {fleet}"


def pytest_xdist_make_scheduler(config, log):
    config.option.loadscopereorder = False  # the order is that below
    return Scheduling(config, log)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: not FIRST.search(item.nodeid))


@dataclass
class Run:
    """What one ansible-playbook run did."""

    returncode: int
    stdout: str
    stderr: str
    tasks: list[dict[str, Any]] = field(default_factory=list)

    def results(self, task: str) -> list[dict[str, Any]]:
        """The results of the tasks of this name, in order; ``failed`` says whether the task did."""
        return [
            {**entry["result"], "failed": entry["outcome"] == "failed"} for entry in self.tasks if entry["task"] == task
        ]

    def result(self, task: str) -> dict[str, Any]:
        return self.results(task)[-1]

    @property
    def text(self) -> str:
        return self.stdout + self.stderr


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """Variables that have what modules are made of compiled once, not for every task."""
    return {
        "PYTHONPATH": str(HERE / "support" / "compiled"),
        "FLOTILLA_TEST_COMPILED": str(tmp_path_factory.mktemp("compiled")),
    }


@pytest.fixture
def playbook(tmp_path, compiled):
    """Run a play (a list of plays, or the path of a playbook) as a user would; return a Run.

    A run that fails fails the test, unless fails=True is said: then one that does not.
    """

    def run(
        plays: list[dict[str, Any]] | Path,
        *arguments: str,
        fails: bool = False,
        inventory: str | Path | None = None,
        extra: dict[str, Any] | None = None,
        environment: dict[str, str] | None = None,
    ) -> Run:
        path = plays
        if not isinstance(plays, Path):
            path = tmp_path / f"{uuid.uuid4().hex}.yml"
            path.write_text(yaml.safe_dump(plays, sort_keys=False, allow_unicode=True))
        results = tmp_path / f"{uuid.uuid4().hex}.jsonl"
        command = ["ansible-playbook", str(path), *arguments]
        if inventory:
            command += ["-i", str(inventory)]
        if extra:
            command += ["-e", json.dumps(extra)]
        done = subprocess.run(
            command,
            cwd=HERE,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
            env={**os.environ, **compiled, "FLOTILLA_TEST_RESULTS": str(results), **(environment or {})},
        )
        lines = results.read_text().splitlines() if results.exists() else []
        outcome = Run(done.returncode, done.stdout, done.stderr, [json.loads(line) for line in lines])
        assert "Traceback" not in outcome.text, outcome.text
        assert (outcome.returncode != 0) is fails, outcome.text
        return outcome

    return run


@pytest.fixture
def local_tasks(playbook):
    """Run tasks on localhost with this collection's modules; return a Run."""

    def run(tasks: list[dict[str, Any]], *arguments: str, **options: Any) -> Run:
        play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
        return playbook([play], *arguments, **options)

    return run


@pytest.fixture(params=[LXD, INCUS])
def remote(request) -> str:
    """One remote of each kind in turn."""
    return request.param


@pytest.fixture
def command_line():
    """Call the remote's own command: ``command_line(remote, "list", f"{remote}:", "--format=json")``; its output."""

    def call(remote: str, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            [COMMANDS[remote], *arguments],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return call


@pytest.fixture
def name(remote, command_line) -> str:
    """A name for a container of the test's own; what bears it on the remote is removed afterwards."""
    chosen = f"t-{uuid.uuid4().hex[:8]}"
    yield chosen
    listing = json.loads(command_line(remote, "list", f"{remote}:", "--format=json"))
    for instance in listing:
        if instance["name"].startswith(chosen):
            command_line(remote, "delete", "--force", f"{remote}:{instance['name']}")


@pytest.fixture
def explicit(remote) -> dict[str, str]:
    """The options that say which server is meant without its name."""
    directory = configuration(remote)
    entry = yaml.safe_load((directory / "config.yml").read_text())["remotes"][remote]
    return {
        "url": entry["addr"],
        "client_cert": str(directory / "client.crt"),
        "client_key": str(directory / "client.key"),
        "server_cert": str(directory / "servercerts" / f"{remote}.crt"),
    }


@pytest.fixture
def proxied(explicit):
    """The same through a proxy that the test can make fail."""
    target = urlsplit(explicit["url"])
    proxy = Proxy(str(target.hostname), int(target.port or 8443))
    yield proxy, {**explicit, "url": proxy.url}
    proxy.stop()


@pytest.fixture
def site_on(playbook, command_line, tmp_path):
    """Make a model on these remotes; what is left of it is removed afterwards."""
    made = []

    def make(*remotes):
        made.append(Site(f"t-{uuid.uuid4().hex[:8]}", list(remotes), playbook, command_line, tmp_path))
        return made[-1]

    yield make
    for site in made:
        site.clear()


@pytest.fixture
def site(site_on, remote):
    return site_on(remote)


@pytest.fixture
def model_of(local_tasks):
    """The model as model_info tells it."""

    def ask(site):
        task = {"name": "info", "flotilla.lxd.model_info": {"model": site.name, "remotes": site.remotes[:1]}}
        return local_tasks([task]).result("info").get("model")

    return ask
