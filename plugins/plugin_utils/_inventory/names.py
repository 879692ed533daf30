# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container is called in the inventory."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from ...module_utils._api.errors import InvalidInput
from .container import Container

# Plays mean something else by these: a container must not take the controller's place, nor everyone's.
RESERVED = frozenset({"localhost", "all", "ungrouped"})

# What a host pattern would read as something else than part of a name.
_UNUSABLE = re.compile(r"[^A-Za-z0-9_.-]")


def host_names(containers: Sequence[Container], *, full: bool = False) -> list[str]:
    """A name for each container, no two alike.

    Its own name if no other container has it; otherwise each of that name is ``name.remote`` and, where that is still
    alike, ``name.project.remote``. With full, everyone is the latter, so that no container's coming or going renames
    another. Raises InvalidInput when dots inside the names of projects and remotes make two of these alike.
    """
    names = Counter(one.name for one in containers)
    on_remote = Counter((one.name, one.remote) for one in containers)

    def choose(one: Container) -> str:
        if full:
            parts = [one.name, one.project, one.remote]
        elif names[one.name] == 1 and one.name not in RESERVED:
            parts = [one.name]
        elif on_remote[one.name, one.remote] == 1:
            parts = [one.name, one.remote]
        else:
            parts = [one.name, one.project, one.remote]
        return _UNUSABLE.sub("_", ".".join(part for part in parts if part))

    chosen = [choose(one) for one in containers]
    _refuse_alike(chosen, containers)
    return chosen


def _refuse_alike(names: Sequence[str], containers: Sequence[Container]) -> None:
    bearers: dict[str, Container] = {}
    for name, one in zip(names, containers, strict=True):
        other = bearers.setdefault(name, one)
        if other is not one:
            raise InvalidInput(
                f"two containers would be called {name}: {other.name} of project {other.project} on {other.remote}, and"
                f" {one.name} of project {one.project} on {one.remote}"
            )
