# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are drawn, and that what others wrote stays text."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._status.layers import GAP_ACROSS, Box, layered
from ansible_collections.flotilla.lxd.plugins.module_utils._status.layout import drawing, positions
from ansible_collections.flotilla.lxd.plugins.module_utils._status.lines import lines
from ansible_collections.flotilla.lxd.plugins.module_utils._status.markup import fitting, width_of
from ansible_collections.flotilla.lxd.plugins.module_utils._status.page import page
from ansible_collections.flotilla.lxd.plugins.module_utils._status.picture import picture

SIZE = (100.0, 40.0)
SVG = "{http://www.w3.org/2000/svg}"


def sizes(names):
    return dict.fromkeys(names, SIZE)


def test_columns_from_who_requires_to_who_provides():
    drawn = layered(sizes("abcd"), [("a", "b"), ("b", "c"), ("d", "c")])
    columns = {name: round(box.x / (100 + GAP_ACROSS)) for name, box in drawn.boxes.items()}
    assert columns == {"a": 0, "b": 1, "c": 2, "d": 1}


def test_a_circle_is_drawn_all_the_same():
    drawn = layered(sizes("abc"), [("a", "b"), ("b", "c"), ("c", "a")])
    assert [drawn.boxes[name].x for name in "abc"] == sorted(drawn.boxes[name].x for name in "abc")
    assert drawn.joints.keys() == {("a", "c")}


def test_a_long_line_passes_between_the_boxes():
    drawn = layered(sizes("abc"), [("a", "b"), ("b", "c"), ("a", "c")])
    (joint,) = drawn.joints["a", "c"]
    b = drawn.boxes["b"]
    assert joint.x == b.x and (joint.bottom < b.y or joint.y > b.bottom)
    assert lines(drawn, [("a", "c")])["a", "c"].path.count("H") == 1


def test_lines_do_not_cross_where_they_need_not():
    edges = [("a", "z"), ("b", "y"), ("c", "x")]
    drawn = layered(sizes("abcxyz"), [*edges, ("a", "y"), ("b", "x")])
    order = [drawn.boxes[right].y - drawn.boxes[edges[1][1]].y for _left, right in edges]
    assert order == sorted(order) or order == sorted(order, reverse=True)


def test_what_a_bundle_says_is_kept_and_given_room():
    given = {"a": (10.0, 10.0), "b": (60.0, 10.0), "c": (10.0, 400.0)}
    boxes = drawing(sizes("abc"), [], given).boxes
    assert boxes["a"].y == boxes["b"].y and boxes["a"].x == boxes["c"].x
    assert boxes["b"].x - boxes["a"].right >= 30
    # All distances grow alike.
    assert (boxes["c"].y - boxes["a"].y) / (boxes["b"].x - boxes["a"].x) == pytest.approx(390 / 50)


def test_the_same_place_is_given_once():
    boxes = drawing(sizes("abcd"), [("c", "d")], dict.fromkeys("ab", (5.0, 5.0))).boxes
    found = sorted(boxes.values(), key=lambda box: box.y)
    assert all(upper.bottom < lower.y or upper.right < lower.x for upper, lower in pairwise(found))


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({"gui-x": "1.5", "gui-y": "-2"}, (1.5, -2.0)),
        ({"gui-x": "1"}, None),
        ({"gui-x": "left", "gui-y": "1"}, None),
        ({"gui-x": "nan", "gui-y": "1"}, None),
        ({"gui-x": "1", "gui-y": "inf"}, None),
    ],
)
def test_positions(annotations, expected):
    assert positions({"a": annotations}).get("a") == expected


def test_a_line_ends_at_the_sides_of_its_boxes():
    drawn = drawing(sizes("ab"), [("a", "b")], {"a": (0.0, 500.0), "b": (0.0, 0.0)})
    line = lines(drawn, [("a", "b")])["a", "b"]
    a, b = drawn.boxes["a"], drawn.boxes["b"]
    assert line.ends == ((a.middle[0], a.y), (b.middle[0], b.bottom))


def test_texts_are_cut_to_their_room():
    assert fitting("short", 12, 100) == "short"
    cut = fitting("a text that is much too long", 12, 100)
    assert cut.endswith("…") and width_of(cut, 12) <= 100


def test_the_picture(model):
    root = ElementTree.fromstring(picture(model, {}).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))
    texts = [each.text for each in root.iter(f"{SVG}text")]
    assert [text for text in texts if "/" in text] == ["api/0*", "api/1", "db/0", "log/0*"]
    assert texts.count("error") == 2 and {"exposed", "subordinate"} <= {*texts}
    assert [each.text for each in root.findall(f"{SVG}g/{SVG}title")][:2] == [
        "api:db requires db:server",
        "log:host requires api:host",
    ]
    assert root.find(f"{SVG}desc").text.startswith("api is error, units: 1 error, 1 down. db is unknown")


def test_many_units_are_counted_with_the_worst_shown(model):
    api = model["applications"]["api"]
    unit = {**api["units"]["api/0"], "status": "active", "subordinates": {}}
    api["units"] = {f"api/{number}": unit for number in range(20)}
    api["units"]["api/19"] = {**unit, "status": "error", "leader": False}
    drawn = picture(model, {})
    assert "and 15 more: 15 active" in drawn and ">api/19<" in drawn and ">api/5*<" not in drawn


def test_nothing_that_others_wrote_becomes_markup(model):
    evil = "</style></title><script>alert(1)</script>\"'>&amp;"

    def spoiled(value):
        if isinstance(value, dict):
            return {key: spoiled(each) for key, each in value.items()}
        return f"{value}{evil}" if isinstance(value, str) and value not in ("active", "error") else value

    for application in model["applications"].values():
        application.update({key: f"{application[key]}{evil}" for key in ("charm", "message", "version")})
    model["unreachable"] = {"two": evil}
    model["relations"] = [spoiled(each) for each in model["relations"]]
    model["machines"] = spoiled(model["machines"])
    text = page(model, {})
    assert "<script" not in text and text.count("</style>") == 1 and "&lt;script&gt;" in text
    # Well-formed but for the elements of the head that HTML does not close.
    body = re.search(r"<body>.*</body>", text, re.DOTALL)[0]
    assert ElementTree.fromstring(body).find("header/h1").text == "web"
    assert "http" not in re.sub(r"<meta[^>]*>", "", text)


def test_a_page_of_nothing(model):
    empty = {**model, "applications": {}, "machines": {}, "relations": [], "unreachable": {}}
    assert "There are no applications." in page(empty, {}) and "<svg" not in page(empty, {})


def test_a_box():
    box = Box(1, 2, 10, 20)
    assert (box.right, box.bottom, box.middle) == (11, 22, (6, 12))
