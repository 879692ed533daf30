# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tiny image: one static program, links to it, and a few lines of shell. About 1 MB, up in no time."""

from __future__ import annotations

import hashlib
import os
import platform
import re
from typing import Any

from .._api.deadline import Deadline
from .._api.errors import InvalidInput
from . import build_programs as programs
from .build_source import Base, need_root
from .metadata import ARCHITECTURES, USUAL_TEMPLATES

_INIT = r"""#!/bin/sh
# PID 1 of the busybox image. LXD and Incus ask a container to halt with SIGPWR, which busybox' own init does not
# know: every clean stop would last until its timeout. Here the container is down as soon as this shell ends.

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
trap 'exit 0' PWR TERM INT

hostname -F /etc/hostname
ip link set lo up

# A loop, because a network device may be attached only later, or again.
while :; do
    [ -e /sys/class/net/eth0 ] &&
        udhcpc -f -i eth0 -t 20 -T 1 -A 1 -s /etc/udhcpc/default.script -x "hostname:$(hostname)" >/dev/null 2>&1
    sleep 1
done &

# While it waits the shell reaps orphans and hears signals; the loop above never ends, so neither does this.
while :; do wait; done
"""
_UDHCPC = r"""#!/bin/sh
# Called by udhcpc with what has happened as argument, and what the server said in variables.

case "$1" in
    deconfig)
        ip address flush dev "$interface"
        ip link set "$interface" up
        ;;
    bound | renew)
        ip address replace "$ip/${mask:-24}" dev "$interface"
        [ -z "$router" ] || ip route replace default via "${router%% *}" dev "$interface"
        {
            [ -z "$domain" ] || echo "search $domain"
            for server in $dns; do echo "nameserver $server"; done
        } >/etc/resolv.conf
        ;;
esac
"""
_DIRECTORIES = (
    *("bin", "sbin", "usr", "usr/bin", "usr/sbin", "usr/share"),
    *("dev", "etc", "etc/udhcpc", "home", "mnt", "proc", "run", "sys", "var", "var/log", "var/run"),
)
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n",
    "etc/group": "root:x:0:\nuser:x:1000:\n",
    "etc/shells": "/bin/sh\n/bin/ash\n",
    "etc/profile": "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n",
}
# It lists itself as well: a link there would lead to itself. And init is ours.
_NOT_LINKED = ("bin/busybox", "sbin/init", "linuxrc")
# Where a program names what loads its libraries.
_HEAD = 4096
_QUICK = 30.0


class BusyboxSource:
    """A system out of the busybox of this host, with an init of its own, DHCP, and the user ``user``."""

    templates = USUAL_TEMPLATES
    is_made = True

    def inputs(self) -> dict[str, Any]:
        digest = hashlib.sha256(_program())
        digest.update(repr((_INIT, _UDHCPC, _DIRECTORIES, _FILES)).encode())
        return {"busybox": digest.hexdigest()}

    def look(self, architecture: str) -> Base:
        need_root("the busybox image")
        if architecture != platform.machine():
            raise InvalidInput(f"busybox here is for {platform.machine()}, and no image for {architecture} comes of it")
        if re.search(rb"/lib\w*/ld[-.\w]+\.so", _program()[:_HEAD]):
            raise InvalidInput(
                "busybox here is not static, and does not run alone: it takes the package busybox-static"
            )
        properties = {"os": "Busybox", "release": _version(), "architecture": ARCHITECTURES[architecture]}
        return Base({"properties": {**properties, "variant": "default"}})

    def make(self, scratch: str, created: int, architecture: str, deadline: Deadline) -> str:
        tree = os.path.join(scratch, "tree")
        for name in ("", *_DIRECTORIES):
            _directory(os.path.join(tree, name))
        _directory(os.path.join(tree, "root"), 0o700)
        _directory(os.path.join(tree, "tmp"), 0o1777)
        _directory(os.path.join(tree, "var/tmp"), 0o1777)
        _directory(os.path.join(tree, "home/user"))
        os.chown(os.path.join(tree, "home/user"), 1000, 1000)
        for name, text in _FILES.items():
            _file(os.path.join(tree, name), text.encode())
        _file(os.path.join(tree, "etc/shadow"), b"root:*:::::::\nuser:*:::::::\n", 0o600)
        release = f'ID=busybox\nNAME=Busybox\nVERSION_ID="{_version()}"\n'
        _file(os.path.join(tree, "etc/os-release"), release.encode())
        _file(os.path.join(tree, "sbin/init"), _INIT.encode(), 0o755)
        _file(os.path.join(tree, "etc/udhcpc/default.script"), _UDHCPC.encode(), 0o755)
        _file(os.path.join(tree, "bin/busybox"), _program(), 0o755)
        for applet in programs.run(["busybox", "--list-full"], deadline).split():
            if applet not in _NOT_LINKED:
                os.symlink("/bin/busybox", os.path.join(tree, applet))
        return tree


def _version() -> str:
    return programs.run(["busybox"], Deadline(_QUICK)).split()[1].lstrip("v")


def _program() -> bytes:
    with open(programs.find("busybox"), "rb") as stream:
        return stream.read()


def _directory(path: str, mode: int = 0o755) -> None:
    os.mkdir(path)
    os.chmod(path, mode)


def _file(path: str, content: bytes, mode: int = 0o644) -> None:
    with open(path, "wb") as stream:
        stream.write(content)
    os.chmod(path, mode)
