# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands against a live migration."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._diagnosis.readiness import Host, findings

GOOD = Host(
    remote="a",
    title="Incus",
    kernel="6.12.3-amd64",
    architecture="x86_64",
    extensions=frozenset({"container_migration_stateful"}),
    cpu_flags=frozenset({"sse2", "avx2"}),
    criu="4.1.1",
)
CONFIG = {
    "raw.lxc": "lxc.cap.drop =\nlxc.console.path = none\n",
    "migration.stateful": "true",
    "security.privileged": "true",
}
CONTAINER = {"name": "c1", "type": "container", "expanded_config": CONFIG}


def test_nothing():
    found = findings(
        GOOD, replace(GOOD, remote="b", kernel="6.18.1", cpu_flags=GOOD.cpu_flags | {"avx512f"}), CONTAINER
    )
    assert (found.missing, found.unknown) == ([], [])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"title": "LXD"}, "neither restores what the other wrote"),
        ({"architecture": "aarch64"}, "x86_64 processors, remote b aarch64"),
        ({"kernel": "6.1.0-40-amd64"}, "the kernel of remote b (6.1.0-40-amd64) is older"),
        ({"cpu_flags": frozenset({"sse2"})}, "lack what those of a have, and processes may use: avx2"),
        ({"criu": "3.17.1"}, "CRIU 3.17.1: it takes 4.1 or newer"),
        ({"criu": ""}, "has no CRIU"),
    ],
)
def test_of_the_target(change, said):
    found = findings(GOOD, replace(GOOD, remote="b", **change))
    (sentence,) = found.missing + found.doubtful
    assert said in sentence and "remote b" in sentence and not found.unknown
    assert bool(found.doubtful) == bool(change.keys() & {"kernel", "cpu_flags"})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"raw.lxc": "lxc.console.path=/dev/null"}, "lxc.console.path=none"),
        ({"raw.lxc": None}, "lxc.console.path=none"),
        ({"migration.stateful": "false"}, "migration.stateful"),
        ({"security.privileged": None}, "unprivileged"),
    ],
)
def test_of_the_container(change, said):
    found = findings(GOOD, replace(GOOD, remote="b"), {**CONTAINER, "expanded_config": {**CONFIG, **change}})
    (sentence,) = found.missing
    assert said in sentence and "container c1" in sentence


def test_a_server_that_does_not_ask_for_the_key():
    lxd = replace(GOOD, title="LXD", extensions=frozenset())
    found = findings(
        lxd, replace(lxd, remote="b"), {**CONTAINER, "expanded_config": {**CONFIG, "migration.stateful": None}}
    )
    assert found.missing == []


def test_what_nobody_says():
    found = findings(replace(GOOD, criu=None), replace(GOOD, remote="b", criu=None, cpu_flags=None))
    assert found.missing == []
    assert found.unknown == [
        "what the processors of remote b can do",
        "whether the host of remote a has CRIU, and which",
        "whether the host of remote b has CRIU, and which",
    ]
