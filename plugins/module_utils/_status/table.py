# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model as a table for a terminal, laid out as ``juju status`` does it. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from .reading import Described, by_application, location, message, plain, scale, starred, units

_GAP = "  "


def table(model: Described) -> str:
    """Sections with a blank line in between; those that would be empty are left out. Ends without a newline."""
    sections = [_header(model), *(section(model) for section in (_applications, _units, _machines, _relations))]
    texts = [_aligned(section) for section in sections if len(section) > 1]
    if model["unreachable"]:
        texts.insert(1, "\n".join(f"No answer: {plain(why)}" for why in model["unreachable"].values()))
    return "\n\n".join(texts)


def _header(model: Described) -> list[Sequence[str]]:
    names = [f"{each} (no answer)" if each in model["unreachable"] else each for each in model["remotes"]]
    state = "being destroyed" if model["leaving"] else "available"
    return [("Model", "Remotes", "Status"), (model["name"], ", ".join(names), state)]


def _applications(model: Described) -> list[Sequence[str]]:
    found = by_application(model)
    rows: list[Sequence[str]] = [("App", "Version", "Status", "Scale", "Charm", "Exposed", "Message")]
    for name, each in model["applications"].items():
        exposed = "yes" if each["exposed"] else "no"
        rows.append((name, each["version"], each["status"], scale(found[name]), each["charm"], exposed, message(each)))
    return rows


def _units(model: Described) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [("Unit", "Status", "Machine", "Address", "Ports", "Message")]
    for name, unit, principal in units(model):
        shown = starred(name, unit)
        indented = f"  {shown}" if principal else shown
        ports = ",".join(unit["ports"])
        rows.append((indented, unit["status"], unit["machine"], unit["address"], ports, message(unit)))
    return rows


def _machines(model: Described) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [("Machine", "State", "Address", "Container", "Remote")]
    for number, each in model["machines"].items():
        rows.append((number, each["status"], each["address"], each["container"], location(each)))
    return rows


def _relations(model: Described) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [("Relation provider", "Requirer", "Interface", "Type")]
    rows += [(each["provider"], each["requirer"], each["interface"], each["type"]) for each in model["relations"]]
    return rows


def _aligned(rows: Iterable[Sequence[str]]) -> str:
    cells = [[_cell(each) for each in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*cells)]
    return "\n".join(
        _GAP.join(each + " " * (width - _width(each)) for each, width in zip(row, widths)).rstrip() for row in cells
    )


def _cell(text: str) -> str:
    """Blanks at its beginning are kept: they show what belongs to what."""
    return " " * (len(text) - len(text.lstrip(" "))) + plain(text)


def _width(text: str) -> int:
    """In columns of a terminal."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )
