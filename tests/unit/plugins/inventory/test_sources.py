# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from types import MappingProxyType

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.plugin_utils._inventory.sources import (
    ALL_PROJECTS,
    Defaults,
    Source,
    read_sources,
)

NOWHERE = MappingProxyType({"HOME": "/nonexistent", "LXD_SOCKET": "", "INCUS_SOCKET": ""})


def read(*remotes, environment=NOWHERE, **defaults):
    return read_sources(list(remotes), Defaults(directory="/srv/fleet", **defaults), environment)


@pytest.fixture
def configured(tmp_path):
    """An environment with a client configuration of each command, and no daemon on this host."""
    (tmp_path / "lxc").mkdir()
    (tmp_path / "incus").mkdir()
    (tmp_path / "lxc" / "config.yml").write_text(
        "remotes:\n"
        "  lxd-a: {addr: 'https://192.0.2.1:8443'}\n"
        "  images: {addr: 'https://images.example', protocol: simplestreams, public: true}\n"
        "  donated: {addr: 'https://192.0.2.9:8443', public: true}\n"
        "  local: {addr: 'unix://'}\n"
    )
    (tmp_path / "incus" / "config.yml").write_text(
        "remotes:\n"
        "  incus-a: {addr: 'https://192.0.2.2:8443', protocol: incus}\n"
        "  docker: {addr: 'https://docker.example', protocol: oci, public: true}\n"
    )
    return {
        "LXD_CONF": str(tmp_path / "lxc"),
        "INCUS_CONF": str(tmp_path / "incus"),
        "LXD_GLOBAL_CONF": "/nonexistent",
        "INCUS_GLOBAL_CONF": "/nonexistent",
        "LXD_SOCKET": "",
    }


def test_a_name_takes_what_the_file_says_for_all():
    assert read("lxd-a", projects=("shop",), on_error="warn", client_config="lxc") == [
        Source("lxd-a", projects=("shop",), on_error="warn", client_config="lxc")
    ]


def test_a_map_says_otherwise():
    given = {"name": "lxd-a", "projects": ["shop", "shop", "blog"], "on_error": "cache", "client_config": "incus"}
    assert read(given, projects=ALL_PROJECTS, on_error="warn") == [
        Source("lxd-a", projects=("shop", "blog"), on_error="cache", client_config="incus")
    ]


def test_all_projects_by_the_word():
    assert read({"name": "lxd-a", "projects": "all"})[0].projects == ALL_PROJECTS


def test_files_lie_beside_the_inventory_file():
    (source,) = read(
        {
            "name": "berlin",
            "url": "https://192.0.2.10:8443",
            "client_cert": "keys/client.crt",
            "client_key": "/etc/client.key",
            "server_cert": "-----BEGIN CERTIFICATE-----\n...",
        }
    )
    assert source.client_cert == "/srv/fleet/keys/client.crt"
    assert source.client_key == "/etc/client.key"
    assert source.server_cert == "-----BEGIN CERTIFICATE-----\n..."
    assert source.access.remote == "berlin"


@pytest.mark.parametrize(
    ("remote", "complaint"),
    [
        (7, "neither the name of a remote nor a map"),
        ("", "neither the name of a remote nor a map"),
        ({"url": "https://192.0.2.1"}, "neither the name of a remote nor a map"),
        ({"name": "a", "project": "x"}, "a: unknown key project: did you mean projects?"),
        ({"name": "a", "on_error": "ignore"}, "on_error: ignore is no choice: there are: fail, warn, cache"),
        ({"name": "a", "client_config": "lxd"}, "client_config: lxd is no choice: did you mean lxc?"),
        ({"name": "a", "projects": {"x": 1}}, "projects is to be a list of names"),
        ({"name": "a", "projects": [1]}, "projects is to be a list of names"),
        ({"name": "a", "url": 8443}, "url is to be text"),
        ({"name": "a", "server_cert": "x.crt"}, "server_cert goes with a url"),
        ({"name": "a", "url": "https://x", "client_cert": "x.crt"}, "client_cert and client_key are needed both"),
    ],
)
def test_mistakes_are_named(remote, complaint):
    with pytest.raises(InvalidInput, match="remotes: ") as raised:
        read(remote)
    assert complaint in str(raised.value)


def test_a_remote_is_named_once():
    with pytest.raises(InvalidInput, match="lxd-a is there twice"):
        read("lxd-a", {"name": "lxd-a", "projects": "all"})


def test_none_named_is_every_server_and_no_image_server(configured):
    assert [source.name for source in read(environment=configured)] == ["incus-a", "lxd-a"]


def test_none_named_of_one_command(configured):
    assert [source.name for source in read(environment=configured, client_config="lxc")] == ["lxd-a"]


def test_none_named_has_this_hosts_daemon_first(configured):
    configured["LXD_SOCKET"] = "/run/daemon/unix.socket"
    assert [source.name for source in read(environment=configured)] == ["local", "incus-a", "lxd-a"]
