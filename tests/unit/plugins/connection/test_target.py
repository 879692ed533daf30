# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import ConfigurationError
from ansible_collections.flotilla.lxd.plugins.module_utils._remotes.resolve import Access
from ansible_collections.flotilla.lxd.plugins.plugin_utils._connection.target import choose, locate
from ansible_collections.flotilla.lxd.plugins.plugin_utils._connection.users import User, parse

PASSWD = """\
root:x:0:0:root:/root:/bin/bash
# a comment
broken:x
user:x:1000:100:A User,,,:/home/user:/bin/sh
homeless:x:1001:1001:::/bin/sh
"""


@pytest.mark.parametrize(
    ("container", "address", "host", "meant"),
    [
        (None, None, "web1", "web1"),
        (None, "c1", "web1", "c1"),
        (None, "foo:c1", "web1", "foo:c1"),
        (None, "192.0.2.1", "web1", "web1"),
        (None, "2001:db8::1", "web1", "web1"),
        ("c2", "c1", "web1", "c2"),
        ("c2", "192.0.2.1", "web1", "c2"),
    ],
)
def test_choose(container, address, host, meant):
    assert choose(container, address, host) == meant


def test_the_remote_in_a_name_goes_before_the_other():
    assert locate("foo:c1", Access(remote="bar")) == ("c1", Access(remote="foo"))
    assert locate("c1", Access(remote="bar")) == ("c1", Access(remote="bar"))
    assert locate(":c1", Access(remote="bar")) == ("c1", Access(remote="bar"))


@pytest.mark.parametrize(
    "name", ["", "foo:", "-c", "c-", "c_1", "a.b", "a/b", "a b", "123", "a:b:c", "ü", "c" * 64, "c\n"]
)
def test_what_is_no_name(name):
    with pytest.raises(ConfigurationError, match="ansible_flotilla_container"):
        locate(name, Access())


@pytest.mark.parametrize("name", ["c", "C1", "1c", "a-b", "c" * 63])
def test_what_is_a_name(name):
    assert locate(name, Access())[0] == name


@pytest.mark.parametrize(
    ("name", "user"),
    [
        ("user", User("user", 1000, 100, "/home/user")),
        ("1000", User("user", 1000, 100, "/home/user")),
        ("homeless", User("homeless", 1001, 1001, "/")),
        ("4711", User("4711", 4711, 4711, "/")),
        ("broken", None),
        ("nosuch", None),
    ],
)
def test_users(name, user):
    assert parse(PASSWD, name) == user
