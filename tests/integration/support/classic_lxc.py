# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Classic containers on this host, made from the root file systems of the lab's images."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from trees import NUMBERS, as_root_of

from lab.settings import DAEMONS, IMAGES

BRIDGES = {daemon.name: daemon.bridge for daemon in DAEMONS}
# Their addresses come from the bridge of this daemon.
BRIDGE = BRIDGES["lxd-a"]


class ClassicLxc:
    """LXC with a directory of its own; lab.classic.place() makes one and clears it afterwards."""

    def __init__(self, lxcpath: Path) -> None:
        self.lxcpath = lxcpath

    @property
    def url(self) -> str:
        return f"lxc://{self.lxcpath}"

    def create(self, name: str, image: str, *lines: str, network: bool = True, base: int = 0) -> Path:
        """Make a container of ``busybox`` or ``debian/12``, with these lines of configuration; return its rootfs.

        base: the number its root has on this host; unless that is 0, the container is unprivileged.
        """
        built = next(IMAGES.glob(f"{image.replace('/', '-')}@*/rootfs.tar*"))
        rootfs = self.lxcpath / name / "rootfs"
        rootfs.mkdir(parents=True)
        os.chown(rootfs, base, base)
        self._run(*as_root_of(base), "tar", "--extract", "--numeric-owner", f"--file={built}", directory=rootfs)
        (rootfs / "etc" / "hostname").write_text(f"{name}\n")
        os.chown(rootfs / "etc" / "hostname", base, base)
        idmap = (
            "lxc.include = /usr/share/lxc/config/userns.conf",
            *(f"lxc.idmap = {kind} 0 {base} {NUMBERS}" for kind in "ug"),
        )
        nic = ["lxc.net.0.type = veth", f"lxc.net.0.link = {BRIDGE}", "lxc.net.0.flags = up", "lxc.net.0.name = eth0"]
        config = [
            "lxc.include = /usr/share/lxc/config/common.conf",
            f"lxc.uts.name = {name}",
            f"lxc.rootfs.path = dir:{rootfs}",
            *(nic if network else ["lxc.net.0.type = empty"]),
            *(idmap if base else ()),
            *lines,
        ]
        (self.lxcpath / name / "config").write_text("\n".join(config) + "\n")
        return rootfs

    def call(self, command: str, name: str, *arguments: str) -> str:
        """``call("start", "c1")`` is ``lxc-start``; return what it prints."""
        return self._run(f"lxc-{command}", f"--lxcpath={self.lxcpath}", f"--name={name}", *arguments)

    def _run(self, *command: str, directory: Path | None = None) -> str:
        done = subprocess.run(
            command,
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
