# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a bundle whatever its charms are: each rule by an example, with the line it has to name."""

from __future__ import annotations

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.findings import in_order


def one(fields="", rest=""):
    """A bundle with the application a, whose further fields begin in line 4, and what comes after it."""
    lines = "".join(f"\n    {line}" for line in fields.splitlines())
    return f"applications:\n  a:\n    charm: x{lines}\n{rest}"


def two(relations):
    """A bundle with the applications a and b, and relations from line 5 on."""
    return "applications:\n  a: {charm: x}\n  b: {charm: x}\nrelations:\n" + "".join(
        f"- {each}\n" for each in relations
    )


GOOD = [
    one(),
    one("num_units: 3\nto: [new, 'lxd:new']"),
    one("num_units: 2\nto: [0, lxd:1]", "machines:\n  0:\n  1: {constraints: mem=1G, series: trixie, base: debian@13}"),
    one("num_units: 1\nto: [b/0]", "  b: {charm: y, num_units: 1}"),
    one("num_units: 1\nto: ['lxd:b']", "  b: {charm: y}"),
    one("constraints: mem=2.5G cores=2 arch=arm64 zones=a,b\nstorage: {data: 'ssd,2,10G', logs: 1.5TiB}"),
    one("devices: {gpu: '2,nvidia.com/gpu,k=v', other: gpu}\nresources: {file: ./x, rev: 3}"),
    one("channel: latest/edge\nrevision: 0\nexpose: yes\ntrust: true\nbase: ubuntu@22.04/stable"),
    one("series: jammy", "default-base: ubuntu/22.04\nseries: jammy\ndescription: x\ntags: [a]"),
    one("options: {a: 1, b: [1, {c: 2}], c: null}\nannotations: {x: 1, y: yes, z: }"),
    one("", "saas: {other: {url: 'ctl:me/model.app:db'}, more: {url: model.app}, none: }\nrelations: [[a, other:db]]"),
    two(["[a:x, b:y]", "[a:x, b:z]", "[a:y, b:y]", "[a, b]"]),
    *(
        f"applications: {{a: {{charm: '{charm}'}}}}"
        for charm in (
            "ch:jammy/x",
            "ch:amd64/jammy/x",
            "x-1x",
            "cs:x-9",
            "cs:~me/xenial/x-9",
            "local:trusty/x-1",
            "a-b2-c",
        )
    ),
]


@pytest.mark.parametrize("text", GOOD)
def test_nothing_is_wrong(directory, text):
    assert directory.problems(text) == []


BAD = [
    # The whole.
    ("series: jammy", [(1, "at least one application must be specified")]),
    ("series: jammy\napplications:", [(2, "at least one application must be specified")]),
    (one(rest="bundle: foo"), [(4, 'bundle has an invalid type "foo"')]),
    (one(rest="series: 9wrong"), [(4, 'bundle declares an invalid series "9wrong"')]),
    (one(rest="default-base: ubuntu"), [(4, 'bundle declares an invalid base "ubuntu"')]),
    # Applications.
    ("applications: {A: {charm: x}}", [(1, 'invalid application name "A"')]),
    ("applications: {a-1: {charm: x}}", [(1, 'invalid application name "a-1"')]),
    ("applications:\n  a: {num_units: 1}", [(2, 'empty charm path: application "a" has no charm')]),
    (one("num_units: -1"), [(4, 'negative number of units specified on application "a"')]),
    (one("series: J"), [(4, 'application "a" declares an invalid series "J"')]),
    (one("base: jammy"), [(4, 'application "a" declares an invalid base "jammy"')]),
    (
        "applications: {a: {charm: cs:trusty/x, series: xenial}}",
        [
            (
                1,
                'the charm URL for application "a" has a series which does not match, please remove the series from the URL',
            )
        ],
    ),
    ("applications: {a: {charm: x-9}}", [(1, 'cannot specify revision in "ch:x-9", please use revision')]),
    (
        one("revision: 5"),
        [(4, 'application "a" with a revision requires a channel for future upgrades, please use channel')],
    ),
    (one("channel: edge\nrevision: -5"), [(5, 'the revision for application "a" must be zero or greater')]),
    ("applications: {a: {charm: /no/such}}", [(1, 'charm path in application "a" does not exist: /no/such')]),
    *(
        (f"applications: {{a: {{charm: '{charm}'}}}}", [(1, f'invalid charm URL in application "a": {reason}')])
        for charm, reason in (
            ("zz:x", 'cannot parse URL "zz:x": schema "zz" not valid'),
            ("a/b/c/x", 'cannot parse URL "a/b/c/x": it has too many parts'),
            ("cs:9/x", 'cannot parse URL "cs:9/x": series name "9" not valid'),
            ("X", 'cannot parse URL "X": name "X" not valid'),
            ("cs:", 'cannot parse URL "cs:": name "" not valid'),
            ("~me/x", 'cannot parse URL "~me/x": series name "~me" not valid'),
        )
    ),
    (
        one("constraints: foo=bar"),
        [(4, 'invalid constraints "foo=bar" in application "a": unknown constraint "foo"')],
    ),
    (
        one("storage:\n  no_dash: 1G\n  bad: x y\n  none: ''"),
        [
            (5, 'invalid storage name "no_dash" in application "a"'),
            (6, 'invalid storage "bad" in application "a": unrecognized storage constraint "x y" not valid'),
            (
                7,
                'invalid storage "none" in application "a": storage constraints require at least one field to be specified',
            ),
        ],
    ),
    (
        one("devices:\n  no_dash: gpu\n  bad: 0,gpu"),
        [
            (5, 'invalid device name "no_dash" in application "a"'),
            (6, 'invalid device "bad" in application "a": count must be greater than zero, got "0"'),
        ],
    ),
    (
        one("resources:\n  '': 1\n  list: [1]\n  flag: true"),
        [
            (5, 'missing resource name on application "a"'),
            (6, 'resource revision "a" is not int or string'),
            (7, 'resource revision "a" is not int or string'),
        ],
    ),
    (
        one("bindings: {db: inner}\nconstraints: spaces=^inner,other"),
        [(5, 'space "inner" is required but it\'s forbidden by constraint in application "a"')],
    ),
    # Placement.
    (one("num_units: 1\nto: [new, new]"), [(5, 'too many units specified in unit placement for application "a"')]),
    (one("to: [new]"), [(4, 'too many units specified in unit placement for application "a"')]),
    (one("num_units: 2\nto:\n- 7"), [(6, 'placement "7" refers to a machine not defined in this bundle')]),
    (
        one("num_units: 2\nto: [b,\n c/0]"),
        [
            (5, 'placement "b" refers to an application not defined in this bundle'),
            (6, 'placement "c/0" refers to an application not defined in this bundle'),
        ],
    ),
    (
        one("num_units: 1\nto: [b/2]", "  b: {charm: x, num_units: 2}"),
        [(5, 'placement "b/2" specifies a unit greater than the 2 unit(s) started by the target application')],
    ),
    (one("num_units: 2\nto: ['0,new']"), [(5, 'invalid placement syntax "0,new"')]),
    (
        one("num_units: 1\nto: [a]"),
        [(5, "cycle in placement directives for: a")],
    ),
    (
        one(
            "num_units: 1\nto: ['lxd:b']",
            "  b: {charm: x, num_units: 1, to: [c/0]}\n  c: {charm: x, num_units: 1, to: [a]}",
        ),
        [(5, "cycle in placement directives for: a, b, c")],
    ),
    (
        one("num_units: 1\nto: [0]\nseries: jammy", "machines:\n  0: {series: noble}"),
        [
            (
                5,
                (
                    'charm x of application "a" is for series jammy and cannot be deployed to machine "0" with different'
                    " series noble"
                ),
            )
        ],
    ),
    (
        one("series: focal\nbase: ubuntu@22.04", "default-base: debian/13\nseries: bookworm"),
        [
            (5, 'application "a" series "focal" and base "ubuntu@22.04" must match if both supplied'),
            (6, 'bundle series "bookworm" and base "debian/13" must match if both supplied'),
        ],
    ),
    # Machines.
    (
        one("num_units: 1\nto: [0]", "machines:\n  0: {series: jammy, base: ubuntu@24.04/stable}"),
        [(7, 'machine "0" series "jammy" and base "ubuntu@24.04/stable" must match if both supplied')],
    ),
    (
        one(rest="machines:\n  0:\n  x:"),
        [
            (5, 'machine "0" is not referred to by a placement directive'),
            (6, 'invalid machine id "x" found in machines'),
            (6, 'machine "x" is not referred to by a placement directive'),
        ],
    ),
    (
        one("num_units: 1\nto: [0]", "machines:\n  0:\n    series: N\n    base: B\n    constraints: mem=much"),
        [
            (8, 'invalid series "N" for machine "0"'),
            (9, 'invalid base "B" for machine "0"'),
            (
                10,
                (
                    'invalid constraints "mem=much" in machine "0": bad "mem" constraint: must be a non-negative float with'
                    " optional M/G/T/P suffix"
                ),
            ),
        ],
    ),
    # Relations.
    (two(["[a:x]"]), [(5, 'relation ["a:x"] has 1 endpoint(s), not 2')]),
    (two(["[a, b, a]"]), [(5, 'relation ["a" "b" "a"] has 3 endpoint(s), not 2')]),
    (two(["[a/x, b]"]), [(5, 'invalid relation syntax "a/x"')]),
    (two(['["a\\n", b]']), [(5, 'invalid relation syntax "a\\n"')]),
    (two(["['a:', 'b:-']"]), [(5, 'invalid relation syntax "a:"'), (5, 'invalid relation syntax "b:-"')]),
    (two(["[a:x, a:y]"]), [(5, 'relation ["a:x" "a:y"] relates an application to itself')]),
    (two(["[a:x, b:y]", "[b:y, a:x]"]), [(6, 'relation ["b:y" "a:x"] is defined more than once')]),
    (
        two(["[a:x, c:y]", "[d, e]"]),
        [
            (5, 'relation ["a:x" "c:y"] refers to application "c" not defined in this bundle'),
            (6, 'relation ["d" "e"] refers to application "d" not defined in this bundle'),
            (6, 'relation ["d" "e"] refers to application "e" not defined in this bundle'),
        ],
    ),
    # Offers of other models.
    (
        one(rest="  b: {charm: x}\nrelations: [[a, b]]\nsaas:\n  a: {url: m.a}"),
        [
            (2, 'SAAS "a" already exists with application "a" name'),
            (5, 'ambiguous relation "a" refers to an application and a SAAS in this bundle'),
            (7, 'application "a" already exists with SAAS "a" name'),
        ],
    ),
    (
        one(rest="saas:\n  B:\n  c:\n    url: '!x/y'"),
        [(5, 'invalid SAAS name "B" found'), (7, 'invalid offer URL "!x/y" for SAAS c')],
    ),
    # Kubernetes.
    (
        (
            "bundle: kubernetes\nmachines: {0: }\napplications:\n"
            "  a: {charm: x, to: [k=v, l=w]}\n  b: {charm: x, to: ['k=v,l']}\n  c: {charm: x, scale: 2, placement: k=v}"
        ),
        [
            (2, "bundle machines not valid for Kubernetes bundles"),
            (4, 'too many placement directives for application "a"'),
            (5, 'expected "key=value", got "l" for application "b"'),
        ],
    ),
]


@pytest.mark.parametrize(("text", "expected"), BAD)
def test_what_is_wrong(directory, text, expected):
    assert directory.problems(text) == expected


OVERLAID = [
    (
        "offers:\n      $bad:\n        endpoints: ['nope!']",
        [
            (4, 'invalid offer name "$bad" in application "a"'),
            (5, 'invalid endpoint name "nope!" for offer "$bad" in application "a"'),
        ],
    ),
    (
        "exposed-endpoints:\n      db:\n        expose-to-cidrs: [10.0.0.0/8, 'fd00::/8', 10.0.0.1, nowhere]",
        [
            (5, 'invalid CIDR "10.0.0.1" for expose to CIDRs field for endpoint "db" in application "a"'),
            (5, 'invalid CIDR "nowhere" for expose to CIDRs field for endpoint "db" in application "a"'),
        ],
    ),
    (
        "exposed-endpoints: {db: {}}\n    expose: true",
        [
            (
                3,
                (
                    'exposed-endpoints cannot be specified together with "expose: true" in application "a": all endpoints'
                    " would be open to everyone"
                ),
            )
        ],
    ),
]


@pytest.mark.parametrize(("fields", "expected"), OVERLAID)
def test_what_is_wrong_in_an_overlay(directory, fields, expected):
    read = directory.read(one(), f"applications:\n  a:\n    {fields}\n")
    assert sorted((each.place.line, each.text) for each in read.findings.problems) == expected
    assert {each.place.file for each in read.findings.problems} == {str(directory.path / "overlay-0.yaml")}


def test_what_follows_from_a_problem_comes_after_it(directory):
    findings = in_order(directory.read(one("num_units: '2'")).findings.problems)
    assert [each.place.line for each in findings] == [4, 1]
    assert findings[1].text == COUNTS_AS_EMPTY


COUNTS_AS_EMPTY = (
    "at least one application must be specified: with a value of the wrong type in it, a document counts as empty"
)
ILL_TYPED = [
    (one("to: 0"), 4, 'to of application "a" has to be a list, and is a number, "0"'),
    (one("to: lxd:0", "machines: {0: }"), 4, 'to of application "a" has to be a list, and is a text, "lxd:0"'),
    (one("num_units: 1\nto: [[0]]"), 5, 'to of application "a" has to be a list of texts, and is a list'),
    (one("num_units: '2'"), 4, 'num_units of application "a" has to be a whole number, and is a text, "2"'),
    (
        one("num_units: bad\nto: [new]"),
        4,
        'num_units of application "a" has to be a whole number, and is a text, "bad"',
    ),
    (one("num_units: 1.5"), 4, 'num_units of application "a" has to be a whole number, and is a number, "1.5"'),
    (one("num_units: true"), 4, 'num_units of application "a" has to be a whole number, and is true or false, "true"'),
    (one("revision: x"), 4, 'revision of application "a" has to be a whole number, and is a text, "x"'),
    (
        one(f"num_units: {'x' * 41}"),
        4,
        f'num_units of application "a" has to be a whole number, and is a text, "{"x" * 40}..."',
    ),
    (one("expose: 'yes'"), 4, 'expose of application "a" has to be true or false, and is a text, "yes"'),
    (one("options: [a, b]"), 4, 'options of application "a" has to be a map, and is a list'),
    (one("annotations: 47"), 4, 'annotations of application "a" has to be a map, and is a number, "47"'),
    (one("annotations: {x: [1]}"), 4, 'annotations of application "a" has to be a map of texts, and is a list'),
    (one("constraints: {}"), 4, 'constraints of application "a" has to be a text, and is a map'),
    ("applications: {a: {charm: [x]}}", 1, 'charm of application "a" has to be a text, and is a list'),
    ("applications: {a: 5}", 1, 'application "a" has to be a map, and is a number, "5"'),
    ("applications: 42", 1, 'applications of the bundle has to be a map, and is a number, "42"'),
    ("services: 42", 1, 'applications of the bundle has to be a map, and is a number, "42"'),
    (one("num_units: 1\nto: [0]", "machines: 42"), 6, 'machines of the bundle has to be a map, and is a number, "42"'),
    (one("num_units: 1\nto: [0]", "machines:\n  0: 42"), 7, 'machine "0" has to be a map, and is a number, "42"'),
    (one(rest="relations: x"), 4, 'relations of the bundle has to be a list, and is a text, "x"'),
    (
        one(rest="relations:\n- 42"),
        5,
        'a relation has to be a list of two ends, application or application:endpoint, and is a number, "42"',
    ),
    (
        one(rest="relations:\n- [a, [b]]"),
        5,
        "a relation has to be a list of two ends, application or application:endpoint, and is a list with a list in it",
    ),
    (one(rest="saas: [x]"), 4, "saas of the bundle has to be a map, and is a list"),
    ("- a", 1, "a bundle has to be a map of keys, and this is a list"),
    ("word", 1, 'a bundle has to be a map of keys, and this is a text, "word"'),
]


@pytest.mark.parametrize(("text", "line", "expected"), ILL_TYPED)
def test_what_has_the_wrong_form(directory, text, line, expected):
    findings = directory.read(text).findings
    assert directory.told(findings.problems) == sorted([(line, expected), (1, COUNTS_AS_EMPTY)])
    # And nothing is concluded from what could not be understood.
    assert not findings.later


def test_a_relation_names_what_could_not_be_understood(directory):
    findings = directory.read("applications: 42\nrelations: [[a, b]]\nmachines: {0: }").findings
    assert [each[0] for each in directory.told(findings.problems)] == [1, 1] and not findings.later


@pytest.mark.parametrize(
    ("text", "line", "field", "hint"),
    [
        (one("constrain: mem=8G"), 4, "constrain", ": did you mean constraints?"),
        (one("num_uns: 1"), 4, "num_uns", ": did you mean num_units?"),
        (one("zzz: 1"), 4, "zzz", ""),
        (one(rest="website: x"), 4, "website", ""),
        (one("num_units: 1\nto: [0]", "machines: {0: {mem: 1}}"), 6, "mem", ""),
    ],
)
def test_fields_that_bundles_do_not_have(directory, text, line, field, hint):
    read = directory.read(text)
    assert not read.findings.problems
    (warning,) = read.findings.warnings
    assert warning.place.line == line
    assert warning.text.endswith(f'has the field "{field}", which bundles do not have{hint}')


def test_everything_is_told_at_once(directory):
    text = """\
    series: 9
    applications:
      a: {charm: x-9, num_units: -1, zzz: 1}
      b: {charm: y, num_units: UNITS, to: [0]}
    relations: [[a, c]]
    machines: {1: }
    """
    assert [each[0] for each in directory.problems(text.replace("UNITS", "1"))] == [1, 3, 3, 4, 5, 6]
    findings = directory.read(text.replace("UNITS", "one")).findings
    assert [each[0] for each in directory.told(findings.problems)] == [2, 4]
    assert [each[0] for each in directory.told(findings.later)] == [1, 3, 3, 4, 5, 6]
