# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left out of a report, and what is not."""

from __future__ import annotations

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._diagnosis.masking import MASK, Masks

SECRET = "tr0ub4dor&3"
CERTIFICATE = f"-----BEGIN CERTIFICATE-----\n{SECRET}\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    "key",
    [
        "user.anything",
        "environment.DATABASE_URL",
        "cloud-init.user-data",
        "cloud-init.ssh-keys.admin",
        "raw.apparmor",
        "core.trust_password",
        "loki.auth.username",
        "maas.api.key",
        "oidc.client.secret",
        "trust_token",
        "certificate",
    ],
)
def test_values_that_may_be_secrets(key):
    assert Masks().content({"config": {key: SECRET}}) == {"config": {key: MASK}}
    assert Masks().content({"devices": {"d": {key: [SECRET]}}}) == {"devices": {"d": {key: MASK}}}


def test_what_is_needed_stays():
    content = {
        "auth": "trusted",
        "certificate_fingerprint": "ab12",
        "config": {
            "limits.memory": "1GiB",
            "security.privileged": "true",
            "raw.idmap": "both 1000 1000",
            "raw.lxc": "lxc.console.path=none\nlxc.cap.drop=\n",
            "volatile.last_state.power": "RUNNING",
        },
        "devices": {"root": {"type": "disk", "path": "/", "pool": "default"}},
        "empty": {"user.nothing": "", "environment.nothing": None, "core.trust_password": True},
    }
    assert Masks().content(content) == content


def test_lines_of_raw_lxc():
    value = f"lxc.console.path = none\nlxc.environment = PW={SECRET}\n# {SECRET}=1\nlxc.hook.start = /opt/{SECRET}"
    masks = Masks()
    masked = masks.text(masks.content({"raw.lxc": value})["raw.lxc"])
    assert masked.startswith("lxc.console.path = none\n") and SECRET not in masked


@pytest.mark.parametrize("text", ["a {} b", '{{"x": "{}"}}', "{}{}"])
def test_what_was_left_out_is_left_out_everywhere(text):
    masks = Masks()
    masks.content({"environment.PW": SECRET})
    assert masks.text(text.replace("{}", SECRET)) == text.replace("{}", MASK)


def test_a_secret_of_several_lines():
    masks = Masks()
    masks.content({"user.user-data": f'#cloud-config\n  password: "{SECRET}"\n'})
    assert SECRET not in masks.text(f'time="now" data="\\n  password: \\"{SECRET}\\"\\n"')


def test_secrets_nobody_named():
    masks = Masks()
    assert masks.text(f"before {CERTIFICATE}after") == f"before {MASK}\nafter"
    assert masks.text(f"lxc.environment = A={SECRET}\nlxc.x = 1") == f"lxc.environment = {MASK}\nlxc.x = 1"
    assert masks.content({"text": CERTIFICATE})["text"] == f"{MASK}\n"


@pytest.mark.parametrize(
    "text",
    [
        "url=/1.0/operations/1/websocket?secret={} 200",
        '{{"token":"{}","name":"c1"}}',
        r'msg="{{\"password\": \"{}\"}}"',
        "Password: {}",
    ],
)
def test_secrets_that_say_what_they_are(text):
    assert Masks().text(text.format(SECRET)) == text.format(MASK)


def test_what_was_left_out_once_is_not_left_out_again():
    assert Masks().text(f'"user.token": "{MASK}"') == f'"user.token": "{MASK}"'


def test_short_values_do_not_take_words_out_of_everything():
    masks = Masks()
    masks.content({"environment.HOME": "/root", "user.on": "true"})
    assert masks.text("/rootfs is true") == "/rootfs is true"
