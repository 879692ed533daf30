# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plugin as Ansible calls it, on what two servers are said to have."""

from __future__ import annotations

import pytest
import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader

from ansible_collections.flotilla.lxd.plugins.inventory import containers as plugin
from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import Unreachable


@pytest.fixture
def servers(monkeypatch, instance):
    """What each remote lists; one that is missing here is down."""
    stopped = {"status": "Stopped", "state": {"network": None}}
    listed = {
        "lxd-a": [instance(), instance(name="db", **stopped)],
        "incus-a": [instance(name="web1", type="virtual-machine"), instance(name="localhost", **stopped)],
        "empty": [],
    }

    def list_instances(source, **_how):
        if source.name not in listed:
            raise Unreachable(source.name, "connection refused")
        return listed[source.name]

    monkeypatch.setattr(plugin, "list_instances", list_instances)
    return listed


@pytest.fixture
def parse(tmp_path, servers):
    """Write an inventory file and have Ansible parse it."""

    def run(file="containers.yml", **options):
        path = tmp_path / file
        path.write_text(
            yaml.safe_dump({"plugin": "flotilla.lxd.containers", "remotes": ["lxd-a", "incus-a"], **options})
        )
        return InventoryManager(DataLoader(), [str(path)])

    return run


def members(inventory, group):
    return sorted(host.name for host in inventory.groups[group].get_hosts())


@pytest.mark.parametrize(
    ("file", "ours"),
    [
        ("containers.yml", True),
        ("containers.yaml", True),
        ("production.containers.yml", True),
        ("production.yml", False),
        ("mycontainers.yml", False),
    ],
)
def test_which_files(tmp_path, file, ours):
    (tmp_path / file).write_text("plugin: flotilla.lxd.containers")
    assert plugin.InventoryModule().verify_file(str(tmp_path / file)) is ours


def test_hosts_and_groups(parse):
    inventory = parse()
    assert sorted(inventory.hosts) == ["db", "localhost.incus-a", "web1.incus-a", "web1.lxd-a"]
    assert members(inventory, "remote_lxd_a") == ["db", "web1.lxd-a"]
    assert members(inventory, "status_running") == ["web1.incus-a", "web1.lxd-a"]
    assert members(inventory, "type_virtual_machine") == ["web1.incus-a"]
    assert members(inventory, "profile_web") == members(inventory, "os_debian") == sorted(inventory.hosts)


def test_every_host_has_a_connection_and_never_the_controllers(parse):
    for how, plugin_name in (("exec", "flotilla.lxd.exec"), ("ssh", "ssh")):
        hosts = parse(connection=how).hosts.values()
        assert {host.vars["ansible_connection"] for host in hosts} == {plugin_name}


def test_a_remote_without_containers_has_its_group(parse):
    assert members(parse(remotes=["empty"]), "remote_empty") == []


def test_no_groups(parse):
    assert set(parse(group_by=[]).groups) == {"all", "ungrouped"}


def test_selection_renames_nobody(parse):
    assert sorted(parse(states=["running"], types=["container"]).hosts) == ["web1.lxd-a"]


def test_full_names(parse):
    assert "db.default.lxd-a" in parse(hostnames="full").hosts


def test_filters(parse):
    filters = ["flotilla_status == 'Running'", "'lxd' in flotilla_remote"]
    assert list(parse(filters=filters).hosts) == ["web1.lxd-a"]


def test_a_filter_that_cannot_be_told_is_not_true(parse):
    assert not parse(filters=["flotilla_config['user.nope'] == '1'"]).hosts


def test_compose_groups_and_keyed_groups(parse):
    inventory = parse(
        compose={"address": "flotilla_addresses.ipv4 | first", "role": "flotilla_config['user.role']"},
        groups={"front": "role == 'web' and flotilla_status == 'Running'"},
        keyed_groups=[{"key": "flotilla_config['user.role']", "prefix": "role"}],
    )
    assert inventory.hosts["web1.lxd-a"].vars["address"] == "10.97.1.201"
    assert "address" not in inventory.hosts["db"].vars
    assert members(inventory, "front") == ["web1.incus-a", "web1.lxd-a"]
    assert members(inventory, "role_web") == sorted(inventory.hosts)


def test_without_addresses(parse, servers):
    for instances in servers.values():
        for one in instances:
            del one["state"]
    assert "flotilla_addresses" not in parse(addresses=False).hosts["db"].vars


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"remotes": ["lxd-a", "down"]}, "remote down: connection refused"),
        ({"remote": []}, "unknown option remote: did you mean remotes?"),
        ({"states": ["up"]}, "states: up is no choice"),
        ({"remotes": {"name": "x"}}, "remotes"),
        ({"connection": "ssh", "addresses": False}, "connection: ssh needs the addresses"),
        ({"remotes": [{"name": "lxd-a", "on_error": "cache"}]}, "on_error: cache needs cache: true"),
        ({"on_error": "cache", "cache": True}, "on_error: cache needs cache: true"),
        ({"strict": True, "filters": ["nope.x"]}, "filters: 'nope.x' for host"),
        ({"strict": True, "compose": {"x": "nope.x"}}, "Could not set x"),
    ],
)
def test_a_failure_ends_ansible_with_one_error(parse, capsys, options, complaint):
    with pytest.raises(SystemExit) as raised:
        parse("production.containers.yml", **options)
    assert raised.value.code == 4
    said = " ".join(capsys.readouterr().err.split())
    assert "production.containers.yml: " in said
    assert complaint in said
    assert "WARNING" not in said


def test_a_file_for_another_plugin_is_left_to_it(tmp_path):
    (tmp_path / "containers.yml").write_text("all: {hosts: {web1: }}")
    assert list(InventoryManager(DataLoader(), [str(tmp_path / "containers.yml")]).hosts) == ["web1"]


def test_warn(parse, capsys):
    inventory = parse(remotes=["lxd-a", {"name": "down", "on_error": "warn"}])
    assert sorted(inventory.hosts) == ["db", "web1"]
    assert "remote down: connection refused." in " ".join(capsys.readouterr().err.split())


def test_cache_outlives_the_server(parse, servers, tmp_path, capsys):
    options = {
        "on_error": "cache",
        "cache": True,
        "cache_plugin": "ansible.builtin.jsonfile",
        "cache_connection": str(tmp_path / "cache"),
        "cache_timeout": 3600,
    }
    parse(**options)
    del servers["lxd-a"]
    assert "db" in parse(**options).hosts
    assert not capsys.readouterr().err
    # As after --flush-cache: the server is asked again.
    refreshed = InventoryManager(DataLoader(), [str(tmp_path / "containers.yml")], cache=False)
    assert refreshed.hosts["web1.lxd-a"].vars["flotilla_description"] == "{{ 7*7 }}"
    assert "from the cache" in " ".join(capsys.readouterr().err.split())
