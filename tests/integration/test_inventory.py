# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory over real daemons of both kinds: one name on both, projects, a remote that is away, tasks by exec."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import uuid
from pathlib import Path

import pytest
import yaml

PREFIX = f"ti-{uuid.uuid4().hex[:6]}"
WEB = f"{PREFIX}-web"
BARE = f"{PREFIX}-bare"
TEMPLATE = "{{ 7*7 }}"
NOBODY = "https://127.0.0.1:1"


def call(*command: str, fails: bool = False, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command,
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert (done.returncode != 0) is fails, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module", autouse=True)
def fleet():
    """web on two remotes, running, and in a project of one of them, stopped; a stopped one without NIC on the other."""
    call("lxc", "project", "create", f"lxd-a:{PREFIX}", "-c", "features.images=false", "-c", "features.profiles=false")
    try:
        config = ["-c", f"user.note={TEMPLATE}", "-c", "user.role=front"]
        call("lxc", "launch", "lxd-a:debian/12", f"lxd-a:{WEB}", *config)
        call("lxc", "init", "lxd-a:busybox", f"lxd-a:{WEB}", "--project", PREFIX)
        call("incus", "launch", "incus-a:busybox", f"incus-a:{WEB}")
        call("incus", "init", "incus-a:busybox", f"incus-a:{BARE}", "--no-profiles", "--storage", "default")
        yield
    finally:
        call("lxc", "delete", "--force", f"lxd-a:{WEB}")
        call("lxc", "delete", "--force", f"lxd-a:{WEB}", "--project", PREFIX)
        call("lxc", "project", "delete", f"lxd-a:{PREFIX}")
        call("incus", "delete", "--force", f"incus-a:{WEB}", f"incus-a:{BARE}")


@pytest.fixture
def inventory_file(tmp_path):
    """Write an inventory file of what the fleet fixture made; return its path."""

    def write(**options):
        path = tmp_path / "containers.yml"
        content = {"plugin": "flotilla.lxd.containers", "remotes": ["lxd-a", "incus-a"], "names": [f"{PREFIX}*"]}
        path.write_text(yaml.safe_dump({**content, **options}))
        return str(path)

    return write


@pytest.fixture
def listing(inventory_file):
    """List an inventory as a user does; return what ansible-inventory says: hostvars by host, and groups."""

    def run(environment=None, **options):
        said = call("ansible-inventory", "-i", inventory_file(**options), "--list", **(environment or {}))
        groups = json.loads(said.stdout, object_hook=plain)
        return groups.pop("_meta")["hostvars"], groups

    return run


def plain(content):
    """How ansible-inventory writes text that is not to be templated."""
    return content.get("__ansible_unsafe", content)


def with_address(listing, host, **options):
    """The host's variables once DHCP has given it an address."""
    for _attempt in range(30):
        hosts, _groups = listing(**options)
        if hosts[host]["flotilla_addresses"]["ipv4"]:
            return hosts[host]
        time.sleep(0.5)
    raise AssertionError(f"{host} got no address")


def test_every_remote_of_both_commands(listing):
    hosts, groups = listing(remotes=[])
    assert sorted(hosts) == [BARE, f"{WEB}.incus-a", f"{WEB}.lxd-a"]
    assert groups["remote_incus_a"]["hosts"] == [BARE, f"{WEB}.incus-a"]
    assert {"remote_lxd_a", "status_running", "status_stopped", "type_container", "profile_default"} <= set(groups)
    assert f"{WEB}.lxd-a" in groups["os_debian"]["hosts"]


def test_all_projects(listing):
    remotes = [{"name": "lxd-a", "projects": "all"}, "incus-a"]
    hosts, groups = listing(remotes=remotes)
    assert sorted(hosts) == [BARE, f"{WEB}.default.lxd-a", f"{WEB}.incus-a", f"{WEB}.{PREFIX}.lxd-a"]
    assert hosts[f"{WEB}.{PREFIX}.lxd-a"]["ansible_flotilla_project"] == PREFIX
    assert groups[f"project_{PREFIX.replace('-', '_')}"]["hosts"] == [f"{WEB}.{PREFIX}.lxd-a"]


def test_some_projects_and_none_by_that_name(listing, inventory_file):
    hosts, _groups = listing(projects=[PREFIX], remotes=["lxd-a"])
    assert list(hosts) == [WEB]
    said = call("ansible-inventory", "-i", inventory_file(projects=["nope"]), "--list", fails=True).stderr
    assert "look for project nope" in said


def test_running_with_addresses(listing):
    known = with_address(listing, f"{WEB}.incus-a")
    (address,) = known["flotilla_addresses"]["ipv4"]
    assert known["flotilla_addresses"]["interfaces"]["eth0"]["ipv4"] == [address]
    assert known["flotilla_status"] == "Running"
    assert known["flotilla_devices"]["eth0"]["type"] == "nic"
    assert known["flotilla_image"]["os"] == "Busybox"
    assert len(known["flotilla_image"]["fingerprint"]) == 64


def test_stopped_without_nic(listing):
    known = listing()[0][BARE]
    assert known["flotilla_addresses"] == {"interfaces": {}, "ipv4": [], "ipv6": []}
    assert known["ansible_connection"] == "flotilla.lxd.exec"
    assert known["ansible_flotilla_container"] == BARE


def test_states(listing):
    assert sorted(listing(states=["stopped"])[0]) == [BARE]


def test_without_addresses(listing):
    hosts, _groups = listing(addresses=False)
    assert len(hosts) == 3
    assert not any("flotilla_addresses" in known for known in hosts.values())


def test_ssh_by_choice(listing):
    known = with_address(listing, f"{WEB}.lxd-a", connection="ssh")
    assert known["ansible_connection"] == "ssh"
    assert known["ansible_host"] == known["flotilla_addresses"]["ipv4"][0]
    bare = listing(connection="ssh")[0][BARE]
    assert (bare["ansible_connection"], bare["ansible_host"]) == ("ssh", f"{BARE}.has-no-address.invalid")


def test_constructed(listing):
    hosts, groups = listing(
        filters=["flotilla_status == 'Running'"],
        compose={"role": "flotilla_config['user.role']"},
        keyed_groups=[{"key": "role", "prefix": "role"}],
        groups={"on_lxd": "'lxd' in flotilla_remote"},
        group_by=["project"],
    )
    assert sorted(hosts) == [f"{WEB}.incus-a", f"{WEB}.lxd-a"]
    assert hosts[f"{WEB}.lxd-a"]["role"] == "front"
    assert groups["role_front"]["hosts"] == groups["on_lxd"]["hosts"] == [f"{WEB}.lxd-a"]
    assert set(groups) == {"all", "role_front", "on_lxd", "project_default"}


def test_strict(inventory_file):
    file = inventory_file(strict=True, compose={"role": "flotilla_config['user.role']"})
    said = call("ansible-inventory", "-i", file, "--list", fails=True)
    assert said.returncode == 4
    assert "Could not set role" in " ".join(said.stderr.split())


def test_text_of_a_server_is_no_template(inventory_file, playbook):
    shown = {"ansible.builtin.debug": {"msg": "{{ flotilla_config['user.note'] }}"}, "delegate_to": "localhost"}
    play = {"hosts": f"{WEB}.lxd-a", "gather_facts": False, "tasks": [{"name": "note", **shown}]}
    assert playbook([play], inventory=inventory_file()).result("note")["msg"] == TEMPLATE


def test_fail_ends_a_play_before_it_begins(inventory_file, playbook):
    file = inventory_file(remotes=["lxd-a", {"name": "away", "url": NOBODY}])
    play = {"hosts": "all", "gather_facts": False, "tasks": [{"name": "never", "ansible.builtin.debug": {}}]}
    run = playbook([play], inventory=file, fails=True)
    assert run.returncode == 4
    assert not run.tasks
    said = " ".join(run.stderr.split())
    assert f"containers.yml: remote away: cannot connect to {NOBODY}: Connection refused" in said


def test_warn(inventory_file):
    file = inventory_file(remotes=["lxd-a", {"name": "away", "url": NOBODY, "on_error": "warn"}])
    said = call("ansible-inventory", "-i", file, "--list")
    assert list(json.loads(said.stdout)["_meta"]["hostvars"]) == [WEB]
    assert "remote away: cannot connect" in said.stderr


def test_cache_of_a_remote_that_went_away(tmp_path, inventory_file):
    """Through a client configuration of its own, where the server then moves."""
    own = tmp_path / "lxc"
    shutil.copytree(os.environ["LXD_CONF"], own)
    options = {
        "remotes": [{"name": "lxd-a", "on_error": "cache"}, "incus-a"],
        "cache": True,
        "cache_plugin": "ansible.builtin.jsonfile",
        "cache_connection": str(tmp_path / "cache"),
        "cache_timeout": 1,
    }
    command = ["ansible-inventory", "-i", inventory_file(**options), "--list"]
    before = call(*command, LXD_CONF=str(own))

    config = yaml.safe_load((own / "config.yml").read_text())
    config["remotes"]["lxd-a"]["addr"] = NOBODY
    (own / "config.yml").write_text(yaml.safe_dump(config))
    time.sleep(1)
    after = call(*command, LXD_CONF=str(own))
    assert json.loads(after.stdout)["_meta"]["hostvars"].keys() == json.loads(before.stdout)["_meta"]["hostvars"].keys()
    assert "from the cache" in " ".join(after.stderr.split())

    shutil.rmtree(tmp_path / "cache")
    empty = call(*command, LXD_CONF=str(own), fails=True)
    assert "no earlier answer of it is in the cache" in " ".join(empty.stderr.split())


def test_cache_as_good_as_new(tmp_path, listing):
    options = {
        "cache": True,
        "cache_plugin": "ansible.builtin.jsonfile",
        "cache_connection": str(tmp_path / "cache"),
        "remotes": ["lxd-a"],
    }
    first = listing(**options)
    # Without any client configuration nobody can be asked.
    assert listing(environment={"LXD_CONF": str(tmp_path), "INCUS_CONF": str(tmp_path)}, **options) == first


def test_a_server_in_no_client_configuration(inventory_file):
    directory = Path(os.environ["LXD_CONF"])
    config = yaml.safe_load((directory / "config.yml").read_text())
    berlin = {
        "name": "berlin",
        "url": config["remotes"]["lxd-a"]["addr"],
        "client_cert": str(directory / "client.crt"),
        "client_key": str(directory / "client.key"),
        "server_cert": str(directory / "servercerts" / "lxd-a.crt"),
    }
    file = inventory_file(remotes=[berlin])
    nowhere = {"LXD_CONF": "/nonexistent", "INCUS_CONF": "/nonexistent"}
    said = call("ansible", "all", "-i", file, "-m", "ansible.builtin.raw", "-a", "hostname", **nowhere)
    assert WEB in said.stdout.splitlines()


def test_ping_through_exec(inventory_file):
    file = inventory_file(remotes=["lxd-a"])
    assert "ping: pong" in call("ansible", WEB, "-i", file, "-m", "ansible.builtin.ping").stdout


def test_tasks_run_in_the_container_of_their_host(inventory_file):
    file = inventory_file(states=["running"])
    said = call("ansible", "all", "-i", file, "-m", "ansible.builtin.raw", "-a", "echo it is $(hostname)").stdout
    assert said.count(f"it is {WEB}") == 2
