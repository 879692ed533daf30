# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From how a user says which container is meant to the container: one of a server, or a classic one of this host."""

from __future__ import annotations

from typing import Protocol

from ...module_utils._lxc import host
from ...module_utils._remotes.resolve import Access, connect
from .classic import ClassicContainer
from .container import Container
from .dialogue import Task
from .execution import Ending
from .target import locate


class Reached(Protocol):
    """What a task does with a container. Container says what each of these raises."""

    def run(self, argv: list[str], task: Task) -> Ending: ...

    def put(self, source: str, destination: str) -> None: ...

    def fetch(self, source: str, destination: str) -> None: ...

    def close(self) -> None: ...


def reach(name: str, access: Access, user: str, seconds: float) -> Reached:
    """The container of a name, which may have its remote in front. user: a name or a number; seconds: for a request.

    Nothing is sent yet. Raises ConfigurationError, InvalidInput, MissingLibrary.
    """
    container, access = locate(name, access)
    if host.is_meant(access):
        return ClassicContainer(host.meant(access), container, user)
    return Container(connect(access), container, user, seconds)
