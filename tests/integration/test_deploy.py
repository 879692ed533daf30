# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models, from a bundle to their end, on a real LXD and a real Incus: small charms in containers without Python."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from model_sites import INCUS, LXD, PORT, ROLES, STORE, assert_idle, message, plan_of, units

WEB = {
    "applications": {
        "store": STORE,
        "api": {"charm": "t-api", "num_units": 2, "constraints": "mem=64M"},
        "side": {"charm": "t-side"},
    },
    "relations": [["api", "store"], ["side", "api"]],
}


def test_life_of_a_model(site, model_of):
    run = site.deploy(WEB, "--check")
    assert "add unit api/1 to new machine 1" in plan_of(run)
    assert site.containers() == {} and site.name not in site.projects(site.remotes[0])

    site.deploy(WEB)
    model = model_of(site)
    assert units(model) == dict.fromkeys(["api/0", "side/0", "api/1", "side/1", "store/0"], "active")
    assert model["applications"]["api"]["message"] == "store/0"
    assert {each["type"] for each in model["relations"]} == {"regular", "subordinate", "peer"}
    containers = site.containers()
    assert containers.keys() == {"api-0", "api-1", "store-0"}
    assert containers["api-0"]["config"]["limits.memory"] == "64MiB"
    assert site.inside("store-0", "cat", "/size").split() == ["5", "5"]
    assert site.inside("api-1", "cat", "/side").split() == ["side/1", "api/1"]
    assert_idle(site.deploy(WEB))

    site.run("scale", application="api", units=1)
    assert site.containers().keys() == {"api-0", "store-0"}
    assert "departed api/1" in site.inside("store-0", "cat", "/log")
    site.run("scale", application="api", units=2)
    # A number is never used again, and an application that has fewer units than the bundle says gets them back.
    assert site.containers().keys() == {"api-0", "api-2", "store-0"}
    assert_idle(site.run("scale", application="api", units=2))
    assert_idle(site.deploy(WEB))

    changed = {**WEB, "applications": {**WEB["applications"], "store": {**STORE, "options": {"size": 7}}}}
    run = site.deploy(changed)
    assert "set application options for store" in plan_of(run)
    assert site.inside("store-0", "cat", "/size").split() == ["7", "7"]
    assert_idle(site.deploy(changed))

    site.run("remove", application="store")
    assert site.containers().keys() == {"api-0", "api-2"}
    assert "departed store/0" in site.inside("api-0", "cat", "/log")
    assert units(model_of(site))["api/0"] == "waiting"
    assert_idle(site.run("remove", application="store"))

    run = site.run("destroy", fails=True, confirm="no")
    assert "Nothing was destroyed" in message(run) and site.containers()
    site.run("destroy", confirm=site.name)
    assert site.name not in site.projects(site.remotes[0])
    assert "changed=0" in site.run("destroy", confirm=site.name).stdout


def test_a_unit_that_fails_is_taken_up_again(site, model_of):
    two = {
        "applications": {"store": {**STORE, "num_units": 2}, "api": {"charm": "t-api", "num_units": 1}},
        "relations": [["api", "store"]],
    }
    site.deploy(two)
    site.inside("store-0", "touch", "/broken")
    changed = {
        **two,
        "applications": {**two["applications"], "store": {**STORE, "num_units": 2, "options": {"size": 9}}},
    }
    run = site.deploy(changed, fails=True)
    assert "store/0: Fail while a file is there" in message(run)
    model = model_of(site)
    assert units(model) == {"api/0": "active", "store/0": "error", "store/1": "active"}
    assert model["applications"]["store"]["status"] == "error"
    # The others went on.
    assert site.inside("store-1", "cat", "/size").split() == ["9", "9"]
    assert "run store/0 again, which is in error" in plan_of(site.deploy(changed, fails=True))
    site.inside("store-0", "rm", "/broken")
    site.deploy(changed)
    assert site.inside("store-0", "cat", "/size").split() == ["9", "9"]
    assert set(units(model_of(site)).values()) == {"active"}
    assert_idle(site.deploy(changed))

    site.inside("store-1", "touch", "/stays")
    run = site.run("remove", fails=True, unit_name="store/1")
    assert "store/1: Fail while a file is there" in message(run) and "store-1" in site.containers()
    site.run("remove", unit_name="store/1", skip_stop=True)
    assert site.containers().keys() == {"api-0", "store-0"}


def test_units_of_one_role_in_one_container(site, model_of, tmp_path):
    plain = {"charm": "t-plain", "num_units": 1, "to": ["0"]}
    bundle = {
        "machines": {"0": {}},
        "applications": {
            "a": {**plain, "options": {"text": "of a"}},
            "b": plain,
            "c": {**plain, "options": {"text": "of c"}},
        },
    }
    site.deploy(bundle)
    applications = model_of(site)["applications"]
    assert [applications[name]["message"] for name in "abc"] == ["of a", "nothing", "of c"]
    # Lists as -e on a command line has them.
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(yaml.safe_dump({"applications": {"a": {"options": {"text": "of a"}}}}))
    assert_idle(site.deploy(bundle, overlays=str(overlay), roles_path=ROLES))


def test_what_no_log_hides_is_not_kept(site, model_of):
    run = site.deploy(
        {"applications": {"a": {"charm": "t-plain", "num_units": 1, "options": {"password": "pw-of-a"}}}}, fails=True
    )
    assert message(run) == "a/0: Fail with a secret: it failed, and what it said is hidden by its no_log"
    [container] = site.containers().values()
    assert "hidden by its no_log" in container["config"]["user.flotilla.unit.a-0"]
    assert "pw-of-a" not in container["config"]["user.flotilla.unit.a-0"]


def test_across_two_kinds_of_servers(site_on, model_of):
    site = site_on(LXD, INCUS)
    bundle = {
        "applications": {
            "store": {**STORE, "num_units": 2, "to": ["0", "1"]},
            "api": {"charm": "t-api", "num_units": 2, "to": ["lxd:0", "store/1"]},
        },
        "machines": {"0": {}, "1": {"constraints": "zones=lxd-a"}},
        "relations": [["api", "store"]],
    }
    site.deploy(bundle, machines={"0": INCUS})
    model = model_of(site)
    places = {
        unit: each["remote"]
        for application in model["applications"].values()
        for unit, each in application["units"].items()
    }
    assert places == {"store/0": INCUS, "store/1": LXD, "api/0": INCUS, "api/1": LXD}
    assert model["applications"]["api"]["units"]["api/1"]["container"] == f"{site.name}-store-1"
    assert {each["bundle_machine"] for each in model["machines"].values()} == {"0", "1", ""}
    assert_idle(site.deploy(bundle))

    foreign = site.run("scale", fails=True, application="api", units=1, remotes=[INCUS])
    assert f"has its home on another remote, {LXD}" in message(foreign)
    # The home knows the others.
    site.run("scale", application="api", units=0, remotes=[LXD])
    assert site.containers().keys() == {"store-0", "store-1"}
    site.run("destroy", confirm=site.name, remotes=[LXD])
    assert site.containers() == {}
    assert site.name not in site.projects(LXD) and site.name not in site.projects(INCUS)


def test_what_others_do_to_a_model(site, model_of):
    bundle = {"applications": {"store": {**STORE, "num_units": 2}}}
    site.deploy(bundle)
    site.call("delete", "store-0", "--force")
    site.call("stop", "store-1", "--force")
    run = site.deploy(bundle)
    assert {"add unit store/2 to new machine 2", f"start container {site.name}-store-1 of machine 1"} <= {*plan_of(run)}
    assert units(model_of(site)) == {"store/1": "active", "store/2": "active"}
    assert_idle(site.deploy(bundle))


def test_a_container_that_is_frozen(site, local_tasks, model_of):
    bundle = {"applications": {"store": {**STORE, "num_units": 2}}}
    site.deploy(bundle)
    for name in ("store-0", "store-1"):
        site.call("pause", name)
    model = model_of(site)
    assert units(model) == {"store/0": "frozen", "store/1": "frozen"}
    assert model["machines"]["0"]["status"] == "frozen"
    assert f"container {site.name}-store-0 is frozen" in site.run("status").stdout
    run = site.run("remove", unit_name="store/1")
    assert f"unfreeze container {site.name}-store-0 of machine 0" in plan_of(run)
    assert units(model_of(site)) == {"store/0": "active"}


def test_a_container_that_is_lost_on_the_way_ends_nothing_else(site):
    bundle = {"applications": {"lost": {"charm": "t-lost", "num_units": 1}}}
    run = site.deploy(bundle, fails=True)
    assert message(run) == "lost/0: its container was not reached, or the run was cut short"
    # The lock was given back, and the next run takes it from there.
    run = site.deploy(bundle, "--check")
    assert f"start container {site.name}-lost-0 of machine 0" in plan_of(run)


@pytest.mark.parametrize(
    "name", ["deploy", "scale", "remove", "destroy", "expose", "unexpose", "export", "diff", "status"]
)
def test_who_says_nothing_of_remotes_is_told_how(playbook, name):
    said = {"model": "t-none", "bundle": "none.yaml", "application": "api", "units": 1}
    run = playbook(Path(f"flotilla.lxd.{name}"), fails=True, extra=said)
    assert "-e remotes=lxd-a" in message(run)


def test_machines_and_storage_that_are_said_too_late(site_on, model_of):
    site = site_on(LXD, INCUS)
    bundle = {
        "applications": {"disk": {"charm": "t-disk", "num_units": 1, "to": ["0"], "storage": {"data": "64M"}}},
        "machines": {"0": {}},
    }
    run = site.deploy(bundle, fails=True, machines={"7": LXD})
    assert "the bundle has no machine 7: it has 0" in message(run)
    site.deploy(bundle, machines={"0": INCUS})
    assert_idle(site.deploy(bundle, machines={"0": INCUS}))
    run = site.deploy(bundle, fails=True, machines={"0": LXD})
    assert (
        f"machine 0 of the bundle is to be on {LXD}, and it is machine 0 of model {site.name} and on {INCUS} already"
        in message(run)
    )
    bundle["applications"]["disk"]["storage"]["data"] = "96M"
    run = site.deploy(bundle)
    assert_idle(run)
    assert 'storage "data" of application "disk" stays as it is' in " ".join(run.text.split())
    assert site.volumes(INCUS) == {"disk-0-data-0": "64MiB"}
    run = site.run("remove", fails=True, unit_name="disk/1")
    assert f"model {site.name} never had unit disk/1: of disk, it has disk/0" in message(run)


def test_two_deploys_at_once(site, local_tasks, model_of):
    bundle = {"applications": {"store": {**STORE, "num_units": 2}}}
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda _number: _deploy(site, bundle), range(2)))
    # The one that came second found either the lock or nothing left to do, before it planned or after.
    idle = r"is being changed by|No changes to apply\.|Make containers, and keep what the model is\] \*+ ok: "
    second = [each for each in outcomes if re.search(idle, each)]
    assert len(second) == 1, "\n\n".join(outcomes)
    assert units(model_of(site)) == {"store/0": "active", "store/1": "active"}, outcomes

    # A run that died elsewhere has left its lock.
    more = {"applications": {"store": {**STORE, "num_units": 3}}}
    options = {
        "path": str(site.written(more)),
        "model": site.name,
        "remotes": site.remotes,
        "image": "busybox",
        "roles_path": [ROLES],
    }
    dead = local_tasks([{"name": "dead", "flotilla.lxd.deploy": options}]).result("dead")
    site.keep_lock({**site.lock(), "run": "elsewhere/pid:[1] 1 1"})
    run = site.deploy(more, fails=True)
    assert f"odel {site.name} is being changed by" in message(run)
    # Who does not get the lock makes nothing, on no other remote either.
    site.deploy(more, fails=True, remotes=[*site.remotes, "lxd-b"])
    assert site.name not in site.projects("lxd-b")
    site.deploy(more, take_over=True)
    assert set(units(model_of(site)).values()) == {"active"} and len(site.containers()) == 3
    step = {"model": site.name, "remotes": site.remotes, "lock": dead["lock"], "roles_path": [ROLES]}
    local_tasks([{"name": "late", "flotilla.lxd.model_step": step}])
    assert_idle(site.deploy(more))


def test_storage(site, remote, model_of):
    disk = {"charm": "t-disk", "num_units": 1, "storage": {"data": "64M", "logs": "lxd,2,32M"}}
    run = site.deploy({"applications": {"disk": {**disk, "storage": {"data": "t-no-pool,64M"}}}}, fails=True)
    assert "is to be in storage pool t-no-pool, and there is no such pool: it has" in message(run)
    twice = {"disk": disk, "two": {"charm": "t-disk", "num_units": 1, "to": ["disk"]}}
    run = site.deploy({"applications": twice}, "--check", fails=True)
    assert "would both be at /srv/data" in message(run)
    assert site.name not in site.projects(remote)

    bundle = {"applications": {"disk": disk}}
    run = site.deploy(bundle)
    assert "make storage data/0 of disk/0, 64MiB at /srv/data" in plan_of(run)
    first = {"disk-0-data-0": "64MiB", "disk-0-logs-0": "32MiB", "disk-0-logs-1": "32MiB"}
    assert site.volumes(remote) == first
    assert site.inside("disk-0", "cat", "/srv/data/owner").split() == ["disk/0"]
    told = model_of(site)["applications"]["disk"]["units"]["disk/0"]["storage"]
    assert [(each["id"], each["location"], each["size"], each["pool"]) for each in told] == [
        ("data/0", "/srv/data", "64MiB", "default"),
        ("logs/0", "/srv/logs/logs/0", "32MiB", "default"),
        ("logs/1", "/srv/logs/logs/1", "32MiB", "default"),
    ]
    assert_idle(site.deploy(bundle))

    # As a run leaves it that is cut short before the storage is there.
    container, device = f"{remote}:{site.name}-disk-0", "storage-disk-0-data-0"
    site.call("stop", "disk-0", "--force")
    site._command_line(remote, "config", "device", "remove", container, device, f"--project={site.name}")
    site.deploy(bundle)
    assert site.inside("disk-0", "cat", "/srv/data/owner").split() == ["disk/0"]

    # Beside a unit that is there, and where nobody says how much.
    spool = {"charm": "t-spool", "num_units": 1, "to": ["disk/0"]}
    site.deploy({"applications": {"disk": {**disk, "num_units": 2}, "spool": spool}})
    assert site.volumes(remote).keys() - first == {"disk-1-data-0", "disk-1-logs-0", "disk-1-logs-1", "spool-0-spool-0"}
    assert site.volumes(remote)["spool-0-spool-0"] == "1024MiB"
    site.run("scale", application="disk", units=1)
    assert site.volumes(remote) == {**first, "spool-0-spool-0": "1024MiB"}

    # Kept, and taken up again by the unit of the same name.
    run = site.run("remove", application="disk", keep_storage=True)
    assert f"keep storage data/0 of disk/0, volume {site.name}-disk-0-data-0 of pool default on {remote}" in plan_of(
        run
    )
    assert site.containers()["disk-0"]["devices"].keys() == {"storage-spool-0-spool-0"}
    run = site.run("destroy", confirm=site.name)
    assert site.volumes(remote) == first and site.containers() == {}
    assert f"project {site.name} on remote {remote} stays, for the volumes in it" in " ".join(run.text.split())
    assert "changed=0" in site.run("destroy", confirm=site.name).stdout
    site.deploy(bundle)
    assert site.inside("disk-0", "cat", "/before").split() == ["disk/0"]
    site.run("destroy", confirm=site.name)
    assert site.name not in site.projects(remote)


def test_what_cannot_be_deployed_is_told_and_nothing_made(site_on):
    site = site_on(LXD)
    wrong = {
        "applications": {
            "store": {"charm": "t-store", "num_units": 1, "to": ["7"], "options": {"color": "red"}},
            "api": {"charm": "t-api", "num_units": 1},
        },
        "relations": [["api:db", "nobody:store"]],
    }
    run = site.deploy(wrong, fails=True)
    for text in ('placement "7"', '"color" not found', '"nobody" not defined'):
        assert text in message(run), text
    run = site.deploy(
        {"applications": {"x": {"charm": "t-nothing", "num_units": 1}, "y": {"charm": "t-void"}}}, fails=True
    )
    for charm in ("t-nothing", "t-void"):
        assert f'non-existent charm "{charm}": no role plays it' in message(run)
    run = site.run("deploy", fails=True, bundle=str(site.written(WEB)), image="t-no-such-image")
    assert "there is no image t-no-such-image" in message(run)
    run = site.deploy(WEB, fails=True, profiles=["default", "t-no-such-profile"])
    assert "profile t-no-such-profile, and there is no such profile: it has default" in message(run)
    run = site.deploy({"applications": {"store": {**STORE, "constraints": "zones=moon"}}}, fails=True)
    assert "zones=moon" in message(run)
    run = site.run("scale", fails=True, application="api", units=2)
    assert f"project {site.name} is no model" in message(run)
    assert site.name not in site.projects(LXD)


def test_what_is_somebody_elses_is_in_no_model(site, site_on, remote, command_line):
    bundle = {"applications": {"a-b": {"charm": "t-plain", "num_units": 1}}}
    run = site.deploy(bundle, fails=True, model="default")
    assert f"emote {remote}: a model called default would be in the project of that name" in message(run)
    assert "user.flotilla" not in command_line(remote, "project", "show", f"{remote}:default")

    project = f"{remote}:{site.name}"
    command_line(
        remote, "project", "create", project, "--config=features.images=false", "--config=features.profiles=false"
    )
    command_line(remote, "init", f"{remote}:busybox", f"{remote}:{site.name}-theirs", f"--project={site.name}")
    run = site.deploy(bundle, "--check", fails=True)
    theirs = f"project {site.name} is there already and has containers of somebody else, {site.name}-theirs"
    assert theirs in message(run)
    assert theirs in message(site.deploy(bundle, fails=True))
    assert site.lock() is None and site.containers().keys() == {"theirs"}
    # With a home elsewhere, it is not to come in either.
    other = "lxd-b" if remote == LXD else "incus-b"
    assert theirs in message(site.deploy(bundle, fails=True, remotes=[other, remote]))
    assert site.name not in site.projects(other)

    # One without containers is the model's, whoever made it, and stays when that goes.
    site.call("delete", "theirs", "--force")
    site.deploy(bundle)
    # A model whose containers would be called like those of this one, on the same network.
    alike = site_on(remote)
    alike.name = f"{site.name}-a"
    clashing = {"applications": {"b": {"charm": "t-plain", "num_units": 1}}}
    for arguments in (["--check"], []):
        run = alike.deploy(clashing, *arguments, fails=True)
        assert f"container {site.name}-a-b-0 is to be made on network " in message(run)
        assert f"where one of project {site.name} is called {site.name}-a-b-0" in message(run)
    assert alike.name not in site.projects(remote)
    # Elsewhere nobody is called like that.
    run = alike.deploy(clashing, "--check", remotes=[other])
    assert "add unit b/0 to new machine 0" in plan_of(run)
    site.run("destroy", confirm=site.name)
    assert site.name in site.projects(remote) and site.containers() == {}


def test_exposed_ports_are_open(site):
    bundle = {"applications": {"store": {**STORE, "options": {"size": 5, "port": PORT}, "expose": True}}}
    site.deploy(bundle)
    devices = site.containers()["store-0"]["devices"]
    assert devices[f"flotilla-tcp-{PORT}"]["listen"] == f"tcp:0.0.0.0:{PORT}"
    assert_idle(site.deploy(bundle))


def _deploy(site, bundle):
    try:
        text = site.deploy(bundle).text
    except AssertionError as error:
        text = str(error)
    return " ".join(text.split())
