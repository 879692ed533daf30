# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which role plays which charm, and what it says of itself."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from .._api.errors import InvalidInput
from . import charm_url
from .bundle import Application, Bundle
from .charm import Charm, read
from .findings import Findings, quoted
from .include import is_path

OWN_COLLECTION = "flotilla.lxd"


@dataclass(frozen=True)
class Roles:
    """names: the role for a charm, by the charm's name or by all that the bundle says for it. paths: where roles are, or
    collections; without any, nothing can be known of a charm.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    paths: tuple[str, ...] = ()

    def role(self, charm: str) -> str:
        """The role that plays a charm: the one named for it, or the first of its own name that is there."""
        try:
            name = charm_url.parse(charm).name
        except InvalidInput:
            name = charm
        named = self.names.get(charm) or self.names.get(name)
        if named or is_path(charm):
            return named or charm
        variable = name.replace("-", "_")
        candidates = (name, variable, f"{OWN_COLLECTION}.{variable}")
        return next((each for each in candidates if self._find(each)), name)

    def directory(self, charm: str) -> str | None:
        """Where the role for a charm is, or None."""
        return self._find(self.role(charm))

    def _find(self, role: str) -> str | None:
        if is_path(role):
            return role if os.path.isdir(role) else None
        *collection, name = role.split(".")
        inside = os.path.join("ansible_collections", *collection, "roles", name) if len(collection) == 2 else role
        found = (os.path.join(path, inside) for path in self.paths)
        return next((path for path in found if os.path.isdir(path)), None)


def charms_of(bundle: Bundle, roles: Roles, findings: Findings) -> dict[str, Charm | None] | None:
    """The charms of a bundle, by what it calls them: None for one that says nothing of itself, no entry for one that no
    role plays. None for all where nobody said where to look.
    """
    if not roles.paths:
        return None
    charms: dict[str, Charm | None] = {}
    read_from: dict[str, Charm | None] = {}
    for application in bundle.applications.values():
        directory = roles.directory(application.charm) if application.charm else None
        if directory is None or application.charm in charms:
            continue
        if directory not in read_from:
            read_from[directory] = read(directory, findings)
        charms[application.charm] = read_from[directory]
        _warn(application, read_from[directory], roles.role(application.charm), findings)
    return charms


def _warn(application: Application, charm: Charm | None, role: str, findings: Findings) -> None:
    if charm is None:
        findings.warn(
            f"role {role} has no meta/charm.yml that says what the charm {quoted(application.charm)} is: relations and"
            " options are not checked against it",
            application.at("charm"),
        )
    elif charm.options is None and application.options:
        findings.warn(
            f"role {role} has no meta/argument_specs.yml: the options of application {quoted(application.name)} are not"
            " checked",
            application.at("options"),
        )
