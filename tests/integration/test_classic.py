# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Classic LXC on this host: listed, in the inventory, and moved to a server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from classic_lxc import BRIDGE, BRIDGES, ClassicLxc
from three_times import assert_done, three_times
from trees import described, fill

from lab import classic
from lab.settings import STATE


@pytest.fixture
def here():
    """LXC with a directory of the test's own."""
    with classic.place() as lxcpath:
        yield ClassicLxc(lxcpath)


@pytest.fixture
def tasks(local_tasks):
    """Run tasks on localhost with the Python that has the library."""

    def run(*content: dict, **options):
        return local_tasks(list(content), extra={"ansible_python_interpreter": sys.executable}, **options)

    return run


def info(here: ClassicLxc, **options) -> dict:
    return {"name": "info", "flotilla.lxd.container_info": {"url": here.url, **options}, "register": "info"}


class TestInfo:
    def test_list(self, here, tasks):
        here.create("c1", "busybox", "lxc.environment = A=b", "lxc.arch = amd64")
        here.create("c2", "busybox", network=False)
        here.call("start", "c1")
        waited = {**info(here), "retries": 20, "delay": 0.2}
        waited["until"] = "info.containers[0].state.network.eth0.addresses | default([]) | length > 0"
        one, two = tasks(waited).result("info")["containers"]
        assert (one["name"], one["kind"], one["type"], one["status"], one["status_code"]) == (
            *("c1", "lxc", "container", "Running", 103),
        )
        assert one["architecture"] == "x86_64"
        assert one["config"]["lxc.environment"] == ["A=b"]
        assert one["config"]["lxc.uts.name"] == "c1"
        assert "lxc.pty.max" not in one["config"]
        address = one["state"]["network"]["eth0"]["addresses"][0]
        assert (address["family"], address["scope"]) == ("inet", "global")
        assert (two["name"], two["status"], two["state"]["network"]) == ("c2", "Stopped", None)
        assert not {"architecture", "profiles", "devices", "project"} & two.keys()

    def test_one(self, here, tasks):
        here.create("c1", "busybox")
        assert [one["name"] for one in tasks(info(here, name="c1")).result("info")["containers"]] == ["c1"]
        assert tasks(info(here, name="nosuch")).result("info")["containers"] == []
        assert "state" not in tasks(info(here, with_state=False)).result("info")["containers"][0]

    def test_what_cannot_be(self, here, tasks, local_tasks, tmp_path):
        refused = {
            "certificate": info(here, server_cert="x"),
            "project": info(here, project="web"),
            "projects": info(here, all_projects=True),
            "directory": info(ClassicLxc(tmp_path / "nosuch")),
            "module": {"flotilla.lxd.container": {"url": here.url, "name": "c1", "state": "absent"}},
        }
        ran = tasks(*({**task, "name": name, "ignore_errors": True} for name, task in refused.items()))
        assert "server_cert does not go with url lxc://" in ran.result("certificate")["msg"]
        assert "project does not go with url lxc://" in ran.result("project")["msg"]
        assert "all_projects does not go with url lxc://" in ran.result("projects")["msg"]
        assert "nosuch cannot be read: No such file or directory" in ran.result("directory")["msg"]
        assert "only container_info, migrate, the inventory and the connection" in ran.result("module")["msg"]

    def test_configuration_that_is_none(self, here, tasks):
        here.create("c1", "busybox", "nonsense")
        here.create("c2", "busybox")
        reason = "is no line of LXC's configuration"
        ran = tasks(info(here))
        broken, other = ran.result("info")["containers"]
        assert (broken["name"], broken["status"], other["status"]) == ("c1", "Error", "Stopped")
        assert reason in broken["error"]
        assert reason in " ".join(ran.stderr.split())
        assert reason in tasks(info(here, name="c1"), fails=True).result("info")["msg"]

    def test_without_the_library(self, here, local_tasks, tmp_path):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
        interpreter = {"ansible_python_interpreter": str(tmp_path / "bare" / "bin" / "python")}
        said = local_tasks([info(here)], extra=interpreter, fails=True).result("info")["msg"]
        assert "Failed to import the required Python library (lxc)" in said


class TestInventory:
    def write(self, path: Path, *remotes, **options) -> Path:
        file = path / "test.containers.yml"
        file.write_text(yaml.safe_dump({"plugin": "flotilla.lxd.containers", "remotes": list(remotes), **options}))
        return file

    def test_hosts(self, here, tmp_path, playbook):
        here.create("t-one", "busybox", network=False)
        here.create("t_two", "busybox", network=False)
        here.create("t-bad", "busybox", "nonsense")
        here.call("start", "t_two")
        file = self.write(tmp_path, {"name": "classic", "url": here.url}, "lxd-a", projects="default")
        command = ["ansible-inventory", "-i", file, "--list", "--yaml", "--export"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        groups = yaml.safe_load(done.stdout)["all"]["children"]
        assert sorted(groups["remote_classic"]["hosts"]) == ["t-bad", "t-one", "t_two"]
        assert list(groups["status_error"]["hosts"]) == ["t-bad"]
        assert "is no line of LXC's configuration" in " ".join(done.stderr.split())
        assert "t_two" in groups["status_running"]["hosts"]
        assert "t-one" in groups["status_stopped"]["hosts"]
        variables = groups["remote_classic"]["hosts"]["t_two"]
        assert variables["ansible_flotilla_url"] == here.url
        assert variables["flotilla_kind"] == "lxc"
        assert not {"ansible_flotilla_project", "flotilla_project", "flotilla_devices"} & variables.keys()
        assert "t_two" not in groups.get("project_default", {}).get("hosts", {})
        play = {"hosts": "remote_classic:&status_running", "gather_facts": False}
        ran = playbook([{**play, "tasks": [{"name": "who", "raw": "hostname"}]}], inventory=file)
        assert ran.result("who")["stdout"] == "t_two\n"

    def test_mistakes(self, here, tmp_path):
        def said(*remotes, **options) -> str:
            file = self.write(tmp_path, *remotes, **options)
            done = subprocess.run(
                ["ansible-inventory", "-i", file, "--list"], capture_output=True, text=True, check=False
            )
            assert done.returncode != 0
            return " ".join(done.stderr.split())

        assert "projects do not go with" in said({"name": "classic", "url": here.url, "projects": ["web"]})
        assert "nosuch cannot be read" in said({"name": "classic", "url": f"{here.url}/nosuch"})
        assert "is not understood: classic LXC on this host is lxc: or" in said({"name": "classic", "url": "lxc:srv"})


def test_connection_to_one_that_does_not_run(here, playbook, tmp_path):
    here.create("c1", "busybox", network=False)
    here.create("c2", "busybox", network=False)
    here.call("start", "c2")
    here.call("freeze", "c2")
    hosts = {"c1": {}, "c2": {}, "bad/name": {}}
    common = {"ansible_connection": "flotilla.lxd.exec", "ansible_flotilla_url": here.url}
    file = tmp_path / "hosts.yml"
    file.write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": common}}))
    ran = playbook([{"hosts": "all", "gather_facts": False, "tasks": [{"raw": "true"}]}], inventory=file, fails=True)
    assert {entry["outcome"] for entry in ran.tasks} == {"unreachable"}
    for sentence in ("container c1 is stopped", "container c2 is frozen", "ad/name cannot be a container"):
        assert sentence in ran.text


@pytest.fixture
def move(here, remote, name):
    """A task that migrates c1 to the remote under the test's name."""

    def task(title: str, **options) -> dict:
        target = {"target_remote": remote, "target_name": name, "networks": {BRIDGE: BRIDGES[remote]}}
        return {"name": title, "flotilla.lxd.migrate": {"url": here.url, "name": "c1", **target, **options}}

    return task


def target_tree(remote: str, name: str) -> dict:
    """All that the container's root file system is, as the server has it on its disk."""
    return described(STATE / remote / "storage-pools" / "default" / "containers" / name / "rootfs")


def config_of(command_line, remote: str, name: str) -> dict:
    return yaml.safe_load(command_line(remote, "config", "show", f"{remote}:{name}"))


def passing_images(command_line, remote: str) -> list[dict]:
    listed = json.loads(command_line(remote, "image", "list", f"{remote}:", "--format=json"))
    return [image for image in listed if "flotilla.passing" in image["properties"]]


class TestMigrate:
    @pytest.mark.parametrize("base", [0, 100000], ids=["privileged", "unprivileged"])
    def test_move(self, here, remote, name, move, tasks, command_line, base):
        lines = ("lxc.net.0.hwaddr = 00:16:3e:12:34:56", "lxc.start.auto = 1")
        rootfs = here.create("c1", "busybox", *lines, base=base)
        fill(rootfs)
        before = described(rootfs)
        ran = tasks(*three_times(move("move")))
        assert_done(ran, "move", "mark", "transfer", "verify", "delete", "unmark")
        assert ran.result("move")["containers"][0]["transfer"] == "relay"
        after = target_tree(remote, name)
        assert {path: after.get(path) for path in before} == before
        assert set(after) == set(before)
        assert not (here.lxcpath / "c1").exists()
        assert passing_images(command_line, remote) == []
        there = config_of(command_line, remote, name)
        config = {key: value for key, value in there["config"].items() if not key.startswith("volatile.")}
        assert config == {"boot.autostart": "true", "security.privileged": "false" if base else "true"}
        assert there["devices"] == {
            "eth0": {
                "type": "nic",
                "nictype": "bridged",
                "parent": BRIDGES[remote],
                "name": "eth0",
                "hwaddr": "00:16:3e:12:34:56",
            }
        }
        command_line(remote, "start", f"{remote}:{name}")
        assert command_line(remote, "exec", f"{remote}:{name}", "--", "cat", "/odd/one") == "x"

    def test_one_that_runs(self, here, remote, name, move, tasks, command_line):
        here.create("c1", "debian/12", "lxc.environment = GREETING=hello you")
        here.call("start", "c1")
        ran = tasks(*three_times(move("move")))
        assert_done(ran, "move", "mark", "stop", "transfer", "verify", "start", "delete", "unmark")
        command = "until systemctl is-system-running --wait; do sleep 0.2; done; echo $GREETING"
        assert "running\nhello you" in command_line(remote, "exec", f"{remote}:{name}", "--", "sh", "-c", command)

    def test_copy(self, here, remote, name, move, tasks, command_line):
        rootfs = here.create("c1", "busybox", "lxc.net.0.hwaddr = 00:16:3e:12:34:56", network=True)
        before = described(rootfs)
        ran = tasks(
            *three_times(move("copy", mode="copy", config={"user.why": "trial", "security.privileged": "false"}))
        )
        assert_done(ran, "copy", "transfer", "verify", "unmark")
        assert described(rootfs) == before
        there = config_of(command_line, remote, name)
        assert there["config"]["user.why"] == "trial"
        assert there["config"]["security.privileged"] == "false"
        assert "hwaddr" not in there["devices"]["eth0"]
        command_line(remote, "start", f"{remote}:{name}")
        listing = command_line(remote, "exec", f"{remote}:{name}", "--", "stat", "-c", "%u", "/bin/busybox")
        assert listing == "0\n"

    def test_no_interface_is_none(self, here, remote, name, move, tasks, command_line):
        here.create("c1", "busybox", network=False)
        tasks(move("move"))
        assert config_of(command_line, remote, name)["devices"] == {"eth0": {"type": "none"}}

    def test_what_has_no_counterpart(self, here, remote, name, move, tasks, command_line):
        here.create("c1", "busybox", "lxc.hook.pre-start = /x", "lxc.cgroup.blkio.weight = 500")
        for mode in (True, False):
            failed = tasks({**move("move"), "check_mode": mode}, fails=True).result("move")
            assert "lxc.hook.pre-start = /x" in failed["msg"]
            assert "lxc.cgroup.blkio.weight = 500" in failed["msg"]
            assert "say config: {lxc.hook.pre-start: null} to do without" in failed["msg"]
            assert failed["actions"] == []
        dropped = {"lxc.hook.pre-start": None, "lxc.cgroup.blkio.weight": None}
        assert tasks(move("move", config=dropped)).result("move")["changed"]

    def test_what_else_cannot_be(self, here, remote, name, move, tasks):
        rootfs = here.create("c1", "busybox", base=100000)
        (here.lxcpath / "c1" / "snaps" / "snap0").mkdir(parents=True)
        (rootfs / "strange").touch()
        os.chown(rootfs / "strange", 7, 7)
        failed = tasks(move("move", networks={}, transfer="push", running="live"), fails=True).result("move")
        for sentence in (
            "files belong to users that it does not have: /strange of 7:7",
            "it has snapshots (snap0)",
            "transfer: push is for servers",
            "running: live is for servers",
        ):
            assert sentence in failed["msg"]
        refreshed = tasks(move("move", mode="refresh"), fails=True).result("move")
        assert "cannot bring a copy up to date" in refreshed["msg"]

    def test_root_file_system_that_is_no_directory(self, here, remote, name, move, tasks):
        here.create("c1", "busybox", "lxc.rootfs.path = overlay:/a:/b")
        failed = tasks(move("move"), fails=True).result("move")
        assert "container c1 cannot be migrated: its root file system is overlay:/a:/b" in failed["msg"]

    def test_a_failure_leaves_everything_as_it_was(self, here, remote, name, move, tasks, command_line):
        here.create("c1", "busybox", "lxc.start.auto = 1")
        here.call("start", "c1")
        configuration = (here.lxcpath / "c1" / "config").read_text()
        failed = tasks(move("move", config={"raw.lxc": "nonsense"}), fails=True).result("move")
        assert "as it was" in failed["msg"]
        assert "RUNNING" in here.call("info", "c1", "--state")
        assert (here.lxcpath / "c1" / "config").read_text() == configuration
        assert sorted(file.name for file in (here.lxcpath / "c1").iterdir()) == ["config", "rootfs"]
        assert passing_images(command_line, remote) == []
        assert name not in command_line(remote, "list", f"{remote}:", "--format=csv")

    def test_a_killed_run_is_finished_by_the_next(self, here, remote, name, move, tasks, command_line, tmp_path):
        rootfs = here.create("c1", "busybox", "lxc.start.auto = 1")
        with open(rootfs / "large", "wb") as stream:
            stream.write(b"\1" * 300_000_000)
        here.call("start", "c1")
        play = [{"hosts": "localhost", "gather_facts": False, "tasks": [move("move")]}]
        (tmp_path / "play.yml").write_text(yaml.safe_dump(play))
        interpreter = f"ansible_python_interpreter={sys.executable}"
        with subprocess.Popen(
            ["ansible-playbook", tmp_path / "play.yml", "-e", interpreter],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            sending = _wait_for_tar(rootfs)
            # The module, by its session: nothing is told, nothing tidied up.
            subprocess.run(["kill", "-KILL", "--", *sending], check=True)
            process.wait(60)
        assert (here.lxcpath / "c1" / "flotilla.migration").exists()
        assert (here.lxcpath / "c1" / "config").read_text().endswith("lxc.start.auto = 0\n")
        ran = tasks(move("move"))
        assert ran.result("move")["actions"] == ["transfer", "verify", "start", "delete", "unmark"]
        (there,) = json.loads(command_line(remote, "list", f"{remote}:{name}", "--format=json"))
        assert (there["status"], there["config"]["boot.autostart"]) == ("Running", "true")
        assert passing_images(command_line, remote) == []

    def test_several(self, here, remote, name, move, tasks):
        for each in ("one", "two"):
            here.create(f"{name}-{each}", "busybox", network=False)
        ran = tasks(*three_times({**move("all", name=[f"{name}-*"], target_name=None)}))
        assert [one["target_name"] for one in ran.result("all")["containers"]] == [f"{name}-one", f"{name}-two"]
        assert ran.result("all, again")["changed"] is False

    def test_no_target(self, here, tasks):
        here.create("c1", "busybox")
        task = {"name": "move", "flotilla.lxd.migrate": {"url": here.url, "name": "c1"}}
        assert "target_remote is missing" in tasks(task, fails=True).result("move")["msg"]


def _wait_for_tar(rootfs: Path) -> list[str]:
    """The processes that pack a directory and send what is packed, once they do."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        listed = subprocess.run(
            ["pgrep", "--full", f"tar --create.*{rootfs}"], capture_output=True, text=True, check=False
        )
        if listed.stdout:
            packing = listed.stdout.split()[0]
            parent = Path("/proc", packing, "stat").read_text().rpartition(")")[2].split()[1]
            return [parent, packing]
        time.sleep(0.02)
    raise AssertionError("nothing was packed")
