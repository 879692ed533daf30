# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading bundles in a play. No server is asked for it."""

from __future__ import annotations

import textwrap

import pytest
from three_times import three_times

INFO = "flotilla.lxd.bundle_info"
GOOD = """\
series: jammy
applications:
  proxy:
    charm: nginx
    num_units: 1
    expose: true
    options: {workers: 2, banner: include-file://banner.txt}
  api:
    charm: cs:node-app-3
    num_units: 1
    to: ["0"]
machines:
  "0": {constraints: mem=2G tags=fast}
relations:
- [proxy, api]
"""
OVERLAY = """\
applications:
  api: {num_units: 2, to: ["lxd:0", new]}
"""
BAD = """\
applications:
  proxy: {charm: nginx, num_units: one}
  api: {charm: node-app, num_units: 1, to: ["7"]}
relations:
- [proxy, cache]
"""


@pytest.fixture
def site(tmp_path):
    """A directory with bundles, and roles for their charms."""

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return str(path)

    write("good.yaml", GOOD)
    write("overlay.yaml", OVERLAY)
    write("bad.yaml", BAD)
    write("banner.txt", "welcome\n")
    write("roles/proxy/meta/charm.yml", "name: nginx\nrequires: {backend: http}\n")
    options = "{workers: {type: int}, banner: {type: str}}"
    write("roles/proxy/meta/argument_specs.yml", f"argument_specs: {{main: {{options: {options}}}}}\n")
    write("roles/node-app/meta/charm.yml", "provides: {web: http}\n")
    return tmp_path


def test_a_good_bundle(site, local_tasks):
    options = {
        "path": str(site / "good.yaml"),
        "overlays": [str(site / "overlay.yaml")],
        "charms": {"nginx": "proxy"},
        "roles_path": [str(site / "roles")],
    }
    run = local_tasks(three_times({"name": "read", INFO: options}))
    result = run.result("read")
    assert result["changed"] is False
    assert result["problems"] == [] and result["later"] == [] and result["unsupported"] == []
    assert result["bundle"]["applications"]["api"] == {"charm": "cs:node-app-3", "num_units": 2, "to": ["lxd:0", "new"]}
    assert result["bundle"]["applications"]["proxy"]["options"] == {"workers": 2, "banner": "welcome\n"}
    assert result["plan"] == [
        "use role node-app as charm node-app for series jammy",
        "deploy application api on jammy using node-app",
        "use role proxy as charm nginx for series jammy",
        "deploy application proxy on jammy using nginx",
        "expose all endpoints of proxy and allow access from CIDRs 0.0.0.0/0 and ::/0",
        "add new machine 0",
        "add relation proxy - api",
        "add unit proxy/0 to new machine 2",
        "add lxd container 0/lxd/0 on new machine 0",
        "add new machine 1",
        "add unit api/0 to 0/lxd/0",
        "add unit api/1 to new machine 1",
    ]
    assert f"{site}/good.yaml, line 13: the constraint tags of machine" in " ".join(run.text.split())
    for title in ("read, checked", "read, again"):
        assert {**run.result(title), "invocation": None} == {**result, "invocation": None}


def test_a_bad_bundle_is_told_of_and_fails_nothing(site, local_tasks):
    run = local_tasks([{"name": "read", INFO: {"path": str(site / "bad.yaml")}}])
    result = run.result("read")
    file = str(site / "bad.yaml")
    assert result["failed"] is False and "plan" not in result
    assert result["problems"] == [
        {
            "text": 'num_units of application "proxy" has to be a whole number, and is a text, "one"',
            "line": 2,
            "file": file,
        },
        {
            "text": "at least one application must be specified: with a value of the wrong type in it, a document counts as"
            " empty",
            "line": 1,
            "file": file,
        },
    ]
    assert result["later"] == [
        {"text": 'placement "7" refers to a machine not defined in this bundle', "line": 3, "file": file},
        {
            "text": 'relation ["proxy" "cache"] refers to application "cache" not defined in this bundle',
            "line": 5,
            "file": file,
        },
    ]
    assert result["bundle"] == {}


def test_what_is_wrong_against_the_charms(site, local_tasks):
    (site / "overlay.yaml").write_text("applications: {proxy: {options: {workers: many}}}\n")
    options = {
        "path": str(site / "good.yaml"),
        "overlays": [str(site / "overlay.yaml")],
        "roles_path": [str(site / "roles")],
    }
    run = local_tasks(
        [
            {"name": "by its own name", INFO: options},
            {"name": "by another", INFO: {**options, "charms": {"nginx": "proxy"}}},
        ]
    )
    (problem,) = run.result("by its own name")["problems"]
    assert problem["text"].startswith('application "proxy" refers to non-existent charm "nginx"')
    (problem,) = run.result("by another")["problems"]
    assert problem["text"].endswith('option "workers" expected int, got "many"')
    assert problem["file"] == str(site / "overlay.yaml") and problem["line"] == 1


def test_what_can_be_read_and_not_be_had(site, local_tasks):
    (site / "kubernetes.yaml").write_text("applications: {a: {charm: x, scale: 2}}\nbundle: kubernetes\n")
    (site / "broken.yaml").write_text("applications: {a: {charm: x}\n")
    run = local_tasks(
        [
            {"name": "Kubernetes", INFO: {"path": str(site / "kubernetes.yaml")}},
            {"name": "no YAML", INFO: {"path": str(site / "broken.yaml")}},
        ]
    )
    result = run.result("Kubernetes")
    assert result["problems"] == [] and "plan" not in result
    assert [each["line"] for each in result["unsupported"]] == [2]
    result = run.result("no YAML")
    assert [each["line"] for each in result["problems"]] == [2] and "bundle" not in result


def test_a_file_that_is_not_there(site, local_tasks):
    for options in (
        {"path": str(site / "none.yaml")},
        {"path": str(site / "good.yaml"), "overlays": [str(site / "none")]},
    ):
        run = local_tasks([{"name": "read", INFO: options}], fails=True)
        assert "cannot be read: No such file or directory" in run.result("read")["msg"]
