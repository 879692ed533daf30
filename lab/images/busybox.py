# SPDX-License-Identifier: GPL-3.0-or-later
"""The image `busybox`: one static program, links to it, and a few lines of shell. Under 1 MB, up in no time."""

from __future__ import annotations

import tarfile
import time
from pathlib import Path

from lab.images import metadata
from lab.run import run

HERE = Path(__file__).parent
BUSYBOX = "/usr/bin/busybox"

DIRECTORIES = [
    *("bin", "sbin", "usr", "usr/bin", "usr/sbin", "usr/share"),
    *("dev", "etc", "etc/udhcpc", "home", "mnt", "proc", "run", "sys", "var", "var/log", "var/run"),
]
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n",
    "etc/group": "root:x:0:\nuser:x:1000:\n",
    "etc/shadow": "root:*:::::::\nuser:*:::::::\n",
    "etc/shells": "/bin/sh\n/bin/ash\n",
    "etc/profile": "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n",
}


def build(directory: Path) -> None:
    """Write metadata.tar.gz and rootfs.tar.gz to `directory`."""
    version = run(BUSYBOX).split()[1].removeprefix("v")
    metadata.write(
        directory / "metadata.tar.gz",
        os="Busybox",
        release=version,
        architecture=run("dpkg", "--print-architecture").strip(),
        created=int(time.time()),
    )
    with tarfile.open(directory / "rootfs.tar.gz", "w:gz") as tar:
        for name in DIRECTORIES:
            metadata.add_directory(tar, name)
        metadata.add_directory(tar, "root", 0o700)
        metadata.add_directory(tar, "tmp", 0o1777)
        metadata.add_directory(tar, "var/tmp", 0o1777)
        metadata.add_directory(tar, "home/user", owner=1000)
        for name, text in FILES.items():
            metadata.add_file(tar, name, text.encode(), 0o600 if name == "etc/shadow" else 0o644)
        metadata.add_file(tar, "etc/os-release", f'ID=busybox\nNAME=Busybox\nVERSION_ID="{version}"\n'.encode())
        metadata.add_file(tar, "sbin/init", (HERE / "busybox-init").read_bytes(), 0o755)
        metadata.add_file(tar, "etc/udhcpc/default.script", (HERE / "busybox-udhcpc").read_bytes(), 0o755)
        metadata.add_file(tar, "bin/busybox", Path(BUSYBOX).read_bytes(), 0o755)
        for applet in run(BUSYBOX, "--list-full").split():
            # It lists itself as well: a link there would lead to itself. And init is ours.
            if applet not in ("bin/busybox", "sbin/init", "linuxrc"):
                metadata.add_link(tar, applet, "/bin/busybox")
