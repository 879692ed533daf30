# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that a tree of files is, to be compared with another one."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

NUMBERS = 65536
# Runs in the directory itself, as its root: in a user namespace where its files belong to other numbers.
_DESCRIBE = r"""
import hashlib, json, os, stat
found, inodes = {}, {}
def look(path):
    status = os.lstat(path)
    kind = stat.S_IFMT(status.st_mode)
    entry = {"mode": oct(status.st_mode), "owner": [status.st_uid, status.st_gid], "mtime": int(status.st_mtime)}
    entry["xattrs"] = {name: os.getxattr(path, name, follow_symlinks=False).hex()
                       for name in os.listxattr(path, follow_symlinks=False)}
    if kind == stat.S_IFLNK:
        entry["to"] = os.readlink(path)
    if kind in (stat.S_IFCHR, stat.S_IFBLK):
        entry["device"] = [os.major(status.st_rdev), os.minor(status.st_rdev)]
    if kind == stat.S_IFREG:
        with open(path, "rb") as content:
            entry["sha256"] = hashlib.file_digest(content, "sha256").hexdigest()
        entry["size"] = status.st_size
        entry["sparse"] = status.st_size > 1024 * 1024 and status.st_blocks * 512 < status.st_size // 2
        entry["same_as"] = inodes.setdefault(status.st_ino, path) if status.st_nlink > 1 else path
    found[path] = entry
for directory, names, files in os.walk("."):
    names.sort()
    look(directory)
    for name in sorted(files) + [name for name in names if os.path.islink(os.path.join(directory, name))]:
        look(os.path.join(directory, name))
print(json.dumps(found))
"""


def as_root_of(base: int) -> list[str]:
    """What runs a command as the root of a container whose numbers begin with base on this host."""
    return ["lxc-usernsexec", "-m", f"u:0:{base}:{NUMBERS}", "-m", f"g:0:{base}:{NUMBERS}", "--"] if base else []


def described(root: Path) -> dict[str, Any]:
    """By path. The numbers of owners are the container's: its root is whoever owns the directory."""
    return json.loads(_run_as_its_root(root, os.lstat(root).st_uid, _DESCRIBE))


# Runs in the directory itself, as above.
_FILL = r"""
import os, socket, struct
os.mkdir("odd")
os.chdir("odd")
def write(name, content="x"):
    with open(name, "w") as stream:
        stream.write(content)
write("one"); os.link("one", "two"); os.symlink("nowhere", "dangling"); os.mkfifo("pipe")
with open("sparse", "wb") as stream:
    stream.truncate(5 * 1024 * 1024); stream.seek(0, 2); stream.write(b"end")
write("capable")
os.setxattr("capable", "security.capability", struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0))
write("listed"); os.chown("listed", 1000, 1000)
entries = ((1, 6, -1), (2, 6, 33), (4, 4, -1), (16, 6, -1), (32, 4, -1))
acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
os.setxattr("listed", "system.posix_acl_access", acl)
write('a name with \u00fc, "quotes" and\na line feed')
write("setuid"); os.chmod("setuid", 0o4755)
os.mkdir("sticky"); os.chmod("sticky", 0o1777)
os.setxattr("one", "user.colour", b"green")
"""


def fill(root: Path) -> None:
    """Put in it, in the directory odd, files of every kind that a copy can get wrong."""
    base = os.lstat(root).st_uid
    _run_as_its_root(root, base, _FILL)
    if not base:
        subprocess.run(["mknod", root / "odd" / "zero", "c", "1", "5"], check=True)


def _run_as_its_root(root: Path, base: int, program: str) -> str:
    done = subprocess.run(
        [*as_root_of(base), "/usr/bin/python3", "-c", program], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
