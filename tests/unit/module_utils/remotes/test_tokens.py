# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trust tokens."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._remotes.tokens import decode

CONTENT = {
    "client_name": "me",
    "fingerprint": "AB" * 32,
    "addresses": ["192.0.2.1:8443", "[2001:db8::1]:8443"],
    "secret": "5ec2e7",
    "expires_at": "0001-01-01T00:00:00Z",
}


def encoded(content):
    return base64.b64encode(json.dumps(content).encode()).decode()


def test_a_token_says_where_the_server_is_and_how_to_know_it():
    token = decode(f"  {encoded(CONTENT)}\n")
    assert token.addresses == ("192.0.2.1:8443", "[2001:db8::1]:8443")
    assert token.fingerprint == "ab" * 32
    assert token.text == encoded(CONTENT)
    assert not token.for_identity and not token.expired(datetime.now(UTC))


def test_a_token_does_not_show_itself():
    assert encoded(CONTENT) not in repr(decode(encoded(CONTENT)))


def test_a_token_of_lxds_identities_says_so():
    assert decode(encoded({**CONTENT, "type": "Client certificate"})).for_identity


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-03-04T05:06:07Z", datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("2026-03-04T05:06:07.123456789Z", datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("2026-03-04T05:06:07.1+02:30", datetime(2026, 3, 4, 2, 36, 7, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
    ],
)
def test_when_it_expires(text, time):
    assert decode(encoded({**CONTENT, "expires_at": text})).expires_at == time


def test_expired():
    token = decode(encoded({**CONTENT, "expires_at": "2026-03-04T05:06:07Z"}))
    assert token.expired(datetime(2026, 3, 4, 5, 6, 8, tzinfo=UTC))
    assert not token.expired(datetime(2026, 3, 4, 5, 6, 6, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no token", "not base64"),
        (encoded(CONTENT)[:-5], "not base64"),
        (base64.b64encode(b"{").decode(), "no JSON"),
        (base64.b64encode(b"\xff\xfe").decode(), "no JSON"),
        (encoded([1]), "no JSON object"),
        (encoded({"server_name": "m2", "secret": "5ec2e7"}), "joining a cluster"),
        (encoded({**CONTENT, "secret": ""}), "its client_name, secret or fingerprint is missing"),
        (encoded({**CONTENT, "fingerprint": "ab"}), "its client_name, secret or fingerprint is missing"),
        (encoded({**CONTENT, "addresses": []}), "core.https_address"),
    ],
)
def test_what_is_no_token_is_refused_and_not_quoted(text, words):
    with pytest.raises(InvalidInput, match=words) as refusal:
        decode(text)
    assert text not in str(refusal.value) and "5ec2e7" not in str(refusal.value)
