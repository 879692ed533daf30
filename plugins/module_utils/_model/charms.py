# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles that play the charms of a model, as they are on this host."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._api.errors import InvalidInput
from .._bundle.charm import Charm, Option, options, read
from .._bundle.findings import Findings
from .._bundle.roles import Roles
from .state import Application, Endpoint

MAIN, RELATION_CHANGED, STOP = "main", "relation_changed", "stop"
_IN_COLLECTION = re.compile(r".*/ansible_collections/(\w+)/(\w+)/roles/(\w+)")


@dataclass(frozen=True)
class Role:
    """name: as include_role takes it. entries: the entry points it has. digest: of all its files.

    charm and takes: what it says of itself, and of its arguments, by the names that a bundle has for them; None if nothing.
    """

    name: str
    digest: str
    entries: frozenset[str]
    charm: Charm | None
    takes: Mapping[str, Option] | None = None

    def endpoints(self) -> dict[str, Endpoint]:
        known = self.charm.endpoints if self.charm is not None else {}
        return {name: Endpoint(each.role, each.interface, each.scope) for name, each in known.items()}

    @property
    def subordinate(self) -> bool:
        return self.charm is not None and self.charm.subordinate

    def options(self, application: Application) -> dict[str, Any]:
        """By the names that a bundle has for them: the defaults that the role tells, with what is set."""
        defaults = {name: each.default for name, each in (self.takes or {}).items() if each.default is not None}
        return {**defaults, **{self._name(name): value for name, value in application.options.items()}}

    def variables(self, application: Application) -> dict[str, Any]:
        """What is set, by the role's own variables."""
        return {self._variable(name): value for name, value in application.options.items() if value is not None}

    def secrets(self, application: Application) -> list[str]:
        """The values of options that the role says no_log of, the longest first."""
        set_here = ((self._option(name), value) for name, value in application.options.items())
        values = {str(value) for known, value in set_here if known and known.no_log and value not in (None, "")}
        return sorted(values, key=len, reverse=True)

    def _name(self, option: str) -> str:
        return option.replace("-", "_")

    def _option(self, name: str) -> Option | None:
        takes = self.takes or {}
        return takes.get(name, takes.get(self._name(name)))

    def _variable(self, option: str) -> str:
        known = self._option(option)
        if known is not None:
            return known.variable
        prefix = re.split(r"[./]", self.name)[-1] + "_"
        return prefix + self._name(option).removeprefix(prefix)


def roles_of(applications: Mapping[str, Application], roles: Roles) -> dict[str, Role]:
    """The role of each application; one that is leaving may have none.

    Raises InvalidInput that names all charms without one, and what is wrong with others.
    """
    found: dict[str, Role] = {}
    known: dict[str, Role] = {}
    findings = Findings()
    missing = []
    for name, application in sorted(applications.items()):
        directory = roles.directory(application.charm)
        if directory is None and application.leaving:
            continue
        if directory is None:
            missing.append(f"{roles.role(application.charm)} (charm {application.charm} of application {name})")
        else:
            # One role may play the charms of many applications.
            if directory not in known:
                known[directory] = _read(os.path.abspath(directory), findings)
            found[name] = known[directory]
    if missing:
        raise InvalidInput(
            f"there is no role {', no role '.join(missing)} in {', '.join(roles.paths) or 'roles_path, which is empty'}:"
            " write one, or say in charms which role plays the charm"
        )
    if findings.problems:
        raise InvalidInput(
            "; ".join(f"{each.place.file}, line {each.place.line}: {each.text}" for each in findings.problems)
        )
    return found


def _read(directory: str, findings: Findings) -> Role:
    match = _IN_COLLECTION.fullmatch(directory)
    entries = (
        {
            os.path.splitext(name)[0]
            for name in os.listdir(os.path.join(directory, "tasks"))
            if name.endswith((".yml", ".yaml"))
        }
        if os.path.isdir(os.path.join(directory, "tasks"))
        else set()
    )
    return Role(
        name=".".join(match.groups()) if match else directory,
        digest=_digest(directory),
        entries=frozenset(entries & {MAIN, RELATION_CHANGED, STOP}),
        charm=read(directory, findings),
        takes=options(directory, findings),
    )


def _digest(directory: str) -> str:
    digest = hashlib.sha256()
    for parent, directories, names in os.walk(directory):
        directories[:] = sorted(name for name in directories if not name.startswith("."))
        for name in sorted(names):
            path = os.path.join(parent, name)
            digest.update(os.path.relpath(path, directory).encode(errors="surrogateescape") + b"\0")
            if os.path.isfile(path):
                with open(path, "rb") as stream:
                    digest.update(hashlib.sha256(stream.read()).digest())
    return digest.hexdigest()
