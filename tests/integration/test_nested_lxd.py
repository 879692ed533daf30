# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role nested_lxd: LXD in a container, with a subnet of its own, and a container in that."""

from __future__ import annotations

import json
from functools import partial

import pytest
from role_in_container import role_in_container

SUBNET = "10.208.7.1/24"
LIMITS = {"limits.memory": "64MiB", "limits.processes": "50"}


@pytest.fixture
def role(playbook, name, remote):
    return partial(
        role_in_container, playbook, "nested_lxd", remote, name, nested_lxd_subnet=SUBNET, nested_lxd_limits=LIMITS
    )


@pytest.mark.parametrize("remote", ["incus-a"])
def test_a_container_in_a_container(role, name, remote, command_line, tmp_path):
    command_line("lxd-a", "image", "export", "lxd-a:busybox", str(tmp_path / "busybox"))
    image = {"alias": "busybox", "file": str(tmp_path / "busybox"), "rootfs": str(tmp_path / "busybox.root")}
    variables = {"nested_lxd_images": [image], "nested_lxd_containers": [{"name": "inner", "image": "busybox"}]}

    assert role(**variables) > 0
    listed = command_line(remote, "exec", f"{remote}:{name}", "--", "lxc", "list", "--format=json")
    (inner,) = json.loads(listed)
    addresses = [one["address"] for one in inner["state"]["network"]["eth0"]["addresses"] if one["family"] == "inet"]
    assert inner["status"] == "Running"
    assert addresses[0].startswith("10.208.7.")
    assert LIMITS.items() <= inner["expanded_config"].items()
    # Unprivileged in there too: its root is nobody to the container that it is in.
    mapped = command_line(remote, "exec", f"{remote}:{name}", "--", "lxc", "exec", "inner", "cat", "/proc/self/uid_map")
    assert int(mapped.split()[1]) > 0

    assert role(**variables) == 0
    gone = {"nested_lxd_containers": [{"name": "inner", "state": "absent"}]}
    assert role(**{**variables, **gone}) == 1
    assert role(**{**variables, **gone}) == 0

    command_line(remote, "delete", "--force", f"{remote}:{name}")
    command_line(remote, "profile", "delete", f"{remote}:{name}-nested")
