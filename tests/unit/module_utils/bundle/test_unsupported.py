# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Juju can do and nothing here can."""

from __future__ import annotations

import pytest

REFUSED = [
    ("bundle: kubernetes\napplications: {a: {charm: x}}", "", [(1, "Kubernetes")]),
    ("applications: {a: {charm: x}}\nsaas:\n  b: {url: m.b}", "", [(3, 'SAAS "b" is an offer of another model')]),
    (
        "applications: {a: {charm: x, num_units: 2,\n to: ['kvm:new', 'lxd:new']}}",
        "",
        [(2, 'placement "kvm:new" of application "a" asks for a container of the kind kvm')],
    ),
    (
        "applications: {a: {charm: x}}",
        "applications:\n  a:\n    exposed-endpoints:\n      db:\n        expose-to-spaces: [alpha]",
        [(5, 'exposed endpoint "db" of application "a" is open to the spaces alpha')],
    ),
]


@pytest.mark.parametrize(
    ("declared", "said", "words"),
    [
        ("{type: block}", "1G", "is a block device"),
        ("{type: block}", None, "is a block device"),
        ("{type: filesystem, shared: true}", "2G", "is shared by the units"),
    ],
)
def test_storage_that_is_refused(directory, declared, said, words):
    directory.charm("x", f"storage: {{data: {declared}}}")
    text = "applications:\n  a:\n    charm: x\n" + (f"    storage: {{data: {said}}}\n" if said else "")
    read = directory.read(text, charms=True)
    assert not read.findings.problems and not read.may_be_deployed
    (finding,) = read.findings.unsupported
    assert finding.text.startswith('storage "data" of application "a" ') and words in finding.text
    assert finding.place.line == (4 if said else 2)


@pytest.mark.parametrize("declared", ["{type: block, multiple: {range: 0-1}}", "{type: filesystem}"])
def test_storage_that_nobody_asks_for_is_no_matter(directory, declared):
    directory.charm("x", f"storage: {{data: {declared}}}")
    read = directory.read("applications: {a: {charm: x}}", charms=True)
    assert read.may_be_deployed and not read.findings.warnings


def test_storage_without_a_charm_that_tells_of_it(directory):
    directory.write("roles/x/tasks/main.yml", "[]")
    read = directory.read("applications: {a: {charm: x, storage: {data: 1G}}}", charms=True)
    assert read.may_be_deployed
    assert any(each.text.startswith('storage of application "a" is left out') for each in read.findings.warnings)


@pytest.mark.parametrize(("text", "overlay", "expected"), REFUSED)
def test_what_is_refused(directory, text, overlay, expected):
    read = directory.read(text, overlay)
    assert not read.findings.problems and not read.may_be_deployed
    assert [each.place.line for each in read.findings.unsupported] == [line for line, _words in expected]
    for finding, (_line, words) in zip(read.findings.unsupported, expected, strict=True):
        assert words in finding.text


LEFT_OUT = [
    ("constraints: cpu-power=10 mem=1G", "the constraint cpu-power of application"),
    ("constraints: tags=a", "the constraint tags of application"),
    ("constraints: spaces=a,^b", "the constraint spaces of application"),
    ("constraints: virt-type=kvm", "the constraint virt-type of application"),
    ("bindings: {'': alpha}", "bindings of application"),
    ("devices: {gpu: gpu}", "devices of application"),
    ("plan: a/b", "plan of application"),
    ("trust: true", "trust of application"),
    ("resources: {r: 3}", 'resource "r" of application'),
    ("resources: {file: ./f}", 'resource "file" of application'),
]


@pytest.mark.parametrize(("field", "words"), LEFT_OUT)
def test_what_is_left_out_is_told(directory, field, words):
    read = directory.read(f"applications:\n  a:\n    charm: x\n    {field}\n")
    assert read.may_be_deployed
    ((line, text),) = [(each.place.line, each.text) for each in read.findings.warnings]
    assert line == 4 and text.startswith(words) and '"a"' in text and "is left out: " in text


def test_channels_and_revisions_are_told_once(directory):
    text = "applications:\n  b: {charm: x}\n  c:\n    charm: x\n    channel: edge\n  a: {charm: y, revision: 0}"
    ((line, words),) = [(each.place.line, each.text) for each in directory.read(text).findings.warnings]
    assert line == 5 and words.startswith("channel and revision are left out (applications a, c): ")


def test_offers_are_left_out(directory):
    read = directory.read("applications: {a: {charm: x}}", "applications: {a: {offers: {o: {endpoints: [e]}}}}")
    assert read.may_be_deployed
    assert [each.text.partition(" is left out")[0] for each in read.findings.warnings] == ['offers of application "a"']


def test_constraints_of_machines_count_too(directory):
    text = "applications: {a: {charm: x, num_units: 1, to: [0]}}\nmachines:\n  0:\n    constraints: tags=a"
    ((line, words),) = [(each.place.line, each.text) for each in directory.read(text).findings.warnings]
    assert line == 4 and words.startswith('the constraint tags of machine "0"')
