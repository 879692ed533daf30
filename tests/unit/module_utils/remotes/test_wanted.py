# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user may say of a remote."""

from __future__ import annotations

import base64
import json

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import ConfigurationError, InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._remotes.image_server import image_server_url
from ansible_collections.flotilla.lxd.plugins.module_utils._remotes.keys import generate
from ansible_collections.flotilla.lxd.plugins.module_utils._remotes.wanted import (
    Options,
    check_name,
    server_url,
    understand,
)

PEM = generate("me@here")[0].decode()


@pytest.mark.parametrize("name", ["", "a:b", "a/b", ".", "..", "local"])
def test_names_that_cannot_be(name):
    with pytest.raises(InvalidInput):
        check_name(name)


@pytest.mark.parametrize(
    ("addr", "url"),
    [
        ("https://host:8443", "https://host:8443"),
        ("https://host", "https://host:8443"),
        ("host:9000", "https://host:9000"),
        ("https://[2001:db8::1]:8443/", "https://[2001:db8::1]:8443"),
        ("unix:///run/x.socket", "unix:///run/x.socket"),
    ],
)
def test_addresses_of_servers(addr, url):
    assert server_url("foo", addr) == url


@pytest.mark.parametrize(
    "addr", ["http://host", "unix://relative", "https://host:port", "https://host/images", "ftp://host"]
)
def test_what_is_no_address_of_a_server(addr):
    with pytest.raises((InvalidInput, ConfigurationError), match="foo"):
        server_url("foo", addr)


def test_addresses_of_image_servers():
    assert image_server_url("foo", "https://host/images/") == "https://host/images"
    with pytest.raises(InvalidInput):
        image_server_url("foo", "http://host/images")


def token(fingerprint):
    content = {"client_name": "me", "fingerprint": fingerprint, "addresses": ["a:8443"], "secret": "s"}
    return base64.b64encode(json.dumps(content).encode()).decode()


def test_the_server_is_known_by_its_certificate_wherever_that_was_said(tmp_path):
    file = tmp_path / "server.crt"
    file.write_text(f"some text\n{PEM}")
    expected = understand(Options("foo", server_cert=PEM)).expected
    colons = ":".join(expected[i : i + 2] for i in range(0, 64, 2)).upper()
    same = [
        Options("foo", server_cert=str(file)),
        Options("foo", fingerprint=colons),
        Options("foo", token=token(expected)),
        Options("foo", token=token(expected), fingerprint=expected, server_cert=PEM),
    ]
    assert {understand(options).expected for options in same} == {expected}
    assert understand(Options("foo")).expected is None


def test_certificates_of_different_servers():
    with pytest.raises(InvalidInput, match="different servers"):
        understand(Options("foo", token=token("ab" * 32), fingerprint="cd" * 32))
