# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model that is deployed from the small charms in roles, and looked at with the remotes' own commands."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

ROLES = str(Path(__file__).parents[1] / "roles")
# What one of the charms publishes for others.
SECRET = "secret-of-store"


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

    def deploy(self, bundle, *arguments, **options):
        self._bundle.write_text(yaml.safe_dump(bundle))
        return self.run("deploy", *arguments, bundle=str(self._bundle), image="busybox", **options)

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

    def clear(self):
        for name in self.containers():
            self.call("delete", name, "--force")
        for remote in self.remotes:
            if self.name in self.projects(remote):
                self._command_line(remote, "project", "delete", f"{remote}:{self.name}")
