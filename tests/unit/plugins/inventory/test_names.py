# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.plugin_utils._inventory.names import host_names


@pytest.fixture
def names(container):
    """Names for containers given as remote/project/name."""

    def choose(*containers, full=False):
        parts = [one.split("/") for one in containers]
        return host_names([container(remote=r, project=p, name=n) for r, p, n in parts], full=full)

    return choose


def test_its_own_where_nobody_else_has_it(names):
    assert names("a/default/web", "b/default/db") == ["web", "db"]


def test_each_with_its_remote_where_two_have_it(names):
    assert names("a/default/web", "b/default/web", "b/default/db") == ["web.a", "web.b", "db"]


def test_with_the_project_where_that_is_still_alike(names):
    assert names("a/shop/web", "a/blog/web", "b/shop/web") == ["web.shop.a", "web.blog.a", "web.b"]


def test_full(names):
    assert names("a/shop/web", "b/blog/db", full=True) == ["web.shop.a", "db.blog.b"]


@pytest.mark.parametrize("name", ["localhost", "all", "ungrouped"])
def test_never_what_a_play_means_by_it(names, name):
    assert names(f"a/default/{name}") == [f"{name}.a"]


def test_nothing_that_a_host_pattern_splits_at(names):
    assert names("my servers:1/default/web", "b/default/web") == ["web.my_servers_1", "web.b"]


def test_dots_may_not_make_two_alike(names):
    with pytest.raises(InvalidInput, match=r"two containers would be called c\.x\.y\.z: c of project x\.y on z"):
        names("z/x.y/c", "y.z/x/c", full=True)
