# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role migratable: its profile, and what it finds."""

from __future__ import annotations

import uuid

import needs
import pytest

from lab import criu

CONTAINER = "flotilla.lxd.container"
PROFILE = "flotilla.lxd.profile"
INFO = "flotilla.lxd.profile_info"
pytestmark = needs.CRIU
TARGETS = {"lxd-a": "lxd-b", "incus-a": "incus-b"}
LOCALHOST = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}


@pytest.fixture
def profile(remote, command_line):
    chosen = f"t-{uuid.uuid4().hex[:8]}"
    yield chosen
    for one in (remote, TARGETS[remote]):
        command_line(one, "profile", "delete", f"{one}:{chosen}", check=False)


@pytest.fixture
def role(playbook, remote, profile):
    def run(*arguments, before=(), after=(), fails=False, **variables):
        values = {
            "migratable_source": remote,
            "migratable_target": TARGETS[remote],
            "migratable_profile": profile,
            "migratable_source_host": "localhost",
            "migratable_target_host": "localhost",
            "migratable_criu": str(criu.PROGRAM),
            **variables,
        }
        tasks = [*before, {"include_role": {"name": "flotilla.lxd.migratable"}}, *after]
        play = {"hosts": "localhost", "gather_facts": False, "vars": {**LOCALHOST, **values}, "tasks": tasks}
        return playbook([play], *arguments, fails=fails)

    return run


def test_the_profile(role, remote, profile):
    theirs = "lxc.cap.drop=sys_time\nlxc.console.path = /dev/null\nlxc.tty.max=2"
    read = {"name": "read", INFO: {"remote": remote, "name": profile}}
    role("--check")
    own = {PROFILE: {"remote": remote, "name": profile, "config": {"raw.lxc": theirs, "user.x": "1"}}}
    first = role(before=[own], after=[read])
    (there,) = first.result("read")["profiles"]
    assert there["config"] == {
        "raw.lxc": "lxc.cap.drop=sys_time\nlxc.tty.max=2\nlxc.console.path=none",
        "migration.stateful": "true",
        "user.x": "1",
    }
    made = first.results("flotilla.lxd.migratable : Have in it what CRIU asks for")
    assert [one["changed"] for one in made] == [True, True]
    again = role(after=[read])
    assert not [task for task in again.tasks if task["result"].get("changed")]
    assert again.result("read")["profiles"] == [there]


def test_a_container(role, remote, profile, name):
    made = {CONTAINER: {"remote": remote, "name": name, "image": "busybox", "state": "present"}}
    lacking = role(before=[made], fails=True, migratable_container=name)
    sentences = lacking.result("flotilla.lxd.migratable : Refuse what would not work")["msg"]
    assert "lxc.console.path=none" in sentences and "unprivileged" in sentences
    assert ("migration.stateful" in sentences) is remote.startswith("incus")
    given = {CONTAINER: {"remote": remote, "name": name, "profiles": ["default", profile]}}
    ready = role(before=[given], migratable_container=name, migratable_privileged=True)
    found = ready.result("flotilla.lxd.migratable : Look for what stands against a live migration")
    assert found["missing"] == [] and found["unknown"] == []


def test_hosts(role):
    nobody = role(migratable_source_host="", migratable_target_host="", migratable_profile="")
    found = nobody.result("flotilla.lxd.migratable : Look for what stands against a live migration")
    assert found["missing"] == [] and len([one for one in found["unknown"] if "has CRIU" in one]) == 2
    without = role(migratable_criu="/nowhere/criu", migratable_required=False)
    found = without.result("flotilla.lxd.migratable : Look for what stands against a live migration")
    assert len(found["missing"]) == 2 and all("has no CRIU" in one for one in found["missing"])
