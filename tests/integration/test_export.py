# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models written as bundles, compared with bundles, opened and closed, and taken over from a run that was killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from model_sites import PORT, ROLES, STORE, assert_idle, message, plan_of, units

HERE = Path(__file__).parent
BUNDLE = {
    "series": "jammy",
    "applications": {
        "store": {
            **STORE,
            "num_units": 2,
            "to": ["5", "lxd:7"],
            "options": {"size": 5, "port": PORT},
            "annotations": {"note": "two\nlines\n", "x": "1"},
            "expose": True,
        },
        "api": {"charm": "t-api", "num_units": 1, "to": ["store/1"], "constraints": "mem=64M"},
        "side": {"charm": "t-side"},
        "tail": {"charm": "t-store", "num_units": 1},
    },
    "machines": {"5": {"annotations": {"rack": "22:22"}}, "7": {}},
    "relations": [["api", "store"], ["side", "api"]],
}


def test_a_model_as_a_bundle(site, site_on, tmp_path):
    output = tmp_path / "web.yaml"
    site.deploy(BUNDLE)
    assert "changed=1" in site.run("export", "--check", output=str(output)).stdout and not output.exists()
    site.run("export", output=str(output))
    assert output.stat().st_mode & 0o777 == 0o600
    assert "changed=0" in site.run("export", output=str(output)).stdout
    first = output.read_text()
    exported = yaml.safe_load(first)
    assert [*exported] == ["series", "applications", "machines", "relations"]
    assert exported["applications"]["store"] == {
        "charm": "t-store",
        "num_units": 2,
        "to": ["5", "api/0"],
        "expose": True,
        "options": {"port": PORT, "size": 5},
        "annotations": {"note": "two\nlines\n", "x": "1"},
    }
    assert exported["applications"]["api"]["to"] == ["lxd:7"]
    assert exported["machines"] == {"2": {}, "5": {"annotations": {"rack": "22:22"}}, "7": {}}
    assert exported["relations"] == [["api:db", "store:store"], ["side:engine", "api:web-engine"]]
    # To the same model it changes nothing, and where nothing is it makes another one like it.
    assert_idle(site.run("deploy", bundle=str(output), image="busybox"))
    assert "The model is as the bundle says." in site.run("diff", bundle=str(output)).stdout
    other = site_on(*site.remotes)
    # The first one has the port.
    site.run("unexpose", application="store")
    other.run("deploy", bundle=str(output), image="busybox")
    other.run("export", "--diff", output=str(tmp_path / "other.yaml"))
    assert (tmp_path / "other.yaml").read_text() == first
    assert "store:" in other.run("export").stdout


def test_files_that_a_model_is_written_to(site, local_tasks, tmp_path):
    site.deploy({"applications": {"store": STORE}})
    for module, option, new in (("model_export", "path", 0o600), ("model_status", "dest", 0o644)):
        directory = tmp_path / module
        directory.mkdir()
        there, link = directory / "there", directory / "link"
        there.write_text("old\n")
        there.chmod(0o640)
        link.symlink_to(there)

        def write(name, path, module=module, option=option):
            options = {"model": site.name, "remotes": site.remotes, option: str(path)}
            return {"name": name, f"flotilla.lxd.{module}": options, "ignore_errors": True}

        nowhere = directory / "nowhere" / "file"
        tasks = [write("new", directory / "new"), write("link", link), write("again", link)]
        run = local_tasks([*tasks, write("directory", directory), write("nowhere", nowhere)], "--diff")
        assert [run.result(name)["changed"] for name in ("new", "link", "again")] == [True, True, False]
        text = (directory / "new").read_text()
        assert run.result("link")["diff"]["before"] == "old\n" and run.result("link")["diff"]["after"] == text
        assert link.is_symlink() and there.read_text() == text and there.stat().st_mode & 0o777 == 0o640
        assert (directory / "new").stat().st_mode & 0o777 == new
        assert run.result("directory")["msg"] == f"{option} {directory} is a directory, and has to be a file"
        assert run.result("nowhere")["msg"] == f"{option} {nowhere}: its directory is not there: make it first"


def test_how_a_bundle_and_a_model_differ(site, site_on, tmp_path):
    bundle = {
        "applications": {"store": {**STORE, "num_units": 2}, "api": {"charm": "t-api", "num_units": 1}},
        "relations": [["api", "store"]],
    }
    site.deploy(bundle)
    assert "The model is as the bundle says." in site.run("diff", bundle=str(site.written(bundle))).stdout
    changed = {
        "applications": {
            "store": {**STORE, "options": {}, "expose": True},
            "more": {"charm": "t-store", "num_units": 1, "to": ["7"]},
        },
        "machines": {"7": {}},
    }
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(yaml.safe_dump({"applications": {"store": {"annotations": {"note": "here"}}}}))
    for arguments in ([], ["--check"]):
        run = site.run("diff", *arguments, bundle=str(site.written(changed)), overlays=[str(overlay)])
        assert "changed=0" in run.stdout
        assert run.result("Read the bundle and the model")["diff"] == {
            "applications": {
                "api": {"missing": "bundle"},
                "more": {"missing": "model"},
                "store": {
                    "num_units": {"bundle": 1, "model": 2},
                    "expose": {"bundle": True, "model": False},
                    "options": {"size": {"bundle": None, "model": 5}},
                    "annotations": {"note": {"bundle": "here", "model": None}},
                },
            },
            "machines": {"0": {"missing": "bundle"}, "7": {"missing": "model"}},
            "relations": {"model-additions": [["api:db", "store:store"]]},
        }
        assert "        bundle: here" in run.stdout
    run = site.run("diff", fails=True, bundle=str(site.written({"applications": {"x": {}}})))
    assert "charm" in message(run)
    run = site_on(*site.remotes).run("diff", fails=True, bundle=str(site.written(bundle)))
    assert "is no model: nothing was deployed there" in message(run)


def test_machines_that_are_there(site):
    site.deploy({"applications": {"store": {**STORE, "num_units": 2}}})
    api = {
        "applications": {"api": {"charm": "t-api", "num_units": 2, "to": ["0", "1"]}},
        "machines": {"0": {}, "1": {}},
    }
    run = site.deploy(api, "--check")
    assert "add new machine 2 (bundle machine 0)" in plan_of(run)
    run = site.deploy(api, fails=True, map_machines="existing,0=3")
    assert "map_machines: the model has no machine 3: it has 0, 1" in message(run)
    run = site.deploy(api, fails=True, map_machines="0:1")
    assert 'map_machines: "0:1" is neither existing nor a pair of numbers' in message(run)
    run = site.deploy(api, "--check", map_machines="0=1")
    assert {"add new machine 2 (bundle machine 1)", "add unit api/0 to existing machine 1"} <= {*plan_of(run)}
    site.deploy(api, map_machines="existing")
    assert site.containers().keys() == {"store-0", "store-1"}
    assert_idle(site.deploy(api, map_machines="existing"))
    assert_idle(site.deploy(api))


def test_ports_are_opened_and_closed(site, model_of):
    bundle = {"applications": {"store": {**STORE, "num_units": 2, "options": {"port": PORT}}}}

    def open_on():
        return [name for name, each in site.containers().items() if f"flotilla-tcp-{PORT}" in each["devices"]]

    site.deploy(bundle)
    options = {"application": "store"}
    assert "expose all endpoints of store" in " ".join(plan_of(site.run("expose", "--check", **options)))
    assert open_on() == []
    site.run("expose", **options)
    assert open_on() == ["store-0"]
    assert_idle(site.run("expose", **options))
    # Nothing is closed because a bundle does not open it.
    assert_idle(site.deploy(bundle))
    # The port of a unit that goes is another's.
    site.run("remove", unit_name="store/0")
    assert open_on() == ["store-1"]
    site.deploy(bundle)
    assert open_on() == ["store-1"] and len(site.containers()) == 2
    # That of one in error as well, and it stays where it is when that one is well again, or not: one unit has it.
    site.inside("store-1", "touch", "/broken")
    changed = {"applications": {"store": {**bundle["applications"]["store"], "options": {"size": 6, "port": PORT}}}}
    site.deploy(changed, fails=True)
    assert open_on() == ["store-2"]
    site.inside("store-1", "rm", "/broken")
    site.deploy(changed)
    assert open_on() == ["store-1"]

    assert plan_of(site.run("unexpose", "--check", **options))[0] == "unexpose application store"
    assert open_on() == ["store-1"]
    site.run("unexpose", **options)
    assert open_on() == [] and model_of(site)["applications"]["store"]["exposed"] is False
    assert_idle(site.run("unexpose", **options))
    run = site.run("unexpose", fails=True, application="nobody")
    assert "no application nobody to unexpose: it has store" in message(run)


def test_a_port_that_somebody_else_has(site, model_of):
    bundle = {"applications": {"store": {**STORE, "options": {"port": PORT}, "expose": True}}}
    with socket.create_server(("0.0.0.0", PORT)):
        assert f"store/0: port {PORT}/tcp is not opened on {site.remotes[0]}: " in message(
            site.deploy(bundle, fails=True)
        )
        assert site.containers()["store-0"]["devices"] == {}
        assert site.lock() is None
        told = model_of(site)["applications"]["store"]["units"]["store/0"]
        assert told["message"] == f"not open to the outside: {PORT}/tcp"
        # It is not forgotten.
        again = site.deploy(bundle, fails=True)
        assert plan_of(again)[0] == f"open port {PORT}/tcp of container {site.name}-store-0"
    site.deploy(bundle)
    assert f"flotilla-tcp-{PORT}" in site.containers()["store-0"]["devices"]
    assert_idle(site.deploy(bundle))


@pytest.mark.parametrize("moment", ["making containers", "running roles"])
def test_a_run_that_was_killed(site, model_of, moment):
    bundle = {"applications": {"store": {**STORE, "num_units": 2}}}
    variables = {"model": site.name, "remotes": site.remotes, "roles_path": [ROLES], "image": "busybox"}
    extra = json.dumps({**variables, "bundle": str(site.written(bundle))})
    with subprocess.Popen(
        ["ansible-playbook", "flotilla.lxd.deploy", "-e", extra],
        cwd=HERE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as run:
        _wait_for(lambda: site.containers() if moment == "making containers" else _is_at(site, run))
        assert site.lock()["run"].split()[1] == str(run.pid)
        os.killpg(run.pid, signal.SIGKILL)
    done = site.deploy(bundle)
    assert f"that was changing model {site.name} since" in " ".join(done.text.split())
    assert units(model_of(site)) == {"store/0": "active", "store/1": "active"}
    assert_idle(site.deploy(bundle))


def _is_at(site, run):
    """Whether roles run: the module that has renewed the lock last is not the one that has taken it."""
    assert run.poll() is None
    lock = site.lock() if site.containers() else None
    return lock is not None and lock["renewed"] > lock["since"]


def _wait_for(condition):
    give_up = time.monotonic() + 240
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.1)
