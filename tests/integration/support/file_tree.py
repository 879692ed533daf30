# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree of everything a file system of a container can have, and what there is of it, as seen from inside.

What is inside is asked with busybox alone; extended attributes, for which that has nothing, are set and read from the host.
"""

from __future__ import annotations

import os
from pathlib import Path

MAKE = r"""
set -e
mkdir -p /srv/tree/deep/er/and/deeper '/srv/tree/with space' /srv/tree/empty
cd /srv/tree
echo content > plain; chown 1000:1000 plain; chmod 640 plain
echo odd > odd; chown 12345:54321 odd; chmod 4755 odd
echo high > high; chown 65534:65534 high; chmod 0 high
chmod 1777 empty; chown 33:33 empty
ln plain hard; ln plain deep/hard2
ln -s plain relative; ln -s /etc/passwd absolute; ln -s /nowhere dangling
chown -h 1000:33 relative
mkfifo fifo; chown 7:7 fifo
dd if=/dev/zero of=sparse bs=1 count=1 seek=50000000 2>/dev/null
dd if=/dev/urandom of=random bs=1024 count=3000 2>/dev/null
echo x > 'with space/a name with spaces'
echo x > "$(printf 'new\nline')"
echo x > 'ünï→code'
echo x > "$(head -c 200 /dev/zero | tr '\0' n)"
touch -d '2001-02-03 04:05:06' plain
i=0; while [ $i -lt 300 ]; do echo $i > deep/er/$i; i=$((i+1)); done
sync
"""
MANIFEST = r"""
cd /srv/tree
find . -print0 | sort -z | xargs -0 stat -c '%n|%F|%a|%u|%g|%s'
find . ! -type l ! -type d -print0 | sort -z | xargs -0 stat -c '%n|%Y'
find . -type f -print0 | sort -z | xargs -0 md5sum
for link in relative absolute dangling; do readlink $link; done
[ "$(stat -c %b sparse)" -lt 1000 ] && echo sparse
"""
# Asked apart from the rest: between `dir` pools the servers use rsync without --hard-links, as for their own commands.
LINKS = "cd /srv/tree; stat -c %h plain hard deep/hard2"
_ATTRIBUTES = {"plain": b"of a file", "deep": b"of a directory", "ünï→code": b"\x00\xff binary"}


def set_attributes(root: Path) -> None:
    """root: of the container, as seen from the host."""
    for name, value in _ATTRIBUTES.items():
        os.setxattr(root / "srv/tree" / name, "user.flotilla", value)


def attributes_arrived(root: Path) -> bool:
    return {name: os.getxattr(root / "srv/tree" / name, "user.flotilla") for name in _ATTRIBUTES} == _ATTRIBUTES
