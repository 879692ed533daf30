# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose a file is inside, by whose it is on the host."""

from __future__ import annotations

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._lxc.configuration import Entry
from ansible_collections.flotilla.lxd.plugins.module_utils._lxc.idmap import IdMap


def parsed(*lines: str) -> IdMap:
    return IdMap.parse([Entry("lxc.idmap", line, "config:1") for line in lines])


def test_inside():
    ids = parsed("u 0 100000 1000", "u 1000 1000 1", "g 0 200000 65536")
    assert [ids.inside("uid", number) for number in (100000, 100999, 101000, 1000, 0)] == [0, 999, None, 1000, None]
    assert ids.inside("gid", 200033) == 33


def test_privileged():
    assert parsed().is_empty
    assert parsed().inside("uid", 33) == 33


@pytest.mark.parametrize("line", ["u 0 100000", "b 0 1 2", "u 0 -1 2", "u a b c"])
def test_nonsense(line):
    with pytest.raises(InvalidInput, match="config:1"):
        parsed(line)
