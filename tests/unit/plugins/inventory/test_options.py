# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.plugin_utils._inventory.options import check

DEFINITIONS = {
    "states": {"type": "list", "choices": ["running", "stopped"]},
    "on_error": {"type": "str", "choices": {"fail": "...", "warn": "..."}},
    "remotes": {"type": "list"},
}


def test_what_there_is():
    check({"states": ["running"], "on_error": "warn", "remotes": [{"name": "x"}]}, DEFINITIONS)
    check({"states": None}, DEFINITIONS)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"remote": []}, "unknown option remote: did you mean remotes?"),
        ({"zone": []}, "unknown option zone: there are: states, on_error, remotes"),
        ({"states": ["running", "stoped"]}, "states: stoped is no choice: did you mean stopped?"),
        ({"on_error": "ignore"}, "on_error: ignore is no choice: there are: fail, warn"),
    ],
)
def test_what_there_is_not(content, complaint):
    with pytest.raises(InvalidInput) as raised:
        check(content, DEFINITIONS)
    assert str(raised.value) == complaint
