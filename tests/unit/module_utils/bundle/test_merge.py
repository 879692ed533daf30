# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What overlays do to a bundle, and files that a bundle draws in."""

from __future__ import annotations

import base64

import pytest
import yaml

from ansible_collections.flotilla.lxd.plugins.module_utils._bundle import read as reading
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.roles import Roles

BASE = """\
series: jammy
description: A site
applications:
  web:
    charm: nginx
    num_units: 2
    to: [new, new]
    expose: true
    constraints: mem=1G
    options: {port: 80, name: www, mode: fast}
    annotations: {gui-x: 1}
  db:
    charm: postgres
    storage: {data: 8G}
  cache:
    charm: redis
relations:
- [web:db, db:web]
- [web:cache, cache]
- [cache:db, db:cache]
"""
WEB = {
    "charm": "nginx",
    "num_units": 2,
    "to": ["new", "new"],
    "expose": True,
    "options": {"port": 80, "name": "www", "mode": "fast"},
    "annotations": {"gui-x": "1"},
    "constraints": "mem=1G",
}


def web(overlay):
    """The base's web as it is with some fields others; None leaves one out."""
    return {key: value for key, value in {**WEB, **overlay}.items() if value is not None}


@pytest.mark.parametrize(
    ("overlay", "expected"),
    [
        ("num_units: 3", {"num_units": 3}),
        ("{num_units: null, to: []}", {"num_units": None, "to": None}),
        ("{num_units: 0, to: null}", {"num_units": None, "to": None}),
        ("scale: 3", {"num_units": 3}),
        ("to: [0]\nmachines: {0: {}}", {"to": ["0"]}),
        ("to: []", {"to": None}),
        ("expose: false", {"expose": None}),
        ("constraints: ''", {"constraints": None}),
        ("constraints: mem=2G", {"constraints": "mem=2G"}),
        ("options: {port: 81, extra: 1}", {"options": {**WEB["options"], "port": 81, "extra": 1}}),
        ("options: {port: null}", {"options": {"name": "www", "mode": "fast"}}),
        ("options: {port: ''}", {"options": {**WEB["options"], "port": ""}}),
        ("options:", {"options": None}),
        ("options: {}", {}),
        ("annotations:", {"annotations": None}),
        ("annotations: {gui-y: 2}", {"annotations": {"gui-x": "1", "gui-y": "2"}}),
        ("annotations: {gui-x: null}", {"annotations": {"gui-x": ""}}),
        ("storage: {data: 1G}", {"storage": {"data": "1G"}}),
        ("offers: {www: {endpoints: [db]}}", {"offers": {"www": {"endpoints": ["db"]}}}),
        ("trust: true", {"trust": True}),
        ("{}", {}),
    ],
)
def test_fields_of_an_application(directory, overlay, expected):
    fields, *_rest = overlay.split("\nmachines")
    text = f"applications:\n  web:\n    {fields}\n" + ("machines: {0: {}}\n" if _rest else "")
    read = directory.read(BASE, text)
    assert not read.findings.problems
    assert read.bundle.as_dict()["applications"]["web"] == web(expected)


def test_an_application_is_taken_away_with_its_relations(directory):
    bundle = directory.read(BASE, "applications: {cache: null, nobody: null}").bundle.as_dict()
    assert set(bundle["applications"]) == {"web", "db"}
    assert bundle["relations"] == [["web:db", "db:web"]]


def test_what_an_overlay_brings(directory):
    overlay = """\
    series: noble
    description: Not of the site
    tags: [none]
    applications:
      cache:
      queue: {charm: rabbit, num_units: 1, to: ["1"]}
    machines: {"1": {constraints: mem=2G}}
    relations:
    - [web:queue, queue]
    - [queue, cache]
    """
    read = directory.read(f"{BASE}machines: {{0: {{}}}}\n", overlay)
    bundle = read.bundle.as_dict()
    assert bundle["series"] == "noble" and bundle["description"] == "A site" and "tags" not in bundle
    assert bundle["machines"] == {"1": {"constraints": "mem=2G"}}
    assert bundle["applications"]["queue"] == {"charm": "rabbit", "num_units": 1, "to": ["1"]}
    # The overlay's own relations stay, and so the one with what it takes away is a problem.
    assert bundle["relations"] == [["web:db", "db:web"], ["web:queue", "queue"], ["queue", "cache"]]
    assert [(each.place.line, each.place.file[-14:]) for each in read.findings.problems] == [(10, "overlay-0.yaml")]


def test_overlays_come_in_turn_and_documents_of_a_file_first(directory):
    text = f"{BASE}---\napplications: {{web: {{num_units: 3}}}}\n---\n"
    overlays = ("applications: {web: {num_units: 4, channel: a}}", "applications: {web: {channel: b}}", "", "# nothing")
    found = directory.read(text, *overlays).bundle.applications["web"]
    assert (found.num_units, found.channel) == (4, "b")


def test_offers_of_other_models(directory):
    base = (
        "applications: {a: {charm: x}}\nsaas: {one: {url: m.one}, two: {url: m.two}}\nrelations: [[a, one], [a, two]]\n"
    )
    bundle = directory.read(base, "saas: {one: null, two: {url: m.other}, three: {url: m.three}}").bundle.as_dict()
    assert bundle["saas"] == {"two": {"url": "m.other"}, "three": {"url": "m.three"}}
    assert bundle["relations"] == [["a", "two"]]


def test_services_are_applications_of_older_bundles(directory):
    older = BASE.replace("applications:", "services:")
    assert directory.read(older).bundle == directory.read(BASE).bundle


@pytest.mark.parametrize(
    ("text", "overlays", "expected"),
    [
        ("", [], [(1, "malformed bundle: bundle is empty")]),
        ("# nothing\n", [], [(1, "malformed bundle: bundle is empty")]),
        ("---\n", [], [(2, "malformed bundle: bundle is empty")]),
        (
            "applications: {a: {charm: x}}\n---\n- a\n",
            [],
            [(3, "a bundle has to be a map of keys, and this is a list")],
        ),
        (
            "applications: {a: {charm: x}}\nservices: {b: {charm: x}}\n",
            [],
            [(2, "cannot specify both applications and services")],
        ),
        (
            "applications: {a: {charm: x}}",
            ["services: {a: {charm: y}}"],
            [
                (
                    1,
                    (
                        "bundle overlay file used deprecated 'services' key, this is not valid for bundle overlay files:"
                        " write applications"
                    ),
                )
            ],
        ),
        ("applications:\n  a: {charm: x}\n  b:\n", [], [(3, 'base application "b" has no body')]),
        (
            "applications:\n  a:\n    charm: x\n    scale: 2\n    num_units: 2\n",
            [],
            [(4, 'cannot specify both scale and num_units for application "a"')],
        ),
        (
            "applications: {a: {charm: x,\n placement: k=v}}",
            [],
            [(2, 'placement (k=v) not valid for non-Kubernetes application "a": write to')],
        ),
        (
            "bundle: kubernetes\napplications: {a: {charm: x, to: [k=v],\n placement: k=v}}",
            [],
            [(3, 'cannot specify both placement and to for application "a"')],
        ),
        (
            "applications:\n  a:\n    charm: x\n    offers:\n      one:\n        endpoints: [e]\n        acl: {me: read}\n",
            [],
            [
                (4, "applications.a.offers can only appear in an overlay section"),
                (6, "applications.a.offers.one.endpoints can only appear in an overlay section"),
                (7, "applications.a.offers.one.acl can only appear in an overlay section"),
            ],
        ),
        (
            "applications:\n  a:\n    charm: x\n    exposed-endpoints:\n      e:\n        expose-to-cidrs: [10.0.0.0/8]\n",
            [],
            [
                (4, "applications.a.exposed-endpoints can only appear in an overlay section"),
                (6, "applications.a.exposed-endpoints.e.expose-to-cidrs can only appear in an overlay section"),
            ],
        ),
    ],
)
def test_what_cannot_be_merged(directory, text, overlays, expected):
    assert directory.problems(text, *overlays) == expected


@pytest.mark.parametrize(
    ("text", "overlays", "problems", "later"),
    [
        # An overlay in the place of the bundle: what follows from that is told apart.
        (
            "applications:\n  a:\n  b: {charm: x}\nrelations: [[c, b]]",
            [],
            ['base application "a" has no body'],
            ['relation ["c" "b"] refers to application "c" not defined in this bundle'],
        ),
        (
            "applications: {a: {charm: ./nowhere, options: {o: include-file://gone}}}",
            [],
            ["processing option"],
            ["charm path in application"],
        ),
        (
            "applications: {a: {charm: x, offers: {$no: {}}}}",
            [],
            ["applications.a.offers can only"],
            ["invalid offer name"],
        ),
        # An ill-typed value of the base is one, whatever an overlay says there.
        (
            "applications: {a: {charm: x, num_units: one}}",
            ["applications: {a: {num_units: 1}}"],
            ["num_units of"],
            [],
        ),
        ("applications: {a: {charm: x}}", ["applications: {a: {num_units: one}}"], ["num_units of"], []),
        ("applications: {a: {charm: x}}", ["applications: {b: {charm: y, to: 0}}"], ["to of"], []),
    ],
)
def test_what_comes_later(directory, text, overlays, problems, later):
    findings = directory.read(text, *overlays).findings
    for found, expected in ((findings.problems, problems), (findings.later, later)):
        assert all(each.text.startswith(start) for each, start in zip(found, expected, strict=True))


def test_a_document_with_a_value_of_the_wrong_type_counts_as_empty(directory):
    base = "applications: {a: {charm: x, num_units: 1}}\nmachines: {0: null}\n"
    assert directory.read("applications: {a: {charm: x, num_units: one}}").bundle.as_dict() == {}
    overlay = "applications: {b: {charm: y, expose: 1}}"
    assert directory.read(base, overlay).bundle.as_dict() == directory.read(base).bundle.as_dict()
    assert directory.read(base).bundle.as_dict()["machines"] == {"0": None}


def test_a_bundle_for_kubernetes_has_no_machines(directory):
    read = directory.read("bundle: kubernetes\napplications: {a: {charm: x}}\nmachines: {0: }\n")
    assert [each.text for each in read.findings.problems] == ["bundle machines not valid for Kubernetes bundles"]
    assert "machines" not in read.bundle.as_dict()


def test_a_file_that_is_no_yaml_is_all_there_is_to_say(directory):
    read = directory.read("applications: {a: {charm: ./nowhere}}", "a: [")
    assert read.bundle is None and not read.may_be_deployed
    assert [each.text.partition(":")[0] for each in read.findings.problems] == ["not YAML"]


def test_includes_are_relative_to_the_file_they_stand_in(directory):
    directory.write("one.txt", "grüße\n")
    directory.write("there/two.txt", "2")
    directory.write("there/overlay.yaml", "applications: {a: {options: {two: include-file://two.txt}}}")
    text = """\
    applications:
      a:
        charm: x
        num_units: 1
        to: [0]
        options: {one: include-file://one.txt, coded: include-base64://there/../one.txt, plain: see include-file://one.txt}
        annotations: {one: include-file://one.txt}
    machines: {0: {annotations: {one: include-file://one.txt}}}
    ---
    applications: {a: {options: {absolute: include-file://%s/one.txt}}}
    """
    path = directory.write("bundle.yaml", text % directory.path)
    read = reading.read(path, [str(directory.path / "there" / "overlay.yaml")], Roles())
    assert not read.findings.problems
    assert read.bundle.applications["a"].options == {
        "one": "grüße\n",
        "coded": base64.b64encode("grüße\n".encode()).decode(),
        "plain": "see include-file://one.txt",
        "absolute": "grüße\n",
        "two": "2",
    }
    assert read.bundle.applications["a"].annotations == {"one": "grüße\n"}
    assert read.bundle.machines["0"].annotations == {"one": "grüße\n"}


def test_includes_that_cannot_be_read(directory):
    (directory.path / "binary").write_bytes(b"\xff")
    text = """\
    applications:
      "{a}":
        charm: x
        options:
          missing: include-file://missing
          folder: include-base64://.
          binary: include-file://binary
    """
    where = directory.path
    head = 'application "{a}": resolving include'
    findings = directory.read(text).findings
    assert directory.told(findings.later) == [(2, 'invalid application name "{a}"')]
    assert directory.told(findings.problems) == [
        (5, f'processing option "missing" for {head} "missing": include file "{where}/missing" not found'),
        (6, f'processing option "folder" for {head} ".": include path "{where}" resolves to a folder'),
        (7, f'processing option "binary" for {head} "binary": the file is not text in UTF-8: take include-base64://'),
    ]


def test_a_charm_may_be_a_directory_beside_the_bundle(directory):
    (directory.path / "charm").mkdir()
    read = directory.read("applications: {a: {charm: ./charm}}")
    assert not read.findings.problems
    assert read.bundle.applications["a"].charm == str(directory.path / "charm")


def test_a_directory_has_a_bundle_in_it(directory):
    directory.write("bundle.yaml", "applications: {a: {charm: x}}")
    assert set(reading.read(str(directory.path), [], Roles()).bundle.applications) == {"a"}


@pytest.mark.parametrize("text", [BASE, BASE.replace("applications:", "services:"), BASE + "machines: {0: }\n"])
def test_what_is_merged_says_the_same_when_it_is_read(directory, text):
    overlay = "applications: {db: {num_units: 1, to: ['lxd:new'], revision: 0, channel: c, resources: {r: 0}}, cache: }"
    merged = directory.read(text, overlay).bundle
    again = directory.read(yaml.safe_dump(merged.as_dict())).bundle
    assert again == merged and again.as_dict() == merged.as_dict()
