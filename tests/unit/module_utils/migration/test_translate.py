# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container in the words of another server, what the target can take of it, and whether it arrived."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.server import INCUS, LXD, Server
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.end import Seen
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.known_keys import unlisted
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.preflight import Ground, Question, findings
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.snapshots import Adaptation
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.translate import Changes, changes, translated
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.verify import differences, snapshot_differences

CONTENT = {
    "name": "c1",
    "architecture": "x86_64",
    "config": {
        "user.x": "1",
        "image.os": "Debian",
        "security.devlxd": "true",
        "user.flotilla.migration": "{}",
        "user.flotilla.copy_of": "a/default/c0",
        "volatile.base_image": "abc",
        "volatile.uuid": "u",
        "volatile.uuid.generation": "u",
        "volatile.eth0.hwaddr": "00:16:3e:00:00:01",
        "volatile.eth0.host_name": "veth1",
        "volatile.eth0.last_state.created": "false",
        "volatile.cloud-init.instance-id": "i",
        "volatile.idmap.current": "[]",
        "volatile.last_state.idmap": "[]",
        "volatile.last_state.power": "STOPPED",
    },
    "description": "d",
    "devices": {
        "eth0": {"type": "nic", "network": "lxdbr0"},
        "eth1": {"type": "nic", "nictype": "bridged", "parent": "br0"},
    },
    "expanded_devices": {"disk": {"type": "disk", "path": "/", "pool": "default", "size": "1GiB"}},
    "ephemeral": False,
    "profiles": ["default", "small"],
    "status_code": 103,
    "expanded_config": {},
}


def moved(mode="move", source=LXD, target=INCUS, **changes):
    return translated(CONTENT, mode, source, target, Changes(**changes))


def test_a_moved_container_keeps_what_makes_it_itself():
    assert moved()["config"] == {
        "user.x": "1",
        "image.os": "Debian",
        "security.guestapi": "true",
        "volatile.base_image": "abc",
        "volatile.uuid": "u",
        "volatile.eth0.hwaddr": "00:16:3e:00:00:01",
        "volatile.cloud-init.instance-id": "i",
    }


def test_a_copy_keeps_its_image():
    config = moved("copy", LXD, LXD)["config"]
    assert {key for key in config if key.startswith("volatile.")} == {"volatile.base_image"}
    assert config["security.devlxd"] == "true"


def test_changes_on_the_way():
    body = moved(
        profiles={"small": "tiny", "default": None},
        networks={"lxdbr0": "incusbr0", "br0": "br1"},
        config={"user.x": None, "user.y": True},
        devices={"eth1": None, "tmp": {"type": "disk", "source": "/tmp", "path": "/tmp"}},
        pool="fast",
    )
    assert body["profiles"] == ["tiny"]
    assert "user.x" not in body["config"] and body["config"]["user.y"] == "true"
    assert body["devices"] == {
        "eth0": {"type": "nic", "network": "incusbr0"},
        "tmp": {"type": "disk", "source": "/tmp", "path": "/tmp"},
        "disk": {"type": "disk", "path": "/", "pool": "fast", "size": "1GiB"},
    }
    assert CONTENT["devices"]["eth0"]["network"] == "lxdbr0"


def test_differences():
    body = moved()
    there = {**body, "config": {**body["config"], "volatile.idmap.next": "[]", "user.flotilla.migration": "{}"}}
    assert differences(body, there) == []
    config = {**there["config"], "user.x": "secret", "user.new": "1", "volatile.eth0.hwaddr": "other"}
    found = differences(body, {**there, "config": config, "devices": {}, "description": None})
    assert len(found) == 5 and "secret" not in str(found)


def test_snapshot_differences():
    one = {"name": "s0", "config": {"user.x": "1", "volatile.x": "1"}, "devices": {}, "profiles": ["default"]}
    same = {
        **one,
        "name": "c1/s0",
        "config": {"user.x": "1"},
        "devices": {"root": {"path": "/", "pool": "p"}},
        "size": 1,
    }
    assert snapshot_differences([one], [same]) == []
    assert snapshot_differences([one], []) == ["its snapshot s0 is missing"]
    assert snapshot_differences([], [one]) == ["it has a snapshot s0 that the source has not"]
    assert snapshot_differences([one], [{**same, "config": {}}]) == ["user.x of its snapshot s0 is missing"]
    assert len(snapshot_differences([one], [{**same, "profiles": [], "devices": {"a": {}}}])) == 2


VOLUME = {"type": "disk", "pool": "default", "source": "v1", "path": "/srv"}
GROUND = Ground(
    profiles={"default": {"root": {"type": "disk", "path": "/", "pool": "default"}}, "small": {}},
    networks=frozenset({"lxdbr0", "br0"}),
    pools=frozenset({"default"}),
    architectures=frozenset({"x86_64"}),
)


def asked(content=None, body=None, mode="move", running="move", snapshots="all", usage=0, profiles=None):
    seen = Seen(content or CONTENT, ({"name": "s0", "profiles": ["default"]},))
    return Question(mode, running, snapshots, seen, body or moved(), profiles or {}, usage)


@pytest.mark.parametrize(
    ("question", "ground", "expected"),
    [
        (asked(), GROUND, []),
        (
            asked(),
            Ground({}, frozenset(), frozenset(), frozenset({"aarch64"}), ["a.b"]),
            [
                "profile default",
                "profile small",
                "network lxdbr0",
                "network br0",
                "root disk",
                "architecture",
                "know a.b",
            ],
        ),
        (asked(running="refuse"), GROUND, ["running: refuse"]),
        (asked({**CONTENT, "ephemeral": True}), GROUND, ["ephemeral"]),
        (asked({**CONTENT, "ephemeral": True}, running="live"), GROUND, []),
        (asked({**CONTENT, "ephemeral": True}, mode="copy"), GROUND, []),
        (asked({**CONTENT, "status_code": 110}, running="live"), GROUND, ["frozen"]),
        (asked({**CONTENT, "status_code": 112, "status": "Error"}), GROUND, ["it is error"]),
        (asked({**CONTENT, "expanded_config": {"security.protection.delete": "true"}}), GROUND, ["protection.delete"]),
        (asked(snapshots="s0"), GROUND, ["mode: copy"]),
        (asked(snapshots="s1", mode="copy"), GROUND, ["no snapshot s1"]),
        (asked(snapshots="s0", mode="copy"), GROUND, []),
        (asked(profiles={"s0": ["gone"]}), GROUND, ["profile gone"]),
        (asked(usage=10), Ground(**{**vars(GROUND), "pool_free": 9}), ["10 bytes"]),
        (asked(usage=10), Ground(**{**vars(GROUND), "pool_free": 11}), []),
        (asked(body=moved(pool="fast")), GROUND, ["storage pool fast"]),
        (replace(asked(), member="m1"), GROUND, ["no cluster"]),
        (replace(asked(), member="m1"), replace(GROUND, members=frozenset({"m2"})), ["member m1"]),
        (replace(asked(), member="m2"), replace(GROUND, members=frozenset({"m2"})), []),
        (replace(asked(), member="@rack"), replace(GROUND, members=frozenset({"m2"})), []),
        (asked(body=moved(devices={"d": VOLUME})), GROUND, ["volume v1 in storage pool default"]),
        (asked(body=moved(devices={"d": VOLUME})), replace(GROUND, volumes=frozenset({("default", "v1")})), []),
        (asked(body=moved(devices={"d": {**VOLUME, "pool": "p"}})), GROUND, ["storage pool p"]),
        (asked(body=moved(devices={"d": {"type": "disk", "source": "/srv", "path": "/srv"}})), GROUND, []),
    ],
)
def test_findings(question, ground, expected):
    found = findings(question, ground)
    assert len(found) == len(expected), found
    assert all(part in text for part, text in zip(expected, found, strict=True)), found


def test_what_differs_from_the_source():
    body = moved(profiles={"small": "tiny"}, networks={"lxdbr0": "br-web"})
    before, after = changes(CONTENT, body)
    assert before == {
        "config": {"security.devlxd": "true"},
        "devices": {"eth0": {"type": "nic", "network": "lxdbr0"}},
        "profiles": ["default", "small"],
    }
    assert after == {
        "config": {"security.guestapi": "true"},
        "devices": {"eth0": {"type": "nic", "network": "br-web"}},
        "profiles": ["default", "tiny"],
    }


def test_keys_that_a_server_does_not_list():
    listing = {
        "configs": {"instance": {"boot": {"keys": [{"boot.autostart": {}}]}, "misc": {"keys": [{"environment.*": {}}]}}}
    }
    assert unlisted(["boot.autostart", "environment.x", "oci.x", "boot"], listing) == ["boot", "oci.x"]
    assert unlisted(["a"], {}) == ["a"]


def server(kind, *extensions):
    return Server(kind, True, frozenset(extensions))


def test_the_config_of_snapshots_is_adapted():
    snapshot = {"name": "s0", "config": {"volatile.uuid.generation": "u", "security.guestapi": "true", "user.x": "1"}}
    to_old = Adaptation(server(INCUS, "metadata_configuration"), server(LXD), frozenset({"user.x"}))
    assert to_old.of(snapshot)["config"] == {"security.devlxd": "true"}
    assert to_old.is_needed([snapshot])
    to_same = Adaptation(server(INCUS), server(INCUS, "metadata_configuration"))
    assert not to_same.is_needed([snapshot])


def test_snapshots_have_the_profiles_that_the_container_has_then():
    snapshot = {"name": "s0", "config": {}, "profiles": ["default", "small", "odd"]}
    mapped = Adaptation(server(LXD), server(LXD), profiles={"small": "tiny", "odd": None})
    assert mapped.of(snapshot)["profiles"] == ["default", "tiny"]
    assert mapped.is_needed([snapshot])
    assert not mapped.is_needed([{**snapshot, "profiles": ["default"]}])
