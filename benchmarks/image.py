# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A split image of a gigabyte on its way into a server's store, and how much memory the module takes for it."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.plays import on_localhost
from benchmarks.race import Command, Contest

REMOTE = "lxd-a"
ALIAS = "flotilla-bench"
MEBIBYTE = 1024 * 1024
SIZE = 1024 * MEBIBYTE
REMOVE = ("sh", "-c", f"lxc image delete {REMOTE}:{ALIAS} 2>/dev/null || true")
# A Python that leaves behind how much memory (KiB) the one it runs has taken.
MEASURING = """#!{python}
import resource, subprocess, sys
code = subprocess.call([sys.executable, *sys.argv[1:]])
with open("{peak}", "a") as file:
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=file)
sys.exit(code)
"""


@contextmanager
def prepared(scratch: Path) -> Iterator[list[Contest]]:
    metadata, rootfs = _files(scratch)
    peak, python = scratch / "peak", scratch / "python"
    python.write_text(MEASURING.format(python=sys.executable, peak=peak))
    python.chmod(0o755)
    peer = ("lxc", "image", "import", str(metadata), str(rootfs), f"{REMOTE}:", "--alias", ALIAS)
    task = {"remote": REMOTE, "name": ALIAS, "file": str(metadata), "rootfs": str(rootfs)}
    try:
        yield [
            Contest(
                title="import of a split image of 1 GiB",
                peer_title="lxc image import",
                ours=Command(
                    on_localhost(scratch / "ours.yml", [{"flotilla.lxd.image": task}], python=str(python)),
                    "changed=1",
                    before=REMOVE,
                ),
                peer=Command(peer, "Image imported", before=REMOVE),
                floor=Command(
                    on_localhost(scratch / "floor.yml", [{"ansible.builtin.debug": {}}], python=sys.executable), "ok=1 "
                ),
                goal=1.1,
            )
        ]
        print(f"the module took at most {max(map(int, peak.read_text().split())) / 1024:.0f} MiB of memory")
    finally:
        os.spawnvp(os.P_WAIT, REMOVE[0], REMOVE)


def _files(scratch: Path) -> tuple[Path, Path]:
    """Of what does not compress, as if it had been compressed well."""
    metadata, rootfs = scratch / "metadata.tar.gz", scratch / "rootfs.tar.gz"
    content = json.dumps({"architecture": "x86_64", "creation_date": int(time.time())}).encode()
    with tarfile.open(metadata, "w:gz") as tar:
        _add(tar, "metadata.yaml", content)
    with gzip.open(rootfs, "wb", compresslevel=1) as stream, tarfile.open(fileobj=stream, mode="w|") as tar:
        for number in range(SIZE // MEBIBYTE // 64):
            _add(tar, f"data/{number}", os.urandom(64 * MEBIBYTE))
    return metadata, rootfs


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
