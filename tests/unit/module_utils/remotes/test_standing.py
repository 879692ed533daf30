# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a remote stands before and after, and what lies between."""

from __future__ import annotations

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._remotes.outcome import Outcome, describe, without_password
from ansible_collections.flotilla.lxd.plugins.module_utils._remotes.standing import Standing, actions, merged

ENTRY = {"addr": "https://a:8443", "auth_type": "tls", "protocol": "lxd", "public": False}
THERE = Standing(ENTRY, fingerprint="1", trusted=True, client_key=True)


@pytest.mark.parametrize(
    ("before", "after", "done"),
    [
        (THERE, THERE, []),
        (Standing(trusted=False), THERE, ["make_key", "trust", "add"]),
        (Standing(trusted=False, client_key=True), THERE, ["trust", "add"]),
        (Standing(trusted=True, client_key=True), THERE, ["add"]),
        (Standing(ENTRY, "1", trusted=False, client_key=True), THERE, ["trust"]),
        (Standing(ENTRY, "2", trusted=True, client_key=True), THERE, ["pin"]),
        (Standing({**ENTRY, "addr": "https://b:8443"}, "1", trusted=True, client_key=True), THERE, ["change"]),
        (Standing(ENTRY), Standing(ENTRY, default=True), ["set_default"]),
        (Standing(ENTRY, default=True), Standing(ENTRY, default=True), []),
        (THERE, Standing(trusted=False, client_key=True), ["revoke", "remove"]),
        (Standing(ENTRY), Standing(), ["remove"]),
        (Standing(), Standing(), []),
    ],
)
def test_actions(before, after, done):
    assert actions(before, after) == done


def test_a_new_entry_has_all_that_is_wanted_and_nothing_that_is_not():
    wanted = {"addr": "https://a:8443", "auth_type": None, "project": None, "protocol": "lxd", "public": True}
    assert merged(None, wanted, "lxd") == {"addr": "https://a:8443", "protocol": "lxd", "public": True}


def test_what_is_not_wanted_otherwise_is_kept():
    existing = {"addr": "https://a:8443", "keepalive": 30}
    assert merged(existing, {"project": "web"}, "incus") == {**existing, "project": "web"}


@pytest.mark.parametrize(
    "existing",
    [
        {"addr": "https://a:8443"},
        {"addr": "https://a:8443/", "project": "default"},
        {"addr": "https://a:8443", "auth_type": "tls", "protocol": "lxd", "public": False, "project": ""},
    ],
)
def test_what_says_the_same_in_other_words_is_left(existing):
    wanted = {"addr": "https://a:8443", "auth_type": "tls", "project": "default", "protocol": "lxd", "public": False}
    assert merged(existing, wanted, "lxd") == existing


def test_a_new_address_makes_the_last_working_one_void():
    existing = {"addr": "https://a:8443,https://b:8443", "last_working_address": "https://b:8443"}
    assert merged(existing, {"addr": "https://c:8443"}, "incus") == {"addr": "https://c:8443"}


def test_the_result_tells_of_the_change_and_of_the_remote():
    result = Outcome(Standing(trusted=False), THERE, "lxc", "foo", THERE).result()
    assert result["changed"] and result["actions"] == ["make_key", "trust", "add"]
    assert result["diff"]["before"] == {"trusted": False, "client_key": False}
    assert result["diff"]["after"] == {
        **ENTRY,
        "fingerprint": "1",
        "default": False,
        "trusted": True,
        "client_key": True,
    }
    assert result["remote"]["name"] == "foo"


def test_an_absent_remote_is_not_in_the_result():
    result = Outcome(Standing(ENTRY), Standing(), "lxc", "foo", Standing()).result()
    assert result["diff"] == {"before": {**ENTRY, "fingerprint": None, "default": False}, "after": {}}
    assert "remote" not in result


def test_no_password_is_shown():
    url = "https://login:hush@mirror.example.org/images"
    assert without_password(url) == "https://login:***@mirror.example.org/images"
    standing = Standing({"addr": url, "protocol": "simplestreams", "public": True})
    assert "hush" not in str(Outcome(Standing(), standing, "incus", "m", standing).result())


@pytest.mark.parametrize(("command", "protocol"), [("lxc", "lxd"), ("incus", "incus")])
def test_a_protocol_that_is_not_said_is_the_commands_own(command, protocol):
    assert describe("foo", command, Standing({"addr": "https://a:8443"}))["protocol"] == protocol
