# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role docker_host: Docker in a container, an image from a file, and a web server of it that answers."""

from __future__ import annotations

import json
import tarfile
import urllib.request
from functools import partial

import pytest
from role_in_container import role_in_container


@pytest.fixture
def role(playbook, name, remote):
    return partial(role_in_container, playbook, "docker_host", remote, name)


def page_of(command_line, remote, name):
    (container,) = [
        one
        for one in json.loads(command_line(remote, "list", f"{remote}:{name}", "--format=json"))
        if one["name"] == name
    ]
    addresses = container["state"]["network"]["eth0"]["addresses"]
    address = next(one["address"] for one in addresses if one["family"] == "inet")
    with urllib.request.urlopen(f"http://{address}:8080/", timeout=10) as answer:
        return answer.read().decode()


@pytest.mark.parametrize("remote", ["lxd-a"])
def test_a_web_server_in_docker(role, name, remote, command_line, tmp_path):
    command_line("lxd-a", "image", "export", "lxd-a:busybox", str(tmp_path / "busybox"))
    rootfs = tmp_path / "busybox.root"
    assert tarfile.is_tarfile(rootfs)
    image = {"name": "busybox:test", "file": str(rootfs), "rootfs": True}

    def served(text):
        script = f"mkdir -p /srv; echo {text} >/srv/index.html; exec httpd -f -p 80 -h /srv"
        web = {"name": "web", "image": "busybox:test", "command": ["sh", "-c", script], "ports": ["8080:80"]}
        return {"docker_host_images": [image], "docker_host_containers": [web]}

    assert role(**served("first")) > 0
    assert page_of(command_line, remote, name) == "first\n"
    assert role(**served("first")) == 0

    assert role(**served("second")) == 2  # the old one removed, the new one run
    assert page_of(command_line, remote, name) == "second\n"

    gone = {"docker_host_images": [image], "docker_host_containers": [{"name": "web", "state": "absent"}]}
    assert role(**gone) == 1
    assert role(**gone) == 0

    command_line(remote, "delete", "--force", f"{remote}:{name}")
    command_line(remote, "profile", "delete", f"{remote}:{name}-docker")
