# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model as one page of HTML that needs nothing else: no script, no font, no request. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .._model.status import DOWN, UNKNOWN, severity
from .layout import Point
from .markup import element, escape, pill
from .picture import picture
from .reading import Described, by_application, counts, location, message, scale, units
from .style import STYLE

# Were a text of a charm to get through as markup after all, the browser would still run and load nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_MOST_ROWS = 10
_CAPTION = (
    "A line leads from what requires to what provides, which has the dot. Dashed: side by side in one container. A star"
    " is for the leader of an application."
)


def page(model: Described, given: Mapping[str, Point]) -> str:
    """given: where the applications are in the picture, as far as that is said."""
    title = escape(f"{model['name']}: model")
    head = "\n".join(
        [
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<link rel="icon" href="data:,">',
            f"<title>{title}</title>",
            f"<style>{STYLE}</style>",
        ]
    )
    sections = [_trouble(model), _picture(model, given), _applications(model), _units(model), _remotes(model)]
    body = "\n".join([_header(model), "<main>", *(each for each in [*sections, _relations(model)] if each), "</main>"])
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n'


def _header(model: Described) -> str:
    found = [unit for _name, unit, _principal in units(model)]
    statuses = [unit["status"] for unit in found]
    summary = f"A model with {_count(len(model['applications']), 'application')} and {_count(len(found), 'unit')}"
    remotes = ", ".join(model["remotes"])
    pills = [pill(text.partition(" ")[2], text) for text in counts(statuses).split(", ") if text]
    if model["leaving"]:
        pills.insert(0, pill(DOWN, "being destroyed"))
    return element(
        "header",
        element("h1", escape(model["name"])),
        element("p", escape(f"{summary} on {remotes}."), class_="summary"),
        element("ul", *(element("li", each) for each in pills), class_="pills", aria_label="Units by their status"),
    )


def _trouble(model: Described) -> str:
    """Remotes that do not answer, and units that are not at work, the worst first."""
    rows = [_row(UNKNOWN, "no answer", name, why) for name, why in model["unreachable"].items()]
    found = [(name, unit) for name, unit, _principal in units(model) if unit["status"] != "active"]
    found.sort(key=lambda one: severity(one[1]["status"]))
    rows += [_row(unit["status"], unit["status"], name, message(unit)) for name, unit in found]
    if not rows:
        return ""
    shown, more = (rows, []) if len(rows) <= _MOST_ROWS + 1 else (rows[:_MOST_ROWS], rows[_MOST_ROWS:])
    parts = [element("ul", *shown)]
    if more:
        parts.append(element("details", element("summary", f"and {len(more)} more"), element("ul", *more)))
    return _section("Not at work", element("div", *parts, class_="panel trouble"))


def _row(status: str, text: str, name: str, why: str) -> str:
    return element("li", pill(status, text), element("b", escape(name)), element("span", escape(why)))


def _picture(model: Described, given: Mapping[str, Point]) -> str:
    if not model["applications"]:
        return _section("Picture", element("p", "There are no applications.", class_="muted"))
    drawn = _scrolled("Picture", picture(model, given))
    figure = element("figure", drawn, element("figcaption", _CAPTION), class_="panel")
    return _section("Picture", figure)


def _applications(model: Described) -> str:
    found = by_application(model)
    rows = [
        [
            element("th", escape(name), scope="row"),
            _cell(each["charm"]),
            _cell(each["version"]),
            element("td", pill(each["status"])),
            _cell(scale(found[name]), "figure"),
            _cell("yes" if each["exposed"] else "no"),
            _cell(message(each), "free"),
        ]
        for name, each in model["applications"].items()
    ]
    return _table("Applications", ("Name", "Charm", "Version", "Status", "Scale", "Exposed", "Message"), rows)


def _units(model: Described) -> str:
    rows = []
    for name, unit, _principal in units(model):
        leader = element("span", " leader", class_="leader") if unit["leader"] else ""
        rows.append(
            [
                element("th", escape(name), leader, scope="row"),
                element("td", pill(unit["status"])),
                _cell(unit["machine"], "figure"),
                _cell(unit["address"], "figure"),
                _cell(", ".join(unit["ports"])),
                _cell(message(unit), "free"),
            ]
        )
    beside = [bool(principal) for _name, _unit, principal in units(model)]
    return _table("Units", ("Name", "Status", "Machine", "Address", "Ports", "Message"), rows, beside)


def _remotes(model: Described) -> str:
    if not model["machines"]:
        return ""
    statuses = {name: (unit, principal) for name, unit, principal in units(model)}
    panels = []
    for remote in model["remotes"]:
        machines = [(number, each) for number, each in model["machines"].items() if each["remote"] == remote]
        note = pill(UNKNOWN, "no answer") if remote in model["unreachable"] else ""
        heading = element("h3", escape(remote), note)
        cards = "".join(_machine(number, each, statuses) for number, each in machines)
        content = element("div", cards, class_="machines") if cards else element("p", "No machines.", class_="muted")
        panels.append(element("section", heading, content, class_="panel remote", aria_label=f"Remote {remote}"))
    return _section("Machines", element("div", *panels, class_="remotes"))


def _machine(number: str, machine: Described, known: Mapping[str, tuple[Described, str]]) -> str:
    where = " · ".join(
        each
        for each in (
            machine["container"] or "no container",
            machine["address"],
            location(machine).partition(":")[2],
        )
        if each
    )
    own = [name for name in machine["units"] if name in known]
    ordered = [name for name in own if not known[name][1]]
    ordered = [each for name in ordered for each in (name, *(one for one in own if known[one][1] == name))]
    rows = [
        element("li", escape(name), pill(known[name][0]["status"]), **({"class_": "beside"} if known[name][1] else {}))
        for name in ordered
    ]
    return element(
        "div",
        element("p", element("b", escape(f"Machine {number}")), pill(machine["status"]), class_="top"),
        element("p", escape(where), class_="where"),
        element("ul", *rows) if rows else element("p", "No units.", class_="muted"),
        class_="machine",
    )


def _relations(model: Described) -> str:
    rows = [
        [
            element("th", escape(each["provider"]), scope="row"),
            *(_cell(each[key]) for key in ("requirer", "interface", "type")),
        ]
        for each in model["relations"]
    ]
    return _table("Relations", ("Provider", "Requirer", "Interface", "Type"), rows)


def _table(
    title: str, columns: Sequence[str], rows: Sequence[Iterable[str]], beside: Sequence[bool] | None = None
) -> str:
    if not rows:
        return ""
    head = element("thead", element("tr", *(element("th", each, scope="col") for each in columns)))
    body = [
        element("tr", *row, **({"class_": "beside"} if beside and beside[number] else {}))
        for number, row in enumerate(rows)
    ]
    return _section(
        title, element("div", _scrolled(title, element("table", head, element("tbody", *body))), class_="panel")
    )


def _scrolled(title: str, content: str) -> str:
    """What may be wider than the window, and is reached by keyboard too."""
    return element("div", content, class_="scroll", tabindex="0", role="region", aria_label=title)


def _section(title: str, content: str) -> str:
    return element("section", element("h2", title), content, aria_label=title)


def _cell(text: str, kind: str = "") -> str:
    """kind: figure, which is never broken, or free, which may be anywhere."""
    return element("td", escape(text), **({"class_": kind} if kind else {}))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
