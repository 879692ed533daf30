# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements of SVG and HTML as text, with all that others wrote made harmless; and how a status looks. Pure."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Mapping

from .reading import plain

# Statuses that look alike. Each look has a colour in style.py and a shape below: nothing is told by colour only.
_LOOKS: Mapping[str, str] = {
    "active": "good",
    "started": "good",
    "waiting": "wait",
    "pending": "wait",
    "maintenance": "busy",
    "blocked": "warn",
    "frozen": "warn",
    "down": "warn",
    "error": "bad",
    "lost": "bad",
}
# In a square of 12.
_SHAPES: Mapping[str, str] = {
    "good": "M6,1a5,5 0 1 0 .01,0z",
    "wait": "M6,1a5,5 0 1 0 .01,0zm0,2.4a2.6,2.6 0 1 1 -.01,0z",
    "busy": "M6,1a5,5 0 1 0 .01,0zm0,1.8v6.4a3.2,3.2 0 0 1 0,-6.4z",
    "warn": "M6,.3L11.7,6L6,11.7L.3,6z",
    "bad": "M6,.6L11.8,11.2H.2z",
    "none": "M1,4.6H11V7.4H1z",
}
_NARROW, _MIDDLING, _BROAD = frozenset("ijlI|.,:;'! "), frozenset("frt()[]-/"), frozenset("mwMW@%…")
_BOLD = 1.12
# Sums of the same widths in another order differ by less.
HAIR = 0.01


def escape(text: object) -> str:
    """For the content of an element or an attribute."""
    return html.escape(plain(text))


def element(name: str, *content: str, **attributes: object) -> str:
    """content: markup. attributes: texts, escaped here; ``_`` stands for ``-``, one at the end is dropped."""
    said = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' for key, value in attributes.items())
    return f"<{name}{said}>{''.join(content)}</{name}>"


def look(status: str) -> str:
    """The class of a status."""
    return _LOOKS.get(status, "none")


def shape(status: str) -> str:
    """The path of a status's shape, in a square of 12."""
    return element("path", d=_SHAPES[look(status)], class_=f"shape {look(status)}", fill_rule="evenodd")


def pill(status: str, text: str = "") -> str:
    """A status in a page, with its shape."""
    drawn = element("svg", shape(status), viewBox="0 0 12 12", aria_hidden="true", class_="mark")
    return element("span", drawn, escape(text or status), class_=f"pill {look(status)}")


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """At most how wide a text is in the fonts of the page, which are not known here: those of DejaVu Sans are wide."""
    ems = sum(map(_ems, text))
    return ems * size * (_BOLD if bold else 1)


def fitting(text: object, size: float, room: float, *, bold: bool = False) -> str:
    """The text, cut where it has no room."""
    shown = plain(text)
    if width_of(shown, size, bold=bold) <= room + HAIR:
        return shown
    while shown and width_of(f"{shown}…", size, bold=bold) > room:
        shown = shown[:-1]
    return f"{shown.rstrip()}…"


def _ems(character: str) -> float:
    if unicodedata.combining(character):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return 1.05
    if character in _NARROW:
        return 0.35
    if character in _MIDDLING:
        return 0.43
    if character in _BROAD:
        return 1.0
    return 0.78 if character.isupper() else 0.65
