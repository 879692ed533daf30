# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands behind ``charm:``: a name, with or without a store, a series and a revision.

The stores are Juju's; here a role plays the charm, and of the URL its name and its series are what counts.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from .._api.errors import InvalidInput
from .constraints import ARCHITECTURES
from .findings import quoted
from .include import is_path
from .names import is_application, is_series

_HUB, _STORE, _LOCAL = "ch", "cs", "local"


@dataclass(frozen=True)
class CharmUrl:
    """schema: ``ch`` (charmhub), ``cs`` (the store before it), ``local``, or empty for a directory."""

    schema: str
    name: str
    series: str = ""
    revision: int | None = None
    path: str = ""

    @property
    def on_hub(self) -> bool:
        return self.schema == _HUB

    def __str__(self) -> str:
        revision = "" if self.revision is None else f"-{self.revision}"
        return f"{self.schema}:{self.path}{self.name}{revision}"


def parse(charm: str) -> CharmUrl:
    """Raises InvalidInput with the reason for what is no charm."""
    if is_path(charm):
        return CharmUrl("", os.path.basename(os.path.normpath(charm)))
    schema, colon, rest = charm.partition(":")
    if not colon:
        schema, rest = _HUB, charm
    if schema not in (_HUB, _STORE, _LOCAL):
        raise InvalidInput(f"cannot parse URL {quoted(charm)}: schema {quoted(schema)} not valid")
    *parts, last = rest.split("/")
    path = "".join(f"{part}/" for part in parts)
    if (schema == _STORE and parts and parts[0].startswith("~")) or (
        schema == _HUB and parts and parts[0] in ARCHITECTURES
    ):
        parts = parts[1:]
    if len(parts) > 1:
        raise InvalidInput(f"cannot parse URL {quoted(charm)}: it has too many parts")
    if parts and not is_series(parts[0]):
        raise InvalidInput(f"cannot parse URL {quoted(charm)}: series name {quoted(parts[0])} not valid")
    name, dash, revision = last.rpartition("-")
    if not (dash and name and revision.isdecimal()):
        name, revision = last, ""
    if not is_application(name):
        raise InvalidInput(f"cannot parse URL {quoted(charm)}: name {quoted(name)} not valid")
    return CharmUrl(schema, name, parts[0] if parts else "", int(revision) if revision else None, path)
