# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every key of a classic container's configuration, in the words of LXD and Incus."""

from __future__ import annotations

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._lxc.configuration import Entry
from ansible_collections.flotilla.lxd.plugins.module_utils._lxc.draft import Draft
from ansible_collections.flotilla.lxd.plugins.module_utils._lxc.translate import translate

ROOTFS = "/var/lib/lxc/c1/rootfs"
PRIVILEGED = {"security.privileged": "true"}
VETH = ("lxc.net.0.type = veth", "lxc.net.0.link = lxcbr0")
BRIDGED = {"type": "nic", "nictype": "bridged", "parent": "lxcbr0", "name": "eth0"}


def translated(*lines: str) -> Draft:
    """As if these were the configuration's lines."""
    entries = []
    for number, line in enumerate(lines, 1):
        key, _equals, value = line.partition(" = ")
        entries.append(Entry(key, value, f"config:{number}"))
    return translate("c1", entries, ROOTFS)


@pytest.mark.parametrize(
    ("lines", "config"),
    [
        ((), {}),
        (("lxc.environment = A=b=c d",), {"environment.A": "b=c d"}),
        (("lxc.start.auto = 1",), {"boot.autostart": "true"}),
        (("lxc.start.auto = 0",), {"boot.autostart": "false"}),
        (("lxc.start.delay = 5",), {"boot.autostart.delay": "5"}),
        (("lxc.start.order = 10",), {"boot.autostart.priority": "-10"}),
        (("lxc.prlimit.nofile = 1024:unlimited",), {"limits.kernel.nofile": "1024:unlimited"}),
        (("lxc.sysctl.net.ipv4.ip_forward = 1",), {"linux.sysctl.net.ipv4.ip_forward": "1"}),
        # The kernel of either version
        (("lxc.cgroup.memory.limit_in_bytes = 512M",), {"limits.memory": "512MiB"}),
        (("lxc.cgroup2.memory.max = 536870912",), {"limits.memory": "536870912B"}),
        (("lxc.cgroup2.memory.max = max",), {}),
        (("lxc.cgroup2.memory.high = 1g",), {"limits.memory": "1GiB", "limits.memory.enforce": "soft"}),
        (
            ("lxc.cgroup2.memory.high = 1G", "lxc.cgroup2.memory.max = 2G"),
            {"limits.memory": "2GiB"},
        ),
        (("lxc.cgroup2.memory.swap.max = 0",), {"limits.memory.swap": "false"}),
        (
            ("lxc.cgroup.memory.limit_in_bytes = 1G", "lxc.cgroup.memory.memsw.limit_in_bytes = 1G"),
            {"limits.memory": "1GiB", "limits.memory.swap": "false"},
        ),
        (("lxc.cgroup.cpuset.cpus = 0-1,3",), {"limits.cpu": "0-1,3"}),
        (("lxc.cgroup2.cpuset.cpus = 2",), {"limits.cpu": "2-2"}),
        (("lxc.cgroup2.cpu.max = 50000 200000",), {"limits.cpu.allowance": "50ms/200ms"}),
        (("lxc.cgroup2.cpu.max = max 100000",), {}),
        (("lxc.cgroup.cpu.cfs_quota_us = 50000",), {"limits.cpu.allowance": "50ms/100ms"}),
        (
            ("lxc.cgroup.cpu.cfs_quota_us = 50000", "lxc.cgroup.cpu.cfs_period_us = 200000"),
            {"limits.cpu.allowance": "50ms/200ms"},
        ),
        (("lxc.cgroup.pids.max = 300",), {"limits.processes": "300"}),
        (("lxc.cgroup.devices.deny = a",), {}),
        (("lxc.cgroup.devices.allow = c 10:200 rwm",), {}),
        (
            ("lxc.cgroup2.devices.allow = c 226:* rwm",),
            {"raw.lxc": "lxc.cgroup2.devices.allow = c 226:* rwm"},
        ),
        (("lxc.cap.drop = mac_admin sys_time",), {}),
        (("lxc.cap.drop = mac_admin net_raw",), {"raw.lxc": "lxc.cap.drop = net_raw"}),
        (("lxc.apparmor.profile = generated",), {}),
        (("lxc.apparmor.profile = lxc-container-default-with-nesting",), {"security.nesting": "true"}),
        (("lxc.apparmor.allow_nesting = 1",), {"security.nesting": "true"}),
        (("lxc.include = /usr/share/lxc/config/nesting.conf",), {"security.nesting": "true"}),
        (("lxc.apparmor.profile = unconfined",), {"raw.lxc": "lxc.apparmor.profile = unconfined"}),
        (("lxc.apparmor.raw = a,", "lxc.apparmor.raw = b,"), {"raw.apparmor": "a,\nb,"}),
        (("lxc.seccomp.profile = /usr/share/lxc/config/common.seccomp",), {}),
        (
            ("lxc.signal.halt = SIGUSR1", "lxc.pty.max = 10"),
            {"raw.lxc": "lxc.signal.halt = SIGUSR1\nlxc.pty.max = 10"},
        ),
        (("lxc.init.cmd = /sbin/other",), {"raw.lxc": "lxc.init.cmd = /sbin/other"}),
        (("lxc.mount.auto = proc:mixed", "lxc.autodev = 1", "lxc.tty.dir = lxc", "lxc.log.level = INFO"), {}),
        (
            ("lxc.mount.entry = tmpfs tmp tmpfs size=10m 0 0",),
            {"raw.lxc": "lxc.mount.entry = tmpfs tmp tmpfs size=10m 0 0"},
        ),
    ],
)
def test_config(lines, config):
    draft = translated(*lines)
    assert draft.config == {**PRIVILEGED, **config}
    assert draft.lost == []


@pytest.mark.parametrize(
    ("lines", "config"),
    [
        (("u 0 100000 65536", "g 0 100000 65536"), {}),
        (
            ("u 0 100000 1000", "g 0 100000 65536", "u 1000 1000 1", "u 1001 101001 64535"),
            {"raw.idmap": "uid 1000 1000"},
        ),
        (("u 0 100000 1000", "u 1000 1000 2"), {"raw.idmap": "uid 1000-1001 1000-1001"}),
    ],
)
def test_idmap(lines, config):
    draft = translated(*(f"lxc.idmap = {line}" for line in lines))
    assert draft.config == {"security.privileged": "false", **config}


@pytest.mark.parametrize(
    ("lines", "device"),
    [
        ((), None),
        (("lxc.net.0.type = empty",), None),
        (VETH, BRIDGED),
        (
            (*VETH, "lxc.net.0.flags = up", "lxc.net.0.name = lan0", "lxc.net.0.mtu = 1400"),
            {**BRIDGED, "name": "lan0", "mtu": "1400"},
        ),
        ((*VETH, "lxc.net.0.hwaddr = 00:16:3E:aa:bb:cc"), {**BRIDGED, "hwaddr": "00:16:3e:aa:bb:cc"}),
        ((*VETH, "lxc.net.0.hwaddr = 00:16:3e:xx:xx:xx"), BRIDGED),
        ((*VETH, "lxc.net.0.veth.pair = c1-eth0"), {**BRIDGED, "host_name": "c1-eth0"}),
        (("lxc.net.0.type = veth",), {"type": "nic", "nictype": "p2p", "name": "eth0"}),
        (
            ("lxc.net.0.type = macvlan", "lxc.net.0.link = eno1", "lxc.net.0.macvlan.mode = bridge"),
            {"type": "nic", "nictype": "macvlan", "parent": "eno1", "name": "eth0"},
        ),
        (
            ("lxc.net.0.type = phys", "lxc.net.0.link = eno2"),
            {"type": "nic", "nictype": "physical", "parent": "eno2", "name": "eth0"},
        ),
        (
            ("lxc.net.0.type = ipvlan", "lxc.net.0.link = eno1", "lxc.net.0.ipv4.address = 192.0.2.5/32"),
            {"type": "nic", "nictype": "ipvlan", "parent": "eno1", "name": "eth0", "ipv4.address": "192.0.2.5"},
        ),
    ],
)
def test_interface(lines, device):
    draft = translated(*lines)
    assert draft.devices == ({device["name"]: device} if device else {})
    assert draft.lost == []


def test_interfaces_without_names():
    draft = translated("lxc.net.3.type = veth", "lxc.net.1.type = veth", "lxc.net.2.type = empty")
    assert [device["name"] for device in draft.devices.values()] == ["eth0", "eth1"]


@pytest.mark.parametrize(
    ("line", "name", "device"),
    [
        ("/srv srv none bind 0 0", "srv", {"source": "/srv", "path": "/srv"}),
        (
            "/srv srv/data none rbind,ro,create=dir 0 0",
            "srv-data",
            {"source": "/srv", "path": "/srv/data", "readonly": "true", "recursive": "true"},
        ),
        (f"/srv {ROOTFS}/mnt none bind,optional 0 0", "mnt", {"source": "/srv", "path": "/mnt", "required": "false"}),
        (
            r"/srv/a\040b srv none bind,nosuid,noexec 0 0",
            "srv",
            {"source": "/srv/a b", "path": "/srv", "raw.mount.options": "nosuid,noexec"},
        ),
        ("/dev/vg/data data ext4 defaults 0 0", "data", {"source": "/dev/vg/data", "path": "/data"}),
    ],
)
def test_mount(line, name, device):
    draft = translated(f"lxc.mount.entry = {line}")
    assert draft.devices == {name: {"type": "disk", **device}}
    assert draft.notes == [f"the server's host needs {device['source']}, to mount it at {device['path']} (config:1)"]


def test_mounts_of_alike_names():
    lines = [f"lxc.mount.entry = /srv {target} none bind 0 0" for target in ("root", "a/b", "a-b")]
    assert sorted(translated(*lines).devices) == ["a-b", "a-b-2", "root-2"]


@pytest.mark.parametrize(
    "line", ["mqueue dev/mqueue mqueue optional 0 0", "/sys/kernel/security sys/kernel/security none bind 0 0"]
)
def test_what_the_servers_mount_anyway(line):
    draft = translated(f"lxc.mount.entry = {line}")
    assert (draft.devices, draft.lost) == ({}, [])


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (("lxc.hook.pre-start = /x",), "neither LXD nor Incus"),
        (("lxc.something.new = 1",), "neither LXD nor Incus"),
        (("lxc.network.type = veth",), "neither LXD nor Incus"),
        (("lxc.autodev = 0",), "neither LXD nor Incus"),
        (("lxc.mount.auto = proc shmounts:/x",), "neither LXD nor Incus"),
        (("lxc.cap.keep = net_raw",), "neither LXD nor Incus"),
        (("lxc.seccomp.profile = /etc/own.seccomp",), "neither LXD nor Incus"),
        (("lxc.cgroup.blkio.weight = 500",), "neither LXD nor Incus"),
        (("lxc.environment = HOME",), "written down"),
        (("lxc.start.auto = maybe",), "value is unknown"),
        (("lxc.cgroup2.memory.max = lots",), "no size"),
        (("lxc.cgroup2.memory.max = 1G", "lxc.cgroup2.memory.high = 1G"), "hard one"),
        (("lxc.cgroup2.memory.swap.max = 1G",), "not by so much"),
        (("lxc.cgroup2.cpu.max = 500 100000",), "milliseconds"),
        (("lxc.net.0.type = none",), "network of its host"),
        (("lxc.net.0.type = vlan", "lxc.net.0.link = eno1"), "neither LXD nor Incus"),
        ((*VETH, "lxc.net.0.ipv4.address = 192.0.2.5/24"), "sets its addresses"),
        ((*VETH, "lxc.net.0.script.up = /x"), "neither LXD nor Incus"),
        (("lxc.mount.entry = /srv",), "fstab"),
        (("lxc.mount.entry = /srv ../../etc none bind 0 0",), "outside"),
        (("lxc.mount.entry = /srv /etc none bind 0 0",), "outside"),
        (("lxc.mount.entry = nas:/x srv nfs rw 0 0",), "only files"),
        (("lxc.mount.fstab = /etc/fstab.c1",), "neither LXD nor Incus"),
        (("lxc.rootfs.options = ro",), "storage pool"),
    ],
)
def test_lost(lines, reason):
    draft = translated(*lines)
    assert len(draft.lost) == 1
    lost = draft.lost[0]
    assert reason in lost.reason
    assert lost.reason.startswith(f"{lost.key} = ")
    assert "config:" in lost.reason


def test_name_architecture_and_ephemeral():
    draft = translated("lxc.uts.name = web", "lxc.arch = amd64", "lxc.ephemeral = 1")
    assert (draft.architecture, draft.ephemeral, draft.lost) == ("x86_64", True, [])
    assert draft.notes == ["its host name becomes c1 (config:1 says web)"]


def test_what_lxc_brings_is_passed_over():
    entries = [Entry("lxc.hook.start", "/x", "common.conf:1", shipped=True)]
    assert translate("c1", entries, ROOTFS).lost == []
