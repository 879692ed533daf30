# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image is built out of, whatever that is: the little all sources have in common."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from .._api.deadline import Deadline
from .._api.errors import InvalidInput
from .metadata import Template


@dataclass(frozen=True)
class Base:
    """What a source says of itself, and the user's words are laid over. metadata: as in metadata.yaml, its templates too.

    files: those below templates/, by their name.
    """

    metadata: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)


class Source(Protocol):
    """A root file system there is or that can be made."""

    @property
    def templates(self) -> Mapping[str, Template]:
        """Templates it gets unless the user says otherwise."""

    @property
    def is_made(self) -> bool:
        """Whether its files get their dates here, by being made."""

    def inputs(self) -> dict[str, Any]:
        """All that what comes out depends on, for JSON: equal inputs need no new build. Raises InvalidInput."""

    def look(self, architecture: str) -> Base:
        """What is known before it is made. Raises InvalidInput for what cannot be made. architecture: the kernel's name."""

    def make(self, scratch: str, created: int, architecture: str, deadline: Deadline) -> str:
        """The directory of the root file system, below scratch if it has to be made. created: seconds since 1970."""


def need_root(what: str) -> None:
    """Raises InvalidInput for a user who cannot give files to others. what: in words, what that is needed for."""
    if os.geteuid() != 0:
        raise InvalidInput(f"{what} takes root, as its files have many owners: say become: true")
