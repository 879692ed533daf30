# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an application asks of its charm: units, options, bindings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .bundle import Application, Bundle
from .charm import Charm
from .findings import Findings, quoted

# The types of Ansible's arguments, with what Juju calls them and what may be given; others take anything.
_TYPES: Mapping[str, tuple[str, tuple[type, ...]]] = {
    "str": ("string", (str,)),
    "path": ("string", (str,)),
    "int": ("int", (int,)),
    "float": ("float", (int, float)),
    "bool": ("boolean", (bool,)),
    "list": ("list", (list,)),
    "dict": ("map", (dict,)),
}


def verify(bundle: Bundle, charms: Mapping[str, Charm | None], findings: Findings) -> None:
    for application in bundle.applications.values():
        if application.charm and application.charm not in charms:
            findings.problem(
                f"application {quoted(application.name)} refers to non-existent charm {quoted(application.charm)}: no role"
                " plays it",
                application.at("charm"),
            )
        charm = charms.get(application.charm)
        if charm is not None:
            _verify_units(application, charm, findings)
            _verify_options(application, charm, findings)
            _verify_bindings(application, charm, findings)


def _verify_units(application: Application, charm: Charm, findings: Findings) -> None:
    """A subordinate's units are where those of its principals are."""
    name = quoted(application.name)
    if charm.subordinate and application.to:
        findings.problem(f"application {name} is subordinate but specifies unit placement", application.at("to"))
    if charm.subordinate and application.num_units > 0:
        findings.problem(f"application {name} is subordinate but has non-zero num_units", application.at("num_units"))


def _verify_options(application: Application, charm: Charm, findings: Findings) -> None:
    where = f"cannot validate application {quoted(application.name)}"
    for option, value in application.options.items() if charm.options is not None else ():
        place = application.at("options", option)
        known = charm.option(option)
        kind = known.type if known is not None else ""
        if known is None:
            findings.problem(
                f"{where}: configuration option {quoted(option)} not found in charm {quoted(application.charm)}", place
            )
        elif kind in _TYPES and not _fits(value, _TYPES[kind][1]):
            got = "a value that is not shown" if known.no_log else _shown(value)
            findings.problem(f"{where}: option {quoted(option)} expected {_TYPES[kind][0]}, got {got}", place)
        elif known.choices and isinstance(value, (str, int)) and str(value) not in map(str, known.choices):
            choices = ", ".join(map(str, known.choices))
            findings.problem(f"{where}: option {quoted(option)} expected one of {choices}, got {_shown(value)}", place)


def _verify_bindings(application: Application, charm: Charm, findings: Findings) -> None:
    for endpoint, space in application.bindings.items():
        # An empty name stands for all that are not named.
        if endpoint and endpoint not in charm.endpoints and endpoint not in charm.extra_bindings:
            findings.problem(
                f"application {quoted(application.name)} wants to bind endpoint {quoted(endpoint)} to space"
                f" {quoted(space)}, but the endpoint is not defined by the charm",
                application.at("bindings", endpoint),
            )


def _fits(value: Any, kinds: tuple[type, ...]) -> bool:
    return value is None or (isinstance(value, kinds) and not (isinstance(value, bool) and bool not in kinds))


def _shown(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return "a map" if isinstance(value, dict) else "a list"
    return quoted(value) if isinstance(value, str) else str(value).lower()
