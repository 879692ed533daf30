# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models for tests: the playbooks for one, what is left of it on the servers, and what runs say of it."""

from __future__ import annotations

import json
import random
from pathlib import Path

import yaml

LXD, INCUS = "lxd-a", "incus-a"
ROLES = str(Path(__file__).parents[1] / "roles")
SECRET = "secret-of-store"
STORE = {"charm": "t-store", "num_units": 1, "options": {"size": 5}}
# To be exposed on this host: not one that other tests open there at the same time.
PORT = random.randrange(20000, 30000)


class Site:
    """One model of a test's own, and the playbooks for it."""

    def __init__(self, name, remotes, playbook, command_line, directory):
        self.name = name
        self.remotes = remotes
        self._playbook = playbook
        self._command_line = command_line
        self._bundle = directory / "bundle.yaml"

    def run(self, playbook, *arguments, fails=False, **variables):
        extra = {"model": self.name, "remotes": self.remotes, "roles_path": [ROLES], **variables}
        run = self._playbook(Path(f"flotilla.lxd.{playbook}"), *arguments, fails=fails, extra=extra)
        assert SECRET not in run.text
        return run

    def written(self, bundle):
        self._bundle.write_text(yaml.safe_dump(bundle))
        return self._bundle

    def deploy(self, bundle, *arguments, **options):
        return self.run("deploy", *arguments, bundle=str(self.written(bundle)), image="busybox", **options)

    def lock(self):
        """What the project has of the run that changes the model."""
        text = self._command_line(
            self.remotes[0], "project", "get", f"{self.remotes[0]}:{self.name}", "user.flotilla.lock"
        )
        return json.loads(text) if text.strip() else None

    def keep_lock(self, lock):
        there = f"{self.remotes[0]}:{self.name}"
        self._command_line(self.remotes[0], "project", "set", there, f"user.flotilla.lock={json.dumps(lock)}")

    def containers(self):
        """By name without the model's, as the remotes' own commands list them."""
        found = {}
        for remote in self.remotes:
            if self.name in self.projects(remote):
                listed = self._command_line(remote, "list", f"{remote}:", f"--project={self.name}", "--format=json")
                found.update(
                    {
                        each["name"].removeprefix(f"{self.name}-"): {**each, "remote": remote}
                        for each in json.loads(listed)
                    }
                )
        return found

    def projects(self, remote):
        return [
            each["name"]
            for each in json.loads(self._command_line(remote, "project", "list", f"{remote}:", "--format=json"))
        ]

    def inside(self, container, *command):
        return self.call("exec", container, *command)

    def call(self, verb, container, *command):
        there = self.containers()[container]
        target = f"{there['remote']}:{there['name']}"
        arguments = ["--", *command] if verb == "exec" else command
        return self._command_line(there["remote"], verb, target, f"--project={self.name}", *arguments)

    def volumes(self, remote):
        """Names and sizes of the volumes in the model's project, without the model's name."""
        where = f"{remote}:default"
        listed = self._command_line(
            remote, "storage", "volume", "list", where, f"--project={self.name}", "--format=json"
        )
        return {
            each["name"].removeprefix(f"{self.name}-"): each["config"].get("size")
            for each in json.loads(listed)
            if each["type"] == "custom"
        }

    def clear(self):
        for name in self.containers():
            self.call("delete", name, "--force")
        for remote in self.remotes:
            if self.name in self.projects(remote):
                for name in self.volumes(remote):
                    volume = f"{self.name}-{name}"
                    where = f"{remote}:default"
                    self._command_line(remote, "storage", "volume", "delete", where, volume, f"--project={self.name}")
                self._command_line(remote, "project", "delete", f"{remote}:{self.name}")


def assert_idle(run):
    """Nothing was to be done, and no container was asked anything."""
    assert "No changes to apply." in run.stdout
    assert "changed=0" in run.stdout and run.stdout.count("changed=") == 1, run.stdout


def message(run):
    """What the task that failed last said."""
    failed = [entry["result"] for entry in run.tasks if entry["outcome"] == "failed"]
    return [each["msg"] for each in failed if "msg" in each][-1]


def plan_of(run):
    return [line for entry in run.tasks for line in entry["result"].get("changes") or ()]


def units(model):
    return {
        name: each["status"]
        for application in model["applications"].values()
        for unit, unit_is in application.get("units", {}).items()
        for name, each in {unit: unit_is, **unit_is.get("subordinates", {})}.items()
    }
