# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.flotilla.lxd.plugins.plugin_utils._inventory.sources import Source
from ansible_collections.flotilla.lxd.plugins.plugin_utils._inventory.variables import connection, facts, groups

EVERY_GROUP = ("remote", "project", "status", "type", "profile", "os", "release", "location")


def test_by_exec(container):
    assert connection(Source("lxd-a"), container(), "exec") == {
        "ansible_connection": "flotilla.lxd.exec",
        "ansible_flotilla_remote": "lxd-a",
        "ansible_flotilla_project": "default",
        "ansible_flotilla_container": "web1",
    }


def test_exec_takes_the_way_the_inventory_took(container):
    source = Source(
        "berlin", url="https://192.0.2.1", client_cert="/k/c.crt", client_key="/k/c.key", server_cert="/k/s.crt"
    )
    variables = connection(source, container(), "exec")
    assert variables["ansible_flotilla_url"] == "https://192.0.2.1"
    assert variables["ansible_flotilla_client_cert"] == "/k/c.crt"
    assert variables["ansible_flotilla_client_key"] == "/k/c.key"
    assert variables["ansible_flotilla_server_cert"] == "/k/s.crt"


def test_exec_reads_the_same_client_configuration(container):
    variables = connection(Source("lxd-a", client_config="lxc"), container(), "exec")
    assert variables["ansible_flotilla_client_config"] == "lxc"


def test_by_ssh_to_the_first_ipv4_address(container):
    assert connection(Source("lxd-a"), container(), "ssh") == {
        "ansible_connection": "ssh",
        "ansible_host": "10.97.1.201",
    }


def test_by_ssh_to_ipv6_where_that_is_all(container):
    network = {"eth0": {"addresses": [{"address": "fd42::1", "family": "inet6", "scope": "global"}]}}
    assert connection(Source("lxd-a"), container(state={"network": network}), "ssh")["ansible_host"] == "fd42::1"


def test_ssh_without_an_address_reaches_nobody_else(container):
    variables = connection(Source("lxd-a"), container(name="localhost", state={"network": None}), "ssh")
    assert variables == {"ansible_connection": "ssh", "ansible_host": "localhost.has-no-address.invalid"}


def test_facts(container):
    known = facts(container())
    assert known["flotilla_status"] == "Running"
    assert known["flotilla_profiles"] == ["default", "web"]
    assert known["flotilla_devices"]["root"] == {"path": "/", "pool": "default", "type": "disk"}
    assert known["flotilla_addresses"] == {
        "ipv4": ["10.97.1.201", "172.17.0.1"],
        "ipv6": ["fd42::d03"],
        "interfaces": {
            "eth0": {"mac": "00:16:3E:06:0D:03", "ipv4": ["10.97.1.201"], "ipv6": ["fd42::d03"]},
            "docker0": {"mac": "02:42:ac:11:00:01", "ipv4": ["172.17.0.1"], "ipv6": []},
        },
    }


def test_groups(container):
    assert groups(container(), EVERY_GROUP) == [
        "remote_lxd-a",
        "project_default",
        "status_running",
        "type_container",
        "profile_default",
        "profile_web",
        "os_debian",
        "release_bookworm",
    ]


def test_group_of_a_cluster_member(container):
    assert groups(container(location="node1"), ["location"]) == ["location_node1"]


@pytest.mark.parametrize("by", [[], ["os"]])
def test_groups_asked_for(container, by):
    assert groups(container(expanded_config={}), by) == []
