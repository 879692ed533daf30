# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all views of a model ask of its description (``_model/status.py``). Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from .._model.status import DOWN, FROZEN, LOST, UNKNOWN

Described = Mapping[str, Any]

# Those that cannot be at work, whatever they said last.
_NOT_THERE = (LOST, DOWN, FROZEN, UNKNOWN)


def plain(text: object) -> str:
    """On one line, with no character that is not seen: what users and charms write goes to terminals and into pages."""
    said = str(text)
    if not said.isprintable():
        said = "".join(each if each.isprintable() else " " for each in said)
    return " ".join(said.split())


def units(model: Described) -> Iterator[tuple[str, Described, str]]:
    """All units with their principals, or ``""``; subordinates after theirs."""
    for application in model["applications"].values():
        for name, unit in application.get("units", {}).items():
            yield name, unit, ""
            for beside, subordinate in unit.get("subordinates", {}).items():
                yield beside, subordinate, name


def by_application(model: Described) -> dict[str, list[tuple[str, Described]]]:
    """The units of every application, subordinates too; by number, as they are described."""
    found: dict[str, list[tuple[str, Described]]] = {name: [] for name in model["applications"]}
    for name, unit, _principal in units(model):
        # Of an application that is gone, a subordinate may be left.
        found.setdefault(name.rpartition("/")[0], []).append((name, unit))
    return {
        application: sorted(each, key=lambda one: int(one[0].rpartition("/")[2])) for application, each in found.items()
    }


def starred(name: str, unit: Described) -> str:
    """A leader has a star, as in Juju."""
    return f"{name}*" if unit["leader"] else name


def scale(units_of_one: list[tuple[str, Described]]) -> str:
    """How many units there are; ``1/2`` where not all of them can be at work."""
    there = [name for name, unit in units_of_one if unit["status"] not in _NOT_THERE]
    return str(len(there)) if len(there) == len(units_of_one) else f"{len(there)}/{len(units_of_one)}"


def message(described: Described) -> str:
    """Of an application or a unit: with a word about that it is being removed."""
    return ": ".join(each for each in ("leaving" if described["leaving"] else "", plain(described["message"])) if each)


def counts(statuses: Iterator[str] | list[str]) -> str:
    """``3 active, 1 error``: the most frequent first."""
    return ", ".join(f"{number} {status}" for status, number in Counter(statuses).most_common())


def location(machine: Described) -> str:
    """Where a machine is: a remote, with the member where that is a cluster."""
    member = machine["location"]
    return f"{machine['remote']}:{member}" if member not in ("", "none") else str(machine["remote"])
