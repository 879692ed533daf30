# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every source of an image has in common: what it offers, and how it gets into a server's store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from .._api.client import Client
from .._api.deadline import Deadline


@dataclass(frozen=True)
class Offer:
    """What a source has now. fingerprint: None where it is known only once the image is there (published containers).

    aliases, properties: those the image has at its source; another server may have changed what the image itself says.
    can_be_followed: a server that copies it can look there for a newer one.
    """

    fingerprint: str | None
    aliases: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    can_be_followed: bool = False


@dataclass(frozen=True)
class Traits:
    """What the user says of an image that is brought in, and the server can be told on the way.

    properties: as stored, and only those to set.
    """

    public: bool = False
    auto_update: bool = False
    properties: Mapping[str, str] = field(default_factory=dict)
    expires_at: str | None = None


class Source(Protocol):
    """Where an image comes from."""

    @property
    def action(self) -> str:
        """What is done with it, as the user reads it in the result: ``copy``, ``import``, ``publish``."""

    @property
    def is_the_name(self) -> bool:
        """Whether what is there now is what the image's name means, so that the name moves along without being asked."""

    def look(self, store: Client) -> Offer:
        """What there is, changing nothing. Raises FlotillaError where there is nothing to be had."""

    def check(self, store: Client) -> None:
        """Refuse what cannot be brought, before anything is changed; for an image not in the store. Raises InvalidInput."""

    def bring(self, store: Client, traits: Traits, deadline: Deadline) -> str:
        """Have the image in the store, and return its fingerprint. Nothing is left there if it fails."""
