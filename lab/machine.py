# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this machine can carry the lab at all."""

from __future__ import annotations

import os
import platform
import re
import shutil
from pathlib import Path

from lab import mounts
from lab.run import LabError
from lab.settings import NAME, STATE

RELEASES = {"12": "bookworm", "13": "trixie"}
NEEDED_SPACE = 3 * 1024**3
# The root of every container is the same user of this machine, and the kernel's own limits for a user, 128 instances and
# 200 keys, are reached by a dozen containers with systemd, which then do not come up. LXD's manual raises them, too.
LIMITS = {"fs/inotify/max_user_instances": 1024, "kernel/keys/maxkeys": 2000, "kernel/keys/maxbytes": 2000000}

ELSEWHERE = (
    "The lab runs as root on Debian 12 or 13 only. The collection itself does not need it: it works with any LXD or"
    " Incus server you have a remote for (see README.md)."
)


def check() -> None:
    """Raise LabError, naming everything that is missing, if the lab cannot run here."""
    if not re.fullmatch(r"([a-z][a-z0-9]{0,6})?", NAME) or NAME == "lab":
        raise LabError(
            f"FLOTILLA_LAB_NAME is {NAME!r}: a lab's name is 1 to 7 lower case letters and digits, not `lab`."
        )
    missing = []
    if os.geteuid() != 0:
        missing.append("you are not root")
    if _os_release().get("ID") != "debian" or _os_release().get("VERSION_ID") not in RELEASES:
        missing.append(f"this is {_os_release().get('PRETTY_NAME', platform.system())}")
    elif not any(mount.type in ("cgroup", "cgroup2") for mount in mounts.table()):
        missing.append("no control groups are mounted at /sys/fs/cgroup")
    if missing:
        raise LabError(f"No lab here: {' and '.join(missing)}. {ELSEWHERE}")


def check_space() -> None:
    """Raise LabError if the file system of the lab is too full to make it."""
    free = shutil.disk_usage(STATE.parent).free
    if free < NEEDED_SPACE:
        raise LabError(f"{STATE.parent} has {free >> 20} MB left; the lab needs {NEEDED_SPACE >> 20}.")


def raise_limits() -> None:
    """Have LIMITS at least. They are not lowered again: something else may count on them by then."""
    for name, least in LIMITS.items():
        limit = Path("/proc/sys", name)
        if int(limit.read_text()) < least:
            limit.write_text(f"{least}\n")


def codename() -> str:
    """Of the Debian release this machine runs."""
    return RELEASES[_os_release()["VERSION_ID"]]


def _os_release() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}
