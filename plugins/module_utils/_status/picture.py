# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model as one picture in SVG: applications as cards with their units, and lines from who requires to who provides. Pure.

Colours and fonts are those of the page (style.py) that the picture is part of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .._model.status import severity
from .layers import Box
from .layout import Point, drawing
from .lines import Line, lines
from .markup import HAIR, element, escape, fitting, look, shape, width_of
from .reading import Described, by_application, counts, message, starred

_LEAST_WIDTH, _MOST_WIDTH = 190.0, 330.0
_INDENT, _BETWEEN = 20.0, 10.0
_PADDING, _MARGIN = 14.0, 24.0
_NAME, _TEXT, _SMALL = 15.0, 12.5, 11.0
_HEAD, _ROW, _FOOT = 54.0, 21.0, 9.0
_MOST_UNITS = 6

Units = Sequence[tuple[str, Described]]
Pair = tuple[str, str]


def picture(model: Described, given: Mapping[str, Point]) -> str:
    """given: where applications are to be, by their names; the others get a place of their own."""
    found = by_application(model)
    width = _card_width(model, found)
    cards = {name: _Card(name, each, found[name], width) for name, each in model["applications"].items()}
    related = _related(model)
    drawn = drawing({name: card.size for name, card in cards.items()}, list(related), given).moved(_MARGIN, _MARGIN)
    drawn_lines = lines(drawn, list(related))
    across, down = (each + _MARGIN for each in drawn.size)
    return element(
        "svg",
        element("title", escape(f"Picture of model {model['name']}"), id="picture-title"),
        element("desc", escape(_in_words(model, found)), id="picture-description"),
        *(_line(line, related[pair]) for pair, line in drawn_lines.items()),
        *(card.drawn(drawn.boxes[name]) for name, card in cards.items()),
        *(_dots(line, pair, related[pair]) for pair, line in drawn_lines.items()),
        viewBox=f"0 0 {across:.0f} {down:.0f}",
        width=f"{across:.0f}",
        height=f"{down:.0f}",
        # A page too narrow for three quarters of it has it scrolled.
        style=f"max-width:{across:.0f}px;min-width:{across * 0.75:.0f}px",
        role="img",
        aria_labelledby="picture-title picture-description",
    )


def _card_width(model: Described, found: Mapping[str, Units]) -> float:
    """All cards are alike, wide enough for what stands in them."""
    widths = [width_of(name, _NAME, bold=True) for name in model["applications"]]
    for name, application in model["applications"].items():
        widths.append(_two(_charm(application), application["status"], bold=True))
        widths += [_INDENT + _two(starred(unit, each), each["status"]) for unit, each in found[name]]
    return min(_MOST_WIDTH, max(_LEAST_WIDTH, max(widths, default=0.0) + 2 * _PADDING))


def _two(left: str, right: str, *, bold: bool = False) -> float:
    return width_of(left, _TEXT) + _BETWEEN + width_of(right, _TEXT, bold=bold)


def _charm(application: Described) -> str:
    return " ".join(each for each in (application["charm"], application["version"]) if each)


class _Card:
    """An application. Its left top corner is at 0, 0 until it is drawn."""

    def __init__(self, name: str, application: Described, units: Units, width: float) -> None:
        self._name, self._application, self._width = name, application, width
        shown = units
        if len(units) > _MOST_UNITS:
            shown = sorted(units, key=lambda one: severity(one[1]["status"]))[: _MOST_UNITS - 1]
        self._units = shown
        self._more = [unit["status"] for each, unit in units if (each, unit) not in shown]
        self._message = message(application) if application["status"] != "active" or application["leaving"] else ""
        self._head = _HEAD + (_ROW - 2 if self._message else 0)

    @property
    def size(self) -> tuple[float, float]:
        rows = len(self._units) + bool(self._more)
        return self._width, self._head + (rows * _ROW + _FOOT if rows else 0)

    def drawn(self, box: Box) -> str:
        kind = "card subordinate" if "subordinate_to" in self._application else "card"
        return element(
            "g",
            element("title", escape(self._in_words())),
            element("rect", class_="face", width=f"{box.width:.1f}", height=f"{box.height:.1f}", rx="8"),
            element("path", class_=f"edge {look(self._application['status'])}", d=_left_edge(box.height)),
            *self._heading(),
            *self._rows(),
            *self._tabs(),
            class_=kind,
            transform=f"translate({box.x:.1f},{box.y:.1f})",
        )

    def _heading(self) -> list[str]:
        application, room = self._application, self._width - 2 * _PADDING
        status = application["status"]
        left = room - width_of(status, _TEXT, bold=True) - _BETWEEN
        found = [
            _text("name", fitting(self._name, _NAME, room, bold=True), _PADDING, 25),
            _text("muted", fitting(_charm(application), _TEXT, left), _PADDING, 44),
            _text(f"status {look(status)}", status, self._width - _PADDING, 44),
        ]
        if self._message:
            found.append(_text("message", fitting(self._message, _TEXT, room), _PADDING, 63))
        return found

    def _rows(self) -> list[str]:
        if not self._units:
            return []
        found = [element("path", class_="rule", d=f"M{_PADDING:.0f},{self._head:.0f}H{self._width - _PADDING:.1f}")]
        room = self._width - 2 * _PADDING
        for number, (name, unit) in enumerate(self._units):
            y = self._head + (number + 1) * _ROW - 4
            status = unit["status"]
            mark = element("g", shape(status), transform=f"translate({_PADDING:.0f},{y - 10:.1f})")
            left = room - _INDENT - width_of(status, _TEXT) - _BETWEEN
            found += [
                mark,
                _text("unit", _fitting_unit(starred(name, unit), left), _PADDING + _INDENT, y),
                _text(f"state {look(status)}", status, self._width - _PADDING, y),
            ]
        if self._more:
            y = self._head + (len(self._units) + 1) * _ROW - 4
            text = f"and {len(self._more)} more: {counts(self._more)}"
            found.append(_text("muted", fitting(text, _TEXT, room), _PADDING, y))
        return found

    def _tabs(self) -> list[str]:
        """What sits on the upper border, from the right."""
        application, found, right = self._application, [], self._width - _PADDING
        for text, is_so in (("exposed", application["exposed"]), ("subordinate", "subordinate_to" in application)):
            if is_so:
                width = width_of(text, _SMALL) + 12
                right -= width
                rectangle = element("rect", x=f"{right:.1f}", y="-9", width=f"{width:.1f}", height="17", rx="8.5")
                found.append(element("g", rectangle, _text("", text, right + 6, 3.5), class_="tab"))
                right -= 6
        return found

    def _in_words(self) -> str:
        application = self._application
        texts = [f"{self._name} ({application['charm']}): {application['status']}", message(application)]
        return ", ".join(each for each in texts if each)


def _fitting_unit(name: str, room: float) -> str:
    """What tells units of one application apart is at their end."""
    if width_of(name, _TEXT) <= room + HAIR:
        return name
    application, slash, number = name.rpartition("/")
    end = slash + number
    return fitting(application, _TEXT, room - width_of(end, _TEXT)) + end


def _text(kind: str, text: str, x: float, y: float) -> str:
    return element("text", escape(text), class_=kind, x=f"{x:.1f}", y=f"{y:.1f}")


def _left_edge(height: float) -> str:
    return f"M6,0H8A8,8 0 0 0 0,8V{height - 8:.1f}A8,8 0 0 0 8,{height:.1f}H6V0z"


def _related(model: Described) -> dict[Pair, list[Described]]:
    """By who requires and who provides; all relations between two are one line, whichever way they go."""
    found: dict[Pair, list[Described]] = {}
    for relation in model["relations"]:
        pair = (_application(relation["requirer"]), _application(relation["provider"]))
        if pair[0] != pair[1] and {*pair} <= model["applications"].keys():
            found.setdefault(pair[::-1] if pair[::-1] in found else pair, []).append(relation)
    return found


def _line(line: Line, relations: Sequence[Described]) -> str:
    is_beside = all(relation["type"] == "subordinate" for relation in relations)
    words = "; ".join(f"{each['requirer']} requires {each['provider']}" for each in relations)
    return element(
        "g",
        element("title", escape(words)),
        element("path", d=line.path),
        class_="line beside" if is_beside else "line",
    )


def _dots(line: Line, pair: Pair, relations: Sequence[Described]) -> str:
    """Over the cards, where a line comes to who provides."""
    providers = {_application(relation["provider"]) for relation in relations}
    return "".join(
        element("circle", class_="dot", cx=f"{x:.1f}", cy=f"{y:.1f}", r="5")
        for name, (x, y) in zip(pair, line.ends)
        if name in providers
    )


def _application(end: str) -> str:
    return end.partition(":")[0]


def _in_words(model: Described, units: Mapping[str, Units]) -> str:
    texts = []
    for name, application in model["applications"].items():
        states = counts([unit["status"] for _name, unit in units[name]])
        texts.append(f"{name} is {application['status']}, units: {states or 'none'}.")
    texts += [f"{one} requires {other}." for one, other in _related(model)]
    return " ".join(texts)
