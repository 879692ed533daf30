# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.flotilla.lxd.plugins.plugin_utils._inventory.container import Container, Interface


def test_config_is_the_users(container):
    one = container()
    assert one.config == {"user.role": "web"}
    assert one.image == {"os": "Debian", "release": "bookworm", "fingerprint": "9ef40da597c6"}


def test_interfaces_of_its_nics_come_first(container):
    assert container().interfaces == (
        Interface("eth0", mac="00:16:3E:06:0D:03", ipv4=("10.97.1.201",), ipv6=("fd42::d03",)),
        Interface("docker0", mac="02:42:ac:11:00:01", ipv4=("172.17.0.1",)),
    )


def test_addresses_of_a_family(container):
    assert container().addresses("ipv4") == ["10.97.1.201", "172.17.0.1"]
    assert container().addresses("ipv6") == ["fd42::d03"]


def test_a_nic_with_its_mac_in_the_device(container):
    devices = {"br": {"type": "nic", "hwaddr": "02:42:AC:11:00:01"}}
    one = container(expanded_devices=devices, expanded_config={})
    assert [interface.name for interface in one.interfaces] == ["docker0", "eth0"]


def test_stopped_has_no_addresses(container):
    assert container(state={"network": None}).interfaces == ()


def test_state_of_a_silent_cluster_member(container):
    assert container(state=None).interfaces == ()


def test_nobody_asked_for_addresses(instance):
    content = instance()
    del content["state"]
    assert Container.parse("lxd-a", content).interfaces is None


def test_what_a_server_may_leave_out():
    one = Container.parse("lxd-a", {"name": "c1", "profiles": None, "expanded_config": None})
    assert (one.project, one.type, one.location, one.profiles) == ("default", "container", "none", ())
