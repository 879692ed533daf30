# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is to do for a bundle, the first time and again."""

from __future__ import annotations

import random

import pytest
from models import applied

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.changes import AddRelation, AddUnit
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.model import Deployed, Model, Unit
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.plan import plan
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.roles import Roles

EMPTY = Model()


@pytest.fixture
def planned(directory):
    """The changes for a bundle, given a model."""

    def call(text, model=EMPTY, *overlays, **options):
        read = directory.read(text, *overlays, **options)
        assert read.may_be_deployed, read.findings
        return plan(read.bundle, model, Roles(), read.charms)

    return call


@pytest.fixture
def lines(planned):
    return lambda *arguments, **options: [
        line for change in planned(*arguments, **options) for line in change.text.splitlines()
    ]


def units(changes):
    """Where the units go, without the rest."""
    return {f"{each.application}/{each.number}": each.machine for each in changes if isinstance(each, AddUnit)}


def test_a_bundle_in_full(lines):
    text = """\
    series: jammy
    applications:
      web:
        charm: nginx
        num_units: 2
        expose: true
        to: ["0", new]
        annotations: {gui-x: 1}
      db10: {charm: cs:xenial/postgres-3, num_units: 1, to: ["lxd:0"]}
      db9: {charm: cs:xenial/postgres-3}
    machines:
      0: {annotations: {rack: 1}}
    relations:
    - [web:db, db10:db]
    """
    assert lines(text) == [
        "use role postgres as charm postgres for series xenial",
        "deploy application db9 on xenial using postgres",
        "deploy application db10 on xenial using postgres",
        "use role nginx as charm nginx for series jammy",
        "deploy application web on jammy using nginx",
        "expose all endpoints of web and allow access from CIDRs 0.0.0.0/0 and ::/0",
        "set annotations for web",
        "add new machine 0",
        "set annotations for new machine 0",
        "add relation web:db - db10:db",
        "add unit web/0 to new machine 0",
        "add lxd container 0/lxd/0 on new machine 0",
        "add new machine 1",
        "add unit db10/0 to 0/lxd/0",
        "add unit web/1 to new machine 1",
    ]


def test_machines_get_numbers_of_their_own(lines):
    text = "applications: {a: {charm: x, num_units: 2, to: [5, 10]}}\nmachines: {10: , 5: }"
    assert [line for line in lines(text) if "machine" in line] == [
        "add new machine 0 (bundle machine 5)",
        "add new machine 1 (bundle machine 10)",
        "add unit a/0 to new machine 0",
        "add unit a/1 to new machine 1",
    ]


def test_a_charm_in_a_directory(directory, lines):
    (directory.path / "mine").mkdir()
    assert lines("applications: {a: {charm: ./mine}}") == [
        f"use role {directory.path}/mine as charm mine",
        "deploy application a using mine",
    ]


def test_exposed_endpoints(lines):
    overlay = """\
    applications:
      a:
        exposed-endpoints:
          "": {expose-to-cidrs: [10.0.0.0/8, 10.0.0.0/9]}
          x: {expose-to-cidrs: [192.0.2.0/24]}
          y: {expose-to-cidrs: [192.0.2.0/24]}
          z: {}
    """
    assert lines("applications: {a: {charm: a}}", EMPTY, overlay)[2:] == [
        "expose all endpoints of a and allow access from CIDRs 10.0.0.0/8,10.0.0.0/9",
        "override expose settings for endpoints x,y of a and allow access from CIDR 192.0.2.0/24",
        "override expose settings for endpoint z of a and allow access from CIDRs 0.0.0.0/0 and ::/0",
    ]


PLACED = [
    # (placements of b, what a does, where b's units come to stand)
    ("num_units: 2", "", ["2", "3"]),
    ("num_units: 2, to: [new]", "", ["2", "3"]),
    ("num_units: 2, to: ['lxd:new']", "", ["2/lxd/0", "3/lxd/0"]),
    ("num_units: 3, to: [a]", "", ["0", "1", "2"]),
    ("num_units: 3, to: ['lxd:a']", "", ["0/lxd/0", "1/lxd/0", "2"]),
    ("num_units: 3, to: [a/1]", "", ["1", "2", "3"]),
    ("num_units: 2, to: ['lxd:a/1', 'lxd:a/1']", "", ["1/lxd/0", "1/lxd/1"]),
    ("num_units: 2, to: [a/1, a]", "", ["1", "0"]),
    # A machine is meant once; the units that are left get new ones.
    ("num_units: 2, to: [0]", "0", ["0", "2"]),
    ("num_units: 2, to: ['lxd:0', 0]", "0", ["0/lxd/0", "0"]),
    # Beside a unit in a container: in it, or in one beside it.
    ("num_units: 1, to: [a]", "lxd:0", ["0/lxd/0"]),
    ("num_units: 1, to: ['lxd:a']", "lxd:0", ["0/lxd/1"]),
]


@pytest.mark.parametrize(("fields", "to", "expected"), PLACED)
def test_where_units_go(planned, fields, to, expected):
    first = f", to: ['{to}']" if to else ""
    machines = "\nmachines: {0: }" if "0" in to else ""
    text = f"applications:\n  a: {{charm: x, num_units: 2{first}}}\n  b: {{charm: x, {fields}}}{machines}\n"
    found = units(planned(text))
    assert [found[f"b/{number}"] for number in range(len(expected))] == expected
    assert len(found) == 2 + len(expected)


def test_units_wait_for_those_they_are_put_beside(lines):
    text = "applications: {a: {charm: x, num_units: 2, to: ['lxd:b', b]}, b: {charm: x, num_units: 2}}"
    assert [line for line in lines(text) if line.startswith("add")] == [
        "add unit b/0 to new machine 0",
        "add unit b/1 to new machine 1",
        "add lxd container 0/lxd/0 on new machine 0",
        "add unit a/0 to 0/lxd/0 to satisfy [lxd:b]",
        "add unit a/1 to new machine 1 to satisfy [b]",
    ]


BUNDLE = """\
applications:
  a: {charm: x, num_units: 2, to: [0, 1], options: {k: 1}, constraints: mem=1G, annotations: {n: 1}}
  b: {charm: y, num_units: 1, to: [lxd:0]}
  c: {charm: y, num_units: 2, to: [a], expose: true}
  d: {charm: z}
machines: {0: {annotations: {m: 1}}, 1: }
relations: [[a:r, b:s], [c, d]]
"""


@pytest.fixture
def deployed(planned):
    return applied(EMPTY, planned(BUNDLE))


def test_a_second_time_there_is_nothing_to_do(lines, deployed):
    assert lines(BUNDLE, deployed) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # Nothing is ever taken away.
        (", expose: true", "", []),
        ("num_units: 2, to: [a]", "num_units: 1, to: [a]", []),
        ("relations: [[a:r, b:s], [c, d]]", "", []),
        ("  d: {charm: z}\n", "", []),
        ("options: {k: 1}, ", "", []),
        (", annotations: {n: 1}}", "}", []),
        ("[a:r, b:s]", "[b:s, a:r]", []),
        ("[a:r, b:s]", "[b, a]", []),
        ("mem=1G", "mem=1024M", []),
        # What differs is set.
        ("{k: 1}", "{k: 2, l: 1}", ["set application options for a"]),
        ("mem=1G", "mem=2G", ['set constraints for a to "mem=2G"']),
        ("constraints: mem=1G, ", "", ['set constraints for a to ""']),
        ("annotations: {n: 1}", "annotations: {n: 2}", ["set annotations for a"]),
        ("annotations: {m: 1}", "annotations: {m: 2}", ["set annotations for existing machine 0"]),
        (
            "d: {charm: z}",
            "d: {charm: z, expose: true}",
            ["expose all endpoints of d and allow access from CIDRs 0.0.0.0/0 and ::/0"],
        ),
        ("d: {charm: z}", "d: {charm: zz}", ["use role zz as charm zz", "upgrade d using charm zz"]),
        ("d: {charm: z}", "d: {charm: y}", ["upgrade d using charm y"]),
        ("[c, d]", "[c:x, d:y]", ["add relation c:x - d:y"]),
        ("[c, d]", "[c, d], [b, d:y]", ["add relation b - d:y"]),
        # What is missing is added.
        (
            "d: {charm: z}",
            "d: {charm: z}\n  e: {charm: z, num_units: 1}",
            ["deploy application e using z", "add unit e/0 to new machine 2"],
        ),
        ("d: {charm: z}", "d: {charm: z, num_units: 1, to: [0]}", ["add unit d/0 to existing machine 0"]),
        ("d: {charm: z}", "d: {charm: z, num_units: 1, to: ['lxd:0']}", ["add unit d/0 to 0/lxd/1"]),
        (
            "d: {charm: z}",
            "d: {charm: z, num_units: 1, to: [b]}",
            ["add unit d/0 to existing machine 0/lxd/0 to satisfy [b]"],
        ),
        (
            "d: {charm: z}",
            "d: {charm: z, num_units: 1, to: ['lxd:b/0']}",
            ["add unit d/0 to 0/lxd/1 to satisfy [lxd:b/0]"],
        ),
        ("num_units: 2, to: [a]", "num_units: 3, to: [a]", ["add unit c/2 to new machine 2"]),
        (
            "num_units: 2, to: [0, 1]",
            "num_units: 3, to: [0, 1, new]",
            ["add new machine 2", "add unit a/2 to new machine 2"],
        ),
        (
            "num_units: 2, to: [0, 1]",
            "num_units: 3, to: [0, 1, 2]",
            ["add new machine 2", "add unit a/2 to new machine 2"],
        ),
    ],
)
def test_what_a_changed_bundle_adds(lines, deployed, old, new, expected):
    text = BUNDLE.replace(old, new)
    assert text != BUNDLE
    if "d: {charm" not in text:
        text = text.replace(", [c, d]", "")
    if "[0, 1, 2]" in text:
        text = text.replace("1: }", "1: , 2: }")
    assert lines(text, deployed) == expected


def test_exposed_endpoints_that_are_as_they_should_be(lines, planned):
    text = "applications: {a: {charm: a}}"
    overlay = "applications: {a: {exposed-endpoints: {x: {expose-to-cidrs: [10.0.0.0/8, 192.0.2.0/24]}}}}"
    model = applied(EMPTY, planned(text, EMPTY, overlay))
    assert lines(text, model, overlay) == []
    assert lines(text, model, overlay.replace("10.0.0.0/8, 192.0.2.0/24", "192.0.2.0/24, 10.0.0.0/8")) == []
    assert lines(text, model, overlay.replace("10.0.0.0/8, ", "")) == [
        "override expose settings for endpoint x of a and allow access from CIDR 192.0.2.0/24"
    ]


def test_no_number_is_used_twice(planned):
    model = Model(
        {"a": Deployed("x", units=(Unit(3, "7"),)), "b": Deployed("x", units=(Unit(0, "7/lxd/4"),))},
        {"7": {}, "9": {}},
        next_numbers={"a": 2, "b": 6, "c": 5},
        next_machine=8,
    )
    text = """\
    applications:
      a: {charm: x, num_units: 2}
      b: {charm: x, num_units: 2, to: ['lxd:a']}
      c: {charm: x, num_units: 1}
      d: {charm: x, num_units: 1, to: ['lxd:b/0']}
    """
    assert units(planned(text, model)) == {"a/4": "10", "b/6": "10/lxd/0", "c/5": "11", "d/0": "7/lxd/5"}


def test_units_beside_units_that_are_there(planned):
    model = Model(
        {"a": Deployed("x", units=(Unit(0, "0"), Unit(1, "1"))), "b": Deployed("x", units=(Unit(0, "0"),))},
        {"0": {}, "1": {}},
    )
    # b/0 is beside a/0 already.
    text = "applications: {a: {charm: x, num_units: 2}, b: {charm: x, num_units: 2, to: [a/0, a/1]}}"
    assert units(planned(text, model)) == {"b/1": "1"}


def test_a_unit_that_is_gone_is_nothing_to_be_put_beside(planned):
    model = Model({"a": Deployed("x", units=(Unit(1, "1"),))}, {"1": {}})
    text = "applications: {a: {charm: x, num_units: 2}, b: {charm: x, num_units: 1, to: [a/0]}}"
    assert units(planned(text, model)) == {"a/2": "2", "b/0": "3"}


def test_machines_are_known_again_by_the_units_on_them(lines):
    # The bundle's 0 became 4, as 0 to 3 had been used before.
    model = Model(
        {"a": Deployed("x", units=(Unit(0, "4"), Unit(1, "5"))), "b": Deployed("x", units=(Unit(0, "4/lxd/0"),))},
        {"4": {}, "5": {}},
    )
    text = "applications: {a: {charm: x, num_units: 2, to: [0, 1]}, b: {charm: x, num_units: %s}}\nmachines: {0: , 1: }"
    assert lines(text % "1, to: ['lxd:0']", model) == []
    assert lines(text % "2, to: ['lxd:0', 'lxd:1']", model) == ["add unit b/1 to 5/lxd/0"]


def test_a_machine_of_the_same_number_is_taken_first(lines):
    model = Model({"a": Deployed("x", units=(Unit(0, "1"), Unit(1, "0")))}, {"0": {}, "1": {}})
    text = """\
    applications: {a: {charm: x, num_units: 2, to: [0, 1]}, b: {charm: x, num_units: 1, to: [0]}}
    machines: {0: , 1: }
    """
    assert lines(text, model)[1:] == ["add unit b/0 to existing machine 0"]


def test_a_machine_that_nothing_would_be_put_on(planned):
    # Both units are on the one machine that is known again by its number.
    model = Model({"a": Deployed("x", units=(Unit(0, "0"), Unit(1, "0")))}, {"0": {}, "8": {}})
    with pytest.raises(InvalidInput) as error:
        planned("applications: {a: {charm: x, num_units: 2, to: [0, 1]}}\nmachines: {0: , 1: }", model)
    assert str(error.value) == (
        'bundle and machine mapping are inconsistent: nothing would be put on bundle machine "1", for the units of a are'
        " there already, perhaps on 8 of the model"
    )


def test_relations_have_the_endpoints_that_the_charms_have(directory, planned):
    directory.charm("web", "provides: {http: http}")
    directory.charm("proxy", "requires: {backend: http}")
    text = "applications: {web: {charm: web}, proxy: {charm: proxy}}\nrelations: [[proxy, web]]"
    (change,) = [each for each in planned(text, charms=True) if isinstance(each, AddRelation)]
    assert [str(end) for end in change.ends] == ["proxy:backend", "web:http"]
    assert change.text == "add relation proxy - web"


def test_what_is_required_comes_first_and_again_there_is_nothing(directory, planned):
    """Over bundles made up at random."""
    chance = random.Random(1)
    placements = ["new", "lxd:new", "0", "lxd:0", "lxd:1", "a", "lxd:a", "b", "lxd:b", "a/0", "lxd:b/0"]
    seen = 0
    for _round in range(300):
        applications = []
        for name in "abc":
            count = chance.randint(1, 3)
            to = ", ".join(f"'{each}'" for each in chance.sample(placements, chance.randint(0, count)))
            applications.append(f"  {name}: {{charm: x, num_units: {count}, to: [{to}], options: {{k: 1}}}}\n")
        text = "applications:\n" + "".join(applications) + "relations: [[a, b], ['a:x', 'c:y']]\n"
        used = [number for number in "01" if f"'{number}'" in text or f":{number}'" in text]
        text += f"machines: {{{', '.join(f'{number}: ' for number in used)}}}\n"
        if not directory.read(text).may_be_deployed:
            continue
        seen += 1
        changes = planned(text)
        made = set()
        for change in changes:
            if isinstance(change, AddUnit):
                assert change.makes_machine != (change.machine in made), text
                made.add(change.machine)
            made |= {getattr(change, "container", "") or getattr(change, "machine", "")}
        assert planned(text, applied(EMPTY, changes)) == [], text
    assert seen > 100
