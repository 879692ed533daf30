# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How what the user names is laid over what is there."""

from __future__ import annotations

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._resources import values

NIC = {"type": "nic", "network": "br0"}


@pytest.mark.parametrize(
    ("value", "stored"), [(True, "true"), (False, "false"), (2, "2"), ("2GiB", "2GiB"), ("True", "True"), (1.5, "1.5")]
)
def test_as_stored(value, stored):
    assert values.as_stored(value) == stored


@pytest.mark.parametrize("value", [{"a": 1}, [1], object()])
def test_what_is_no_value(value):
    with pytest.raises(InvalidInput, match="has to be text"):
        values.as_stored(value)


def test_keys_are_set_unset_and_kept():
    current = {"user.a": "1", "user.b": "2", "volatile.x": "v"}
    assert values.merge_config(current, {"user.a": 3, "user.b": None, "user.c": ""}, exact=False, owner="c1") == {
        "user.a": "3",
        "volatile.x": "v",
    }
    assert values.merge_config(current, None, exact=False, owner="c1") == current


def test_exact_config_keeps_what_the_server_owns():
    current = {"user.a": "1", "volatile.x": "v", "image.os": "Debian"}
    assert values.merge_config(current, {"user.b": 1}, exact=True, owner="c1") == {
        "user.b": "1",
        "volatile.x": "v",
        "image.os": "Debian",
    }


def test_devices_one_at_a_time():
    current = {"eth0": NIC, "eth1": {**NIC, "mtu": "1400"}}
    wanted = {"eth0": None, "eth1": {"mtu": None, "name": "lan"}, "eth2": NIC, "eth9": None}
    assert values.merge_devices(current, wanted, exact=False, owner="c1") == {
        "eth1": {**NIC, "name": "lan"},
        "eth2": NIC,
    }
    assert current["eth1"] == {**NIC, "mtu": "1400"}


def test_exact_devices():
    assert values.merge_devices({"eth0": NIC, "eth1": NIC}, {"eth1": NIC}, exact=True, owner="c1") == {"eth1": NIC}


@pytest.mark.parametrize("device", [{"network": "br0"}, {"type": None}, {"type": ""}, "nic"])
def test_device_that_is_none(device):
    with pytest.raises(InvalidInput, match="device eth5 of c1"):
        values.merge_devices({}, {"eth5": device}, exact=False, owner="c1")


def test_exact_with_nothing_given():
    with pytest.raises(InvalidInput, match="no config of c1"):
        values.merge_config({"user.a": "1"}, None, exact=True, owner="c1")
    with pytest.raises(InvalidInput, match="no devices of c1"):
        values.merge_devices({"eth0": NIC}, None, exact=True, owner="c1")


def test_a_value_that_is_none_is_named_but_not_shown():
    with pytest.raises(InvalidInput, match="user.x of c1") as caught:
        values.merge_config({}, {"user.x": ["s3cret"]}, exact=False, owner="c1")
    assert "s3cret" not in str(caught.value)
