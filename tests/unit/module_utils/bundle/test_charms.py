# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a bundle when its charms are known, and what is wrong with a charm."""

from __future__ import annotations

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.charm import read as read_charm
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.charm_storage import CharmStorage, wanted
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.endpoints import resolved
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.findings import Findings
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.storage import Storage


@pytest.fixture
def site(directory):
    """Roles for the charms proxy, server, database and agent, the last a subordinate."""
    directory.charm("proxy", "requires: {backend: http, cache: redis}\npeers: {cluster: proxies}")
    directory.charm(
        "server",
        "provides: {web: http, admin: http}\nrequires: {db: sql, info: juju-info}\nextra-bindings: {outer: }",
        {"title": "str", "skill_level": "int", "ratio": "float", "debug": "bool", "hosts": "list", "more": "raw"},
    )
    directory.charm("database", "provides: {sql: {interface: sql, limit: 2, optional: true}}")
    directory.charm(
        "agent",
        "subordinate: true\nrequires: {juju-info: {interface: juju-info, scope: container}, sink: {interface: logs}}",
    )
    return directory


HEAD = """\
applications:
  proxy: {charm: proxy}
  server: {charm: server}
  other: {charm: server}
  third: {charm: server}
  database: {charm: database}
  agent: {charm: agent}
relations:
"""


@pytest.mark.parametrize(
    ("relation", "ends"),
    [
        ("[server, database]", "server:db database:sql"),
        ("[database, server]", "database:sql server:db"),
        ("[server, 'database:sql']", "server:db database:sql"),
        ("['proxy:backend', 'server:admin']", "proxy:backend server:admin"),
        # juju-info, which every charm has, is only meant if nothing else is.
        ("[proxy, 'server:info']", "proxy:juju-info server:info"),
        ("[server, other]", None),
        ("[agent, database]", "agent:juju-info database:juju-info"),
        ("[agent, proxy]", "agent:juju-info proxy:juju-info"),
    ],
)
def test_endpoints_are_found_by_interface(site, relation, ends):
    read = site.read(f"{HEAD}- {relation}\n", charms=True)
    if ends is None:
        assert [each.place.line for each in read.findings.problems] == [9]
        return
    assert not read.findings.problems
    found = resolved(read.bundle.relations[0], read.bundle, read.charms)
    assert " ".join(map(str, found)) == ends


@pytest.mark.parametrize(
    ("relations", "expected"),
    [
        (
            ["[proxy:backend, server:no]", "[proxy:nor, server:web]"],
            [
                'charm "server" used by application "server" does not define relation "no"',
                'charm "proxy" used by application "proxy" does not define relation "nor"',
            ],
        ),
        (
            ["[proxy:cluster, server:web]"],
            ['charm "proxy" used by application "proxy" does not define relation "cluster"'],
        ),
        (["[server:web, other:web]"], ['relation "server:web" to "other:web" relates provider to provider']),
        (["[server:db, proxy:backend]"], ['relation "server:db" to "proxy:backend" relates requirer to requirer']),
        (
            ["[proxy:cache, server:web]"],
            ['mismatched interface between "server:web" and "proxy:cache" ("http" vs "redis")'],
        ),
        (
            ["[server:web, proxy:cache]"],
            ['mismatched interface between "server:web" and "proxy:cache" ("http" vs "redis")'],
        ),
        (
            ["[proxy, server]"],
            [
                (
                    "cannot infer endpoint between proxy and server: ambiguous relation: proxy server could refer to"
                    ' "proxy:backend server:admin"; "proxy:backend server:web"; "proxy:juju-info server:info"'
                )
            ],
        ),
        (["[proxy, database]"], ["cannot infer endpoint between proxy and database: no relations found"]),
        (
            ["[server:db, database:sql]", "[server, database]"],
            ['relation ["server" "database"] is defined more than once'],
        ),
        (
            ["[server, database]", "[other, database]", "[third, 'database:sql']"],
            ['relation ["third" "database:sql"] would exceed the limit of 2 that database:sql has'],
        ),
    ],
)
def test_relations_that_do_not_fit(site, relations, expected):
    text = HEAD + "".join(f"- {each}\n" for each in relations)
    assert [each[1] for each in site.problems(text, charms=True)] == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("options: {title: x, skill-level: 4, ratio: 1, debug: true, hosts: [a], more: {a: 1}}", None),
        ("options: {skill_level: 4, ratio: 0.5, title: null}", None),
        ("bindings: {web: a, db: b, outer: c, '': d}", None),
        ("options: {title: 123}", 'cannot validate application "a": option "title" expected string, got 123'),
        (
            "options: {skill-level: too much}",
            'cannot validate application "a": option "skill-level" expected int, got "too much"',
        ),
        (
            "options: {skill-level: true}",
            'cannot validate application "a": option "skill-level" expected int, got true',
        ),
        ("options: {debug: 'yes'}", 'cannot validate application "a": option "debug" expected boolean, got "yes"'),
        ("options: {ratio: [1]}", 'cannot validate application "a": option "ratio" expected float, got a list'),
        ("options: {hosts: {}}", 'cannot validate application "a": option "hosts" expected list, got a map'),
        (
            "options: {nothing: 1}",
            'cannot validate application "a": configuration option "nothing" not found in charm "server"',
        ),
        (
            "bindings: {no: inner}",
            'application "a" wants to bind endpoint "no" to space "inner", but the endpoint is not defined by the charm',
        ),
    ],
)
def test_options_and_bindings(site, fields, expected):
    found = site.problems(f"applications:\n  a:\n    charm: server\n    {fields}\n", charms=True)
    assert found == ([] if expected is None else [(4, expected)])


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("{level: info, port: 80, key: secret}", []),
        ("{level: null, port: '443'}", ['option "port" expected int, got "443"']),
        ("{level: trace}", ['option "level" expected one of info, debug, got "trace"']),
        ("{port: 81}", ['option "port" expected one of 80, 443, got 81']),
        ("{key: 4711}", ['option "key" expected string, got a value that is not shown']),
    ],
)
def test_options_with_choices_and_secret_ones(directory, fields, expected):
    directory.write("roles/x/meta/charm.yml", "summary: x")
    directory.write(
        "roles/x/meta/argument_specs.yml",
        "argument_specs: {main: {options: {x_level: {choices: [info, debug]}, x_port: {type: int, choices: [80, 443]},"
        " x_key: {no_log: true}}}}",
    )
    text = f"applications:\n  a:\n    charm: x\n    options: {fields}\n"
    found = [text for _line, text in directory.problems(text, charms=True)]
    assert found == [f'cannot validate application "a": {each}' for each in expected]


def test_subordinates_have_no_units_of_their_own(site):
    text = "applications:\n  a: {charm: agent,\n num_units: 1,\n to: [new]}"
    assert site.problems(text, charms=True) == [
        (3, 'application "a" is subordinate but has non-zero num_units'),
        (4, 'application "a" is subordinate but specifies unit placement'),
    ]


def test_charms_that_no_role_plays(site):
    text = "applications:\n  a: {charm: nobody}\n  b: {charm: proxy}\nrelations: [[a:x, b:backend]]"
    assert site.problems(text, charms=True) == [
        (2, 'application "a" refers to non-existent charm "nobody": no role plays it')
    ]
    # Where nobody says where roles are, that cannot be known.
    assert site.problems(text) == []


@pytest.mark.parametrize(
    ("charm", "names"),
    [
        ("cs:~me/trusty/proxy-3", {}),
        ("other", {"other": "proxy"}),
        ("cs:trusty/other-1", {"other": "proxy"}),
        ("cs:trusty/other-1", {"cs:trusty/other-1": "proxy", "other": "server"}),
        ("./roles/proxy", {}),
        ("theirs", {"theirs": "acme.web.proxy"}),
    ],
)
def test_which_role_plays_a_charm(site, charm, names):
    site.write("roles/ansible_collections/acme/web/roles/proxy/meta/charm.yml", "requires: {backend: http}")
    text = f"applications: {{a: {{charm: '{charm}'}}, b: {{charm: server}}}}\nrelations: [[a, 'b:web']]"
    read = site.read(text, charms=True, names=names)
    assert not read.findings.problems
    assert str(resolved(read.bundle.relations[0], read.bundle, read.charms)[0]) == "a:backend"


def test_roles_that_say_nothing(site):
    site.write("roles/silent/tasks/main.yml", "[]")
    site.write("roles/optionless/meta/charm.yml", "name: optionless")
    text = """\
    applications:
      a: {charm: silent, options: {x: 1}}
      b: {charm: optionless, options: {x: 1}}
      c: {charm: optionless}
      d: {charm: proxy}
    relations: [[a:x, d:backend], [a, d]]
    """
    read = site.read(text, charms=True)
    assert not read.findings.problems
    assert [(each.place.line, each.text.partition(":")[0]) for each in read.findings.warnings] == [
        (2, 'role silent has no meta/charm.yml that says what the charm "silent" is'),
        (3, "role optionless has no meta/argument_specs.yml"),
    ]


def test_what_is_wrong_with_a_role_is_told_once(site):
    file = site.write("roles/broken/meta/charm.yml", "\nprovides: [x]\n")
    read = site.read("applications: {a: {charm: broken}, b: {charm: 'cs:broken'}}", charms=True)
    assert [each.as_dict() for each in read.findings.problems] == [
        {"text": "metadata: provides: has to be a map, and is a list", "line": 2, "file": file}
    ]


GOOD = [
    "",
    "name: x\nsummary: y\nprovides: {db: sql}\nrequires: {web: {interface: http, scope: global, limit: 1}}",
    "subordinate: true\nrequires: {juju-info: {interface: juju-info, scope: container}}",
    "requires: {info: juju-info}",
    (
        "storage:\n  a: {type: filesystem, location: /srv}\n  b: {type: block, multiple: {range: 0-3}}\n"
        "  c: {type: block, multiple: {range: 2+}}\n  d: {type: block, multiple: {range: 1}}"
    ),
    "name: juju-gui\nprovides: {juju-x: juju-y}",
]


@pytest.mark.parametrize("text", GOOD)
def test_a_charm_that_is_right(directory, text):
    findings = Findings()
    directory.charm("x", text)
    assert read_charm(str(directory.path / "roles" / "x"), findings) is not None
    assert not findings.problems


BAD = [
    ("provides: {foo: a}\nrequires:\n  foo: b", [(3, 'charm "x" using a duplicated relation name: "foo"')]),
    ("peers: {foo: a}\nprovides: {foo: b}", [(1, 'charm "x" using a duplicated relation name: "foo"')]),
    ("provides:\n  juju: a", [(2, 'charm "x" using a reserved relation name: "juju"')]),
    ("requires:\n  juju-snap: a", [(2, 'charm "x" using a reserved relation name: "juju-snap"')]),
    ("provides:\n  foo: juju-snap", [(2, 'charm "x" relation "foo" using a reserved interface: "juju-snap"')]),
    ("peers: {foo: juju}", [(1, 'charm "x" relation "foo" using a reserved interface: "juju"')]),
    (
        "name: y\nsubordinate: true\nrequires: {foo: a}",
        [(2, 'subordinate charm "y" lacks "requires" relation with container scope')],
    ),
    ("subordinate: maybe", [(1, 'metadata: subordinate: expected bool, got a text, "maybe"')]),
    (
        "provides:\n  foo:\n    interface: a\n    scope: wide\n    limit: none\n    optional: perhaps",
        [
            (4, 'metadata: provides.foo.scope: unexpected value "wide"'),
            (5, 'metadata: provides.foo.limit: unexpected value "none"'),
            (6, 'metadata: provides.foo.optional: expected bool, got a text, "perhaps"'),
        ],
    ),
    (
        "provides:\n  foo: {optional: }",
        [
            (2, "metadata: provides.foo.interface: has to be a text"),
            (2, "metadata: provides.foo.optional: expected bool, got empty"),
        ],
    ),
    (
        "provides: {foo: [a]}",
        [
            (1, "metadata: provides.foo.interface: has to be a text"),
            (1, "metadata: provides.foo: has to be a map, and is a list"),
        ],
    ),
    ("storage:\n  a: {}", [(2, "metadata: storage.a.type: unexpected value nothing")]),
    ("storage:\n  a:\n    type: tape", [(3, 'metadata: storage.a.type: unexpected value "tape"')]),
    (
        "storage:\n  a:\n    type: block\n    location: /srv",
        [(4, 'charm "x" storage "a": location may not be specified for "type: block"')],
    ),
    (
        "storage:\n  a: {type: block, multiple: {range: woat}}",
        [(2, "metadata: storage.a.multiple.range: value \"woat\" does not match 'm', 'm-n', or 'm+'")],
    ),
    (
        "storage:\n  a: {type: block, multiple: {range: -1}}",
        [(2, "metadata: storage.a.multiple.range: invalid count -1")],
    ),
    (
        "storage:\n  a: {type: block, multiple: {range: 0}}",
        [(2, "metadata: storage.a.multiple.range: invalid count 0")],
    ),
    (
        "storage:\n  a:\n    type: filesystem\n    location: srv\n    minimum-size: much\n    shared: 1\n    read-only: x",
        [
            (4, 'charm "x" storage "a": location "srv" is no absolute path'),
            (5, 'metadata: storage.a.minimum-size: unrecognized storage constraint "much" not valid'),
            (6, 'metadata: storage.a.shared: expected bool, got a number, "1"'),
            (7, 'metadata: storage.a.read-only: expected bool, got a text, "x"'),
        ],
    ),
    (
        "storage: {a: [x]}",
        [
            (1, "metadata: storage.a.type: unexpected value nothing"),
            (1, "metadata: storage.a: has to be a map, and is a list"),
        ],
    ),
    ("- x", [(1, "the file has to be a map, and is a list")]),
]


def test_what_a_charm_says_of_storage(directory):
    directory.charm(
        "x",
        """
        storage:
          a: {type: filesystem, location: /srv, minimum-size: 2G, read-only: true}
          b: {type: filesystem, multiple: {range: 0-3}, minimum-size: 100}
          c: {type: block, multiple: {range: 2+}, shared: true}
          d: {type: block, multiple: {range: 2}}
        """,
    )
    charm = read_charm(str(directory.path / "roles" / "x"), Findings())
    assert charm.storage == {
        "a": CharmStorage("filesystem", "/srv", size=2048, read_only=True),
        "b": CharmStorage("filesystem", least=0, most=3, size=100),
        "c": CharmStorage("block", least=2, most=None, shared=True),
        "d": CharmStorage("block", least=2, most=2),
    }
    for name, said, expected in [
        ("a", None, Storage("", 1, 2048)),
        ("a", "fast", Storage("fast", 1, 2048)),
        ("b", None, Storage("", 0, 100)),
        ("b", "2,5G", Storage("", 2, 5120)),
        ("c", None, Storage("", 2, 1024)),
    ]:
        assert wanted(charm.storage[name], said) == expected


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("data: 2G", ""),
        ("data: 1G", 'storage "data" of application "a": minimum storage size is 2048M, 1024M specified'),
        ("data: '3,2G'", 'storage "data" of application "a": at most 2 instances supported, 3 specified'),
        ("logs: '1,1G'", 'storage "logs" of application "a": 2 instances required, 1 specified'),
        ("disk: 1G", 'charm "x" of application "a" has no store called "disk"'),
    ],
)
def test_storage_against_its_charm(directory, said, problem):
    data = "{type: filesystem, minimum-size: 2G, multiple: {range: 1-2}}"
    directory.charm("x", f"storage: {{data: {data}, logs: {{type: filesystem, multiple: {{range: 2+}}}}}}")
    text = f"applications:\n  a:\n    charm: x\n    storage:\n      {said}\n"
    assert directory.problems(text, charms=True) == ([(5, problem)] if problem else [])


@pytest.mark.parametrize(("text", "expected"), BAD)
def test_a_charm_that_is_wrong(directory, text, expected):
    findings = Findings()
    directory.charm("x", text)
    assert read_charm(str(directory.path / "roles" / "x"), findings) is None
    assert sorted((each.place.line, each.text) for each in findings.problems) == expected


def test_a_charm_that_is_no_yaml(directory):
    findings = Findings()
    directory.charm("x", "name: x\n]")
    assert read_charm(str(directory.path / "roles" / "x"), findings) is None
    assert [(each.place.line, each.text.partition(":")[0]) for each in findings.problems] == [(2, "not YAML")]
