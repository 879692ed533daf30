# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How bundles and models differ, field by field."""

from __future__ import annotations

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.diff import differences
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.machines import NO_MAP, matched, parse_map
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.model import Deployed, Model, Unit

EVERYBODY = {"expose_to_cidrs": ["0.0.0.0/0", "::/0"]}


def _sides(bundle, model):
    return {"bundle": bundle, "model": model}


@pytest.fixture
def differ(directory):
    def call(text, model, *overlays, machine_map=NO_MAP):
        reading = directory.read(text, *overlays)
        assert reading.may_be_deployed, reading.findings
        return differences(reading.bundle, model, reading.charms, machine_map)

    return call


@pytest.mark.parametrize(
    ("said", "deployed", "expected"),
    [
        ("", {}, {}),
        ("charm: ch:y", {}, {"charm": _sides("ch:y", "x")}),
        ("charm: cs:xenial/x", {"charm": "cs:xenial/x", "series": "jammy"}, {"series": _sides("xenial", "jammy")}),
        ("num_units: 2", {}, {"num_units": _sides(2, 0)}),
        ("num_units: 0", {"units": (Unit(0, "0"),), "subordinate": True}, {}),
        ("constraints: mem=1G cores=2", {"constraints": "cores=2 mem=1024M"}, {}),
        ("constraints: mem=1G", {"constraints": "mem=2G"}, {"constraints": _sides("mem=1G", "mem=2G")}),
        ("options: {a: 1, b: 2}", {"options": {"a": 1}}, {"options": {"b": _sides(2, None)}}),
        ("options: {a: 1}", {"options": {"a": "1", "c": 0}}, {"options": {"a": _sides(1, "1"), "c": _sides(None, 0)}}),
        ("annotations: {a: 1}", {"annotations": {"a": "2"}}, {"annotations": {"a": _sides("1", "2")}}),
        ("expose: true", {}, {"expose": _sides(True, False)}),
        ("", {"exposed": True}, {"expose": _sides(False, True)}),
        ("expose: true", {"exposed": True, "exposed_endpoints": {"": ("::/0", "0.0.0.0/0")}}, {}),
        (
            "expose: true",
            {"exposed": True, "exposed_endpoints": {"web": ("10.0.0.0/8",)}},
            {
                "exposed_endpoints": {
                    "": _sides(EVERYBODY, None),
                    "web": _sides(None, {"expose_to_cidrs": ["10.0.0.0/8"]}),
                }
            },
        ),
    ],
)
def test_applications(differ, said, deployed, expected):
    charm = "" if "charm" in said else "charm: x, "
    found = differ(f"applications: {{a: {{{charm}{said}}}}}", Model({"a": Deployed(**{"charm": "x", **deployed})}))
    assert found == ({"applications": {"a": expected}} if expected else {})


def test_what_only_one_side_has(differ):
    model = Model(
        {"a": Deployed("x", units=(Unit(0, "0"),)), "b": Deployed("x", units=(Unit(0, "1"),))},
        {"0": {"rack": "1"}, "1": {}},
        (("b:y", "a:x"), ("a:z", "b:z")),
        machine_series={"0": "jammy"},
    )
    text = """\
    applications: {a: {charm: x, num_units: 1, to: [0]}, c: {charm: x, num_units: 1, to: [7]}}
    machines: {0: {series: noble}, 7: }
    relations: [['c:y', 'a:y']]
    """
    assert differ(text, model) == {
        "applications": {"b": {"missing": "bundle"}, "c": {"missing": "model"}},
        "machines": {
            "0": {"annotations": {"rack": _sides(None, "1")}, "series": _sides("noble", "jammy")},
            "1": {"missing": "bundle"},
            "7": {"missing": "model"},
        },
        "relations": {"bundle-additions": [["a:y", "c:y"]], "model-additions": [["a:x", "b:y"], ["a:z", "b:z"]]},
    }


def test_overlays_count(differ):
    model = Model({"a": Deployed("x", options={"b": 1})})
    assert differ("applications: {a: {charm: x}}", model, "applications: {a: {options: {b: 1}}}") == {}


def test_machines_that_no_bundle_names_are_there_for_units(differ):
    model = Model({"a": Deployed("x", units=(Unit(0, "0"), Unit(1, "2/lxd/0")))}, {"0": {}, "2": {}})
    assert differ("applications: {a: {charm: x, num_units: 2}}", model) == {}
    assert differ("applications: {a: {charm: x, num_units: 2, to: [lxd:new]}}", model) == {}
    text = "applications: {a: {charm: x, num_units: 1, to: ['0']}}\nmachines: {0: }"
    assert differ(text, model)["machines"] == {"2": {"missing": "bundle"}}


def test_a_relation_without_endpoints_is_any(differ):
    text = "applications: {a: {charm: x}, b: {charm: x}}\nrelations: [[a, b]]"
    model = Model({"a": Deployed("x"), "b": Deployed("x")}, {}, (("b:y", "a:x"),))
    assert differ(text, model) == {}


@pytest.mark.parametrize(
    ("said", "bundle_numbers", "expected"),
    [
        # What was made for a number goes before what has it, and what the user says before both.
        ([], {}, {"0": "0", "1": "1"}),
        ([], {"0": "1", "1": "0"}, {"0": "1", "1": "0"}),
        ([], {"0": "1"}, {"0": "1", "1": "0"}),
        ([], {"0": "7", "1": "8"}, {"0": "0", "1": "1"}),
        (["existing"], {"0": "1", "1": "0"}, {"0": "0", "1": "1"}),
        (["0=3"], {}, {"0": "3", "1": "1"}),
        (["0=3", "existing"], {}, {"0": "3", "1": "1"}),
        (["0=1"], {}, {"0": "1", "1": "0"}),
    ],
)
def test_which_machine_is_which(directory, said, bundle_numbers, expected):
    model = Model(
        {"a": Deployed("x", units=(Unit(0, "0"), Unit(1, "1")))},
        {"0": {}, "1": {}, "3": {}},
        bundle_numbers=bundle_numbers,
    )
    bundle = directory.read("applications: {a: {charm: x, num_units: 2, to: [0, 1]}}\nmachines: {0: , 1: }").bundle
    assert matched(bundle, model, parse_map(said)) == expected


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (["all"], '"all" is neither existing nor a pair of numbers'),
        (["0=3/lxd/0"], '"0=3/lxd/0" is neither'),
        (["0=1", "0=2"], "machine 0 of the bundle is to be both 1 and 2"),
        (["0=4"], "the model has no machine 4: it has 1"),
        (["4=1"], "the bundle has no machine 4: it has 0"),
    ],
)
def test_what_is_no_map_of_machines(directory, said, text):
    bundle = directory.read("applications: {a: {charm: x, num_units: 1, to: [0]}}\nmachines: {0: }").bundle
    with pytest.raises(InvalidInput, match=text):
        matched(bundle, Model(machines={"1": {}}), parse_map(said))
