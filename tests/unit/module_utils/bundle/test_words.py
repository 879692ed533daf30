# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The small languages in a bundle: placements, constraints, storage, names."""

from __future__ import annotations

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle import constraints, placement, storage
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.constraints import Constraints
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.limits import Limits, limits
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.names import natural
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.placement import Placement
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.storage import Storage


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("web", Placement(application="web")),
        ("web45", Placement(application="web45")),
        ("web/0", Placement(application="web", unit=0)),
        ("99", Placement(machine="99")),
        ("new", Placement(machine="new")),
        ("lxd:web", Placement("lxd", "web")),
        ("lxd:web/12", Placement("lxd", "web", 12)),
        ("lxc:99", Placement("lxc", machine="99")),
        ("lxd:new", Placement("lxd", machine="new")),
        *(
            (text, None)
            for text in ("", ":0", "05", "new/2", "lxd:", "LXD:0", "0/lxd/0", "a=0", "lxd:a=0", "0,new", "a/01")
        ),
    ],
)
def test_placements(text, expected):
    assert placement.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("new", True), ("lxd:new", True), ("web", True), ("lxd:web", True), ("0", False), ("web/0", False)],
)
def test_placements_that_hold_for_further_units(text, expected):
    assert placement.parse(text).may_repeat is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Constraints()),
        ("  ", Constraints()),
        ("mem=2G cores=2", Constraints(mem=2048, cores=2)),
        ("mem=512", Constraints(mem=512)),
        ("mem=1.5G root-disk=.5T", Constraints(mem=1536, root_disk=524288)),
        ("mem=0.1M root-disk=1P", Constraints(mem=1, root_disk=1073741824)),
        ("mem= cores=", Constraints(mem=0, cores=0)),
        ("cpu-cores=4  cpu-power=100", Constraints(cores=4, cpu_power=100)),
        ("arch=arm64 container=lxd", Constraints(arch="arm64", container="lxd")),
        ("tags=a,b zones= spaces=in,^out", Constraints(tags=("a", "b"), zones=(), spaces=("in", "^out"))),
        ("zones=zone\\ one,two", Constraints(zones=("zone one", "two"))),
        (
            "nested-virtualization=true allocate-public-ip=",
            Constraints(nested_virtualization=True, allocate_public_ip=False),
        ),
        (
            "instance-type=m1 instance-role=r virt-type=container",
            Constraints(instance_type="m1", instance_role="r", virt_type="container"),
        ),
        ("image-id=debian/12 root-disk-source=fast", Constraints(image_id="debian/12", root_disk_source="fast")),
    ],
)
def test_constraints(text, expected):
    assert constraints.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("bad wolf", 'malformed constraint "bad"'),
        ("=2G", 'malformed constraint "=2G"'),
        ("foo=bar", 'unknown constraint "foo"'),
        ("we=are=the=borg", 'unknown constraint "we"'),
        ("mem=1G mem=2G", 'bad "mem" constraint: already set'),
        ("cores=1 cpu-cores=2", 'bad "cpu-cores" constraint: already set'),
        ("mem=-1G", 'bad "mem" constraint: must be a non-negative float with optional M/G/T/P suffix'),
        ("mem=2K", 'bad "mem" constraint: must be a non-negative float with optional M/G/T/P suffix'),
        ("mem=2G,cores=2", 'bad "mem" constraint: must be a non-negative float with optional M/G/T/P suffix'),
        ("cores=two", 'bad "cores" constraint: must be a non-negative integer'),
        ("cores=-1", 'bad "cores" constraint: must be a non-negative integer'),
        ("arch=vax", 'bad "arch" constraint: "vax" not recognized'),
        ("container=jail", 'bad "container" constraint: "jail" not recognized'),
        ("allocate-public-ip=maybe", "bad \"allocate-public-ip\" constraint: must be 'true' or 'false'"),
        ("spaces=_x", 'bad "spaces" constraint: "_x" is not a valid space name'),
    ],
)
def test_what_is_no_constraint(text, reason):
    with pytest.raises(InvalidInput) as error:
        constraints.parse(text)
    assert str(error.value) == reason


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Limits()),
        ("mem= cores= arch= root-disk= tags=", Limits()),
        ("mem=2G cores=2", Limits(config={"limits.memory": "2048MiB", "limits.cpu": "2"})),
        ("root-disk=16G root-disk-source=fast", Limits(root={"size": "16384MiB", "pool": "fast"})),
        ("arch=ppc64el zones=a,b", Limits(architecture="ppc64le", zones=("a", "b"))),
        ("virt-type=virtual-machine", Limits(kind="virtual-machine")),
        ("image-id=debian/12 instance-type=c2-m4", Limits(image="debian/12", instance_type="c2-m4")),
    ],
)
def test_what_constraints_are_for_a_container(text, expected):
    assert limits(constraints.parse(text)) == expected


def test_constraints_without_a_counterpart():
    text = (
        "allocate-public-ip=true container=lxd cpu-power=1 instance-role=r nested-virtualization=true spaces=a tags=a"
        " virt-type=lxc mem=1G"
    )
    found = limits(constraints.parse(text))
    assert [name for name, _reason in found.without] == [
        *("allocate-public-ip", "container", "cpu-power", "instance-role", "nested-virtualization", "spaces", "tags"),
        "virt-type",
    ]
    assert all(reason for _name, reason in found.without)
    assert found.config == {"limits.memory": "1024MiB"}


@pytest.mark.parametrize("arch", constraints.ARCHITECTURES)
def test_every_architecture_has_a_name_in_the_api(arch):
    assert limits(Constraints(arch=arch)).architecture


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8G", Storage(size=8192)),
        ("3,10G", Storage(count=3, size=10240)),
        ("lxd,8G", Storage("lxd", 1, 8192)),
        ("ssd,2", Storage("ssd", 2)),
        ("123", Storage(count=123)),
        ("1.5TiB,fast-1,", Storage("fast-1", 1, 1572864)),
    ],
)
def test_storage(text, expected):
    assert storage.parse_storage(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "storage constraints require at least one field to be specified"),
        ("bad storage", 'unrecognized storage constraint "bad storage" not valid'),
        ("8X", 'unrecognized storage constraint "8X" not valid'),
        ("a,b", 'pool name is already set to "a", new value "b" not valid'),
        ("0", 'cannot parse count: count must be greater than zero, got "0"'),
        ("-1", 'cannot parse count: count must be greater than zero, got "-1"'),
        ("-1G", 'cannot parse size: expected a non-negative number, got "-1G"'),
    ],
)
def test_what_is_no_storage(text, reason):
    with pytest.raises(InvalidInput) as error:
        storage.parse_storage(text)
    assert str(error.value) == reason


@pytest.mark.parametrize("text", ["a,b", "0,gpu", "1,gpu,x", "1,gpu,a=b,c"])
def test_what_is_no_device(text):
    with pytest.raises(InvalidInput):
        storage.check_device(text)


def test_names_are_sorted_as_people_do():
    assert sorted(["a10", "a2", "b1", "a", "10", "9"], key=natural) == ["9", "10", "a", "a2", "a10", "b1"]
