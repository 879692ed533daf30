# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The users of a container, read from its own files: that needs no program in it."""

from __future__ import annotations

import io
from dataclasses import dataclass

from ...module_utils._api import files
from ...module_utils._api.client import Client
from ...module_utils._api.deadline import Deadline
from ...module_utils._api.errors import FlotillaError, NotFound

PASSWD = "/etc/passwd"


class UnknownUser(FlotillaError):
    """The container has no such user."""


@dataclass(frozen=True)
class User:
    """An account of a container. Its group is its primary one: the API knows of no others."""

    name: str
    uid: int
    gid: int
    home: str

    @property
    def environment(self) -> dict[str, str]:
        return {"HOME": self.home, "USER": self.name, "LOGNAME": self.name}


ROOT = User("root", 0, 0, "/root")


def find(client: Client, instance: str, name: str, deadline: Deadline) -> User:
    """The user of this name, or of this number. Root is known without a look; a number need not be anybody's.

    Raises UnknownUser, and whatever reading the file raises.
    """
    if is_root(name):
        return ROOT
    content = io.BytesIO()
    try:
        files.pull(client, instance, PASSWD, content, deadline)
    except NotFound:
        if not name.isdecimal():
            raise
    return among(content.getvalue().decode(errors="replace"), name, f"{client.remote}:{instance}")


def is_root(name: str) -> bool:
    """Whether a name or a number is root's, who is known without a look."""
    return name in ("root", "0")


def among(passwd: str, name: str, container: str) -> User:
    """The user of this name or number in a passwd file. container: as the commands write it. Raises UnknownUser."""
    user = parse(passwd, name)
    if user is None:
        remote, _colon, instance = container.rpartition(":")
        raise UnknownUser(f"remote {remote}: container {instance} has no user {name}")
    return user


def parse(passwd: str, name: str) -> User | None:
    """The line of a passwd file for a name or a number as a User. A number with no line has a group of the same number."""
    for line in passwd.splitlines():
        fields = line.split(":")
        if len(fields) >= 7 and name in (fields[0], fields[2]) and fields[2].isdecimal() and fields[3].isdecimal():
            return User(fields[0], int(fields[2]), int(fields[3]), fields[5] or "/")
    return User(name, int(name), int(name), "/") if name.isdecimal() else None
