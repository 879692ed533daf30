# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a unit publishes, over what it has published before."""

from __future__ import annotations

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._model.publish import Published, check, parse_port, publish
from ansible_collections.flotilla.lxd.plugins.module_utils._model.record import UnitRecord, from_json, key_of, unit_of

THERE = UnitRecord(status="active", relations={"db": {"host": "a", "port": "1"}}, ports=("80/tcp",))


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        (Published(), {}),
        (Published(status="blocked", message="no"), {"status": "blocked", "message": "no"}),
        (Published(relations={"db": {"port": 2}}), {"relations": {"db": {"host": "a", "port": "2"}}}),
        (Published(relations={"db": {"port": None}}), {"relations": {"db": {"host": "a"}}}),
        (Published(relations={"db": {"port": "", "host": None}}), {"relations": {}}),
        (Published(relations={"db": None}), {"relations": {}}),
        (Published(relations={"web": {"up": True}}), {"relations": {**THERE.relations, "web": {"up": "true"}}}),
        (Published(ports=[]), {"ports": ()}),
        (Published(ports=["443/tcp", "80/tcp", "80/tcp"]), {"ports": ("80/tcp", "443/tcp")}),
        (Published(application_data={"db": {"a": 1.5}}), {"application_data": {"db": {"a": "1.5"}}}),
    ],
)
def test_what_is_named_changes_and_the_rest_stays(published, expected):
    after = publish("api/0", THERE, published)
    assert {name: getattr(after, name) for name in expected} == expected
    untouched = {"status", "message", "ports", "relations", "application_data"} - expected.keys()
    assert all(getattr(after, name) == getattr(THERE, name) for name in untouched)
    assert publish("api/0", after, published) == after


@pytest.mark.parametrize("wanted", [{"db": {"host": ["SECRET"]}}, {"db": {"host": {"a": "SECRET"}}}, {"db": "SECRET"}])
def test_what_is_no_text_is_refused_without_being_told(wanted):
    with pytest.raises(InvalidInput, match="relations of unit api/0: .*db") as raised:
        publish("api/0", THERE, Published(relations=wanted))
    assert "SECRET" not in str(raised.value)


def test_only_the_leader_speaks_for_the_application():
    wanted = Published(application_data={"db": {"a": "b"}})
    check("api/0", True, wanted)
    with pytest.raises(InvalidInput, match="unit api/1 is not the leader"):
        check("api/1", False, wanted)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("80/tcp", ("tcp", 80, 80)), ("53/udp", ("udp", 53, 53)), ("8000-8010/tcp", ("tcp", 8000, 8010))],
)
def test_ports(text, expected):
    assert parse_port(text) == expected


@pytest.mark.parametrize("text", ["80", "0/tcp", "70000/tcp", "9-8/tcp", "80/icmp", "x"])
def test_what_is_no_port(text):
    with pytest.raises(InvalidInput, match="ports: "):
        parse_port(text)


def test_a_record_comes_back_from_its_text():
    record = UnitRecord(
        principal="api/0", failed="x", relations={"a": {"b": "c"}}, ports=("1/tcp",), installed="i", seen="s"
    )
    assert from_json(record.to_json(), "x") == record
    assert UnitRecord().shown_status == "waiting" and record.shown_status == "error"
    assert unit_of(key_of("node-api/10")) == "node-api/10"
    for text in ("", "[]", '{"ports": 1}'):
        with pytest.raises(InvalidInput, match="of unit api/0 .* not understood"):
            from_json(text, "unit api/0")
