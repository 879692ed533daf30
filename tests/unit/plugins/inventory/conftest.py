# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances as a server lists them."""

from __future__ import annotations

import copy

import pytest

from ansible_collections.flotilla.lxd.plugins.plugin_utils._inventory.container import Container

WEB1 = {
    "name": "web1",
    "project": "default",
    "type": "container",
    "status": "Running",
    "architecture": "x86_64",
    "location": "none",
    "description": "{{ 7*7 }}",
    "created_at": "2026-11-23T12:29:05.749041602Z",
    "ephemeral": False,
    "profiles": ["default", "web"],
    "expanded_config": {
        "image.os": "Debian",
        "image.release": "bookworm",
        "user.role": "web",
        "volatile.base_image": "9ef40da597c6",
        "volatile.eth0.hwaddr": "00:16:3e:06:0d:03",
        "volatile.uuid": "a7531980",
    },
    "expanded_devices": {
        "eth0": {"name": "eth0", "network": "lxdbr0", "type": "nic"},
        "root": {"path": "/", "pool": "default", "type": "disk"},
    },
    "state": {
        "network": {
            "docker0": {
                "addresses": [{"address": "172.17.0.1", "family": "inet", "netmask": "16", "scope": "global"}],
                "hwaddr": "02:42:ac:11:00:01",
                "type": "broadcast",
            },
            "eth0": {
                "addresses": [
                    {"address": "fe80::216:3eff:fe06:d03", "family": "inet6", "netmask": "64", "scope": "link"},
                    {"address": "10.97.1.201", "family": "inet", "netmask": "24", "scope": "global"},
                    {"address": "fd42::d03", "family": "inet6", "netmask": "64", "scope": "global"},
                ],
                "hwaddr": "00:16:3E:06:0D:03",
                "type": "broadcast",
            },
            "lo": {
                "addresses": [{"address": "127.0.0.1", "family": "inet", "netmask": "8", "scope": "local"}],
                "hwaddr": "",
                "type": "loopback",
            },
        },
    },
}


@pytest.fixture
def instance():
    """An element of GET /1.0/instances?recursion=2, some of its keys otherwise."""

    def make(**different):
        return {**copy.deepcopy(WEB1), **different}

    return make


@pytest.fixture
def container(instance):
    def make(remote="lxd-a", **different):
        return Container.parse(remote, instance(**different))

    return make
