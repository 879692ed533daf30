# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a name to a remote: where images come from."""

from __future__ import annotations

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import ConfigurationError
from ansible_collections.flotilla.lxd.plugins.module_utils._api.server import INCUS, LXD
from ansible_collections.flotilla.lxd.plugins.module_utils._remotes.resolve import image_source


def test_a_name_in_both_configurations_is_that_of_the_servers_own_kind(home):
    home.write("lxc", "remotes: {images: {addr: 'https://l', protocol: simplestreams, public: true}}\n")
    home.write("incus", "remotes: {images: {addr: 'https://i', protocol: simplestreams, public: true}}\n")
    assert image_source("images", LXD, home.environment).url == "https://l"
    assert image_source("images", INCUS, home.environment).url == "https://i"
    assert image_source("images", INCUS, home.environment, client_config="lxc").url == "https://l"


def test_the_other_configuration_is_asked_next_and_built_in_ones_last(home):
    home.write("lxc", "remotes: {images: {addr: 'https://l', protocol: simplestreams, public: true}}\n")
    assert image_source("images", INCUS, home.environment).url == "https://l"
    ubuntu = image_source("ubuntu", INCUS, home.environment)
    assert ubuntu.url == "https://cloud-images.ubuntu.com/releases" and ubuntu.public and not ubuntu.is_daemon


@pytest.mark.parametrize(
    ("kind", "url"), [(LXD, "https://images.lxd.canonical.com"), (INCUS, "https://images.linuxcontainers.org")]
)
def test_without_any_configuration(home, kind, url):
    assert image_source("images", kind, home.environment).url == url


def test_local_is_the_daemon_of_the_servers_own_kind(home):
    environment = {**home.environment, "LXD_DIR": "/srv/l", "INCUS_DIR": "/srv/i"}
    assert image_source("local", INCUS, environment).url == "unix:///srv/i/unix.socket"
    assert image_source("local", LXD, environment).url == "unix:///srv/l/unix.socket"


def test_an_unknown_name(home):
    with pytest.raises(ConfigurationError, match="not in the client configuration"):
        image_source("nowhere", LXD, home.environment)
