# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a server is and what it can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Kind:
    """One of the two servers, where the names in their APIs differ."""

    name: str
    title: str
    header_prefix: str
    protocol: str


LXD = Kind(name="lxd", title="LXD", header_prefix="X-LXD-", protocol="lxd")
INCUS = Kind(name="incus", title="Incus", header_prefix="X-Incus-", protocol="incus")
KINDS = (LXD, INCUS)


@dataclass(frozen=True)
class Server:
    """What GET /1.0 says, as far as anyone asks. environment is empty for a client that is not trusted."""

    kind: Kind
    trusted: bool
    extensions: frozenset[str]
    environment: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, content: Mapping[str, Any]) -> Server:
        environment = content.get("environment") or {}
        extensions = frozenset(content.get("api_extensions") or ())
        return cls(
            kind=INCUS if _is_incus(environment, extensions) else LXD,
            trusted=content.get("auth") == "trusted",
            extensions=extensions,
            environment=environment,
        )

    def can(self, extension: str) -> bool:
        return extension in self.extensions


def _is_incus(environment: Mapping[str, Any], extensions: frozenset[str]) -> bool:
    if environment.get("server"):
        return bool(environment["server"] == INCUS.name)
    # Not trusted, not told: Incus renamed its guest API in the fork, and lists that among its extensions.
    return any(name.startswith("dev_incus") for name in extensions)
