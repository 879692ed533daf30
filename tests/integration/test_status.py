# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a model is: asked of real daemons in every form, and the page seen by a real browser."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest
import yaml
from browser import Browser
from client_configuration import DIRECTORIES, configuration
from model_sites import PORT, SECRET

from ansible_collections.flotilla.lxd.plugins.module_utils._model.record import UnitRecord
from ansible_collections.flotilla.lxd.plugins.module_utils._model.state import Application, Container, Endpoint, State
from ansible_collections.flotilla.lxd.plugins.module_utils._model.status import describe
from ansible_collections.flotilla.lxd.plugins.module_utils._status.layout import positions
from ansible_collections.flotilla.lxd.plugins.module_utils._status.page import page
from ansible_collections.flotilla.lxd.plugins.module_utils._status.reading import units

LXD, INCUS = "lxd-a", "incus-a"
DRAWN = (Path(__file__).parent / "support" / "drawn.js").read_text()
BUNDLE = {
    "applications": {
        "store": {"charm": "t-store", "num_units": 1, "to": ["0"], "expose": True, "options": {"port": PORT}},
        "api": {"charm": "t-api", "num_units": 2, "to": ["1", "2"]},
        "side": {"charm": "t-side"},
        "loud": {"charm": "t-loud", "num_units": 1, "to": ["2"]},
    },
    "machines": {"0": {}, "1": {}, "2": {}},
    "relations": [["api", "store"], ["side", "api"]],
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    opened = Browser(tmp_path_factory.mktemp("browser"))
    yield opened
    opened.close()


def look(browser, path, **options):
    """What is seen of a page, having seen that all of it can be read."""
    browser.open(path, **options)
    seen = browser.ask(DRAWN)
    assert seen["outside"] == [] and seen["out_of_card"] == [] and seen["meeting"] == [], seen
    assert seen["faint"] == [] and seen["wider"] <= 0, seen
    return seen


def test_every_form_and_what_is_not_as_it_should_be(site_on, local_tasks, browser, tmp_path):
    site = site_on(LXD, INCUS)
    site.deploy(BUNDLE, machines={"0": LXD, "1": LXD, "2": INCUS})

    shown = site.run("status").stdout
    lines = [line.split() for line in shown.splitlines()]
    assert ["Model", "Remotes", "Status"] in lines and [site.name, f"{LXD},", INCUS, "available"] in lines
    assert ["store", "1.0", "active", "1", "t-store", "yes"] in lines
    assert "\n  side/0*  active " in shown and "changed=0" in shown
    loud = "</text><script>document.title='ran'</script><img src=x onerror=\"document.title='ran'\"> [31mred line"
    assert f" {loud}\n" in shown and "\x1b[31mred" not in shown

    files = {kind: tmp_path / f"status.{kind}" for kind in ("json", "yaml", "html")}
    options = {"model": site.name, "remotes": [LXD]}
    write = [
        {"name": kind, "flotilla.lxd.model_status": {**options, "format": kind, "dest": str(path)}}
        for kind, path in files.items()
    ]
    info = {"name": "info", "flotilla.lxd.model_info": options}
    checked = local_tasks(write[2:], "--check")
    assert checked.result("html")["changed"] and not files["html"].exists()
    run = local_tasks([*write, info, {**write[2], "name": "again"}])
    model = run.result("info")["model"]
    assert json.loads(files["json"].read_text()) == yaml.safe_load(files["yaml"].read_text()) == model
    assert run.result("html")["changed"] and not run.result("again")["changed"]
    assert SECRET not in run.text + "".join(each.read_text() for each in files.values())

    by_day = look(browser, files["html"], scripts=False)
    assert browser.requests == [files["html"].as_uri()] and browser.complaints == []
    assert by_day["title"] == f"{site.name}: model" and by_day["scripts"] == 0
    assert sorted(by_day["cards"]) == ["api", "loud", "side", "store"]
    assert (by_day["lines"], by_day["beside"]) == (2, 1)
    assert {"store/0*", "api/0*", "api/1", "side/0*", "side/1", "loud/0*", "exposed", "subordinate"} <= {
        *by_day["texts"]
    }
    assert (
        by_day["named"][:2] == ["img", f"Picture of model {site.name}"] and "api requires store." in by_day["named"][2]
    )
    assert next(row for row in by_day["rows"] if row[0].startswith("loud/0"))[-1] == loud
    assert by_day["colors"].keys() == {"active", "blocked"} and len({*by_day["colors"].values()}) == 2
    by_night = look(browser, files["html"], dark=True, width=420)
    assert max(by_night["background"]) < 64 < 192 < min(by_day["background"])

    site.call("stop", "store-0", "--force")
    site.call("delete", "api-0", "--force")
    home = {"name": "home", "flotilla.lxd.model_info": {**options, "remotes": [INCUS, LXD]}}
    show = {"name": "show", "flotilla.lxd.model_status": options}
    run = local_tasks(
        [info, show, home, write[2]], environment={DIRECTORIES[INCUS]: str(_where_nobody_listens(tmp_path))}
    )
    model = run.result("info")["model"]
    assert _statuses(model) == {
        "store/0": "down",
        "api/0": "lost",
        "side/0": "lost",
        **dict.fromkeys(["api/1", "side/1", "loud/0"], "unknown"),
    }
    assert {name: each["status"] for name, each in model["applications"].items()} == {
        "store": "down",
        "api": "lost",
        "side": "lost",
        "loud": "unknown",
    }
    assert [each["status"] for each in model["machines"].values()] == ["down", "lost", "unknown"]
    assert f"remote {INCUS}" in model["unreachable"][INCUS]
    text = run.result("show")["text"]
    assert text in run.stdout and f"No answer: {model['unreachable'][INCUS]}" in text and " 0/2 " in text
    seen = look(browser, files["html"])
    assert seen["colors"].keys() == {"down", "lost", "unknown"} and len({*seen["colors"].values()}) == 3
    # The home itself does not answer: what the containers elsewhere tell is shown.
    assert _statuses(run.result("home")["model"]) == {"store/0": "down"}


def _statuses(model):
    return {name: unit["status"] for name, unit, _principal in units(model)}


def _where_nobody_listens(directory):
    """A client configuration that has one of the servers there."""
    elsewhere = directory / "elsewhere"
    shutil.copytree(configuration(INCUS), elsewhere)
    config = yaml.safe_load((elsewhere / "config.yml").read_text())
    config["remotes"][INCUS]["addr"] = "https://127.0.0.1:1"
    (elsewhere / "config.yml").write_text(yaml.safe_dump(config))
    return elsewhere


def test_what_cannot_be_shown_or_written(local_tasks, playbook, tmp_path):
    ask = {"model": "t-no-such-model", "remotes": [LXD]}
    run = local_tasks([{"name": "none", "flotilla.lxd.model_status": ask}], fails=True)
    assert run.result("none")["msg"] == f"Remote {LXD}: project t-no-such-model is no model: nothing was deployed there"
    run = local_tasks(
        [{"name": "nowhere", "flotilla.lxd.model_status": {"model": "x", "remotes": ["t-nowhere"]}}], fails=True
    )
    assert "t-nowhere is not in the client configuration" in run.result("nowhere")["msg"]
    run = playbook(Path("flotilla.lxd.status"), fails=True)
    assert "Say which model" in run.stdout


@pytest.mark.parametrize("given", [0.0, 0.5, 1.0])
def test_a_large_picture_can_be_read(browser, tmp_path, given):
    """given: how many of the applications say where they are to be, some of them at the same place."""
    chance = random.Random(7)
    names = [f"application-{'x' * chance.randrange(0, 40)}-{number}" for number in range(24)]
    endpoints = {"up": Endpoint("provider", "t"), "down": Endpoint("requirer", "t")}
    applications, containers = {}, []
    for number, name in enumerate(names):
        place = {"gui-x": str(chance.randrange(0, 900, 150)), "gui-y": str(chance.randrange(0, 900, 150))}
        applications[name] = Application(
            "cs:~someone/trusty/" + name,
            annotations=place if number < given * len(names) else {},
            exposed=number % 3 == 0,
            endpoints=endpoints,
        )
        records = {
            f"{name}/{each}": UnitRecord(
                status=chance.choice(["active", "active", "waiting", "blocked"]),
                message="ＷＷＷＷＷＷ wide, and so on" * 3,
                failed="it broke" if chance.random() < 0.1 else "",
            )
            for each in range(chance.choice([0, 1, 2, 9]))
        }
        containers.append(Container(f"c-{number}", "one", str(number), chance.random() > 0.1, units=records))
    pairs = {tuple(chance.sample(names, 2)) for _each in range(36)}
    state = State("large", ("one",), applications, tuple((f"{a}:up", f"{b}:down") for a, b in pairs))
    path = tmp_path / "large.html"
    described = describe(State(**{**vars(state), "containers": tuple(containers)}))
    path.write_text(page(described, positions({name: each.annotations for name, each in applications.items()})))
    seen = look(browser, path)
    assert [card.rstrip("…") for card in seen["cards"]] == [
        name[: len(card.rstrip("…"))] for card, name in zip(seen["cards"], described["applications"], strict=True)
    ]
    assert seen["lines"] == len({frozenset(pair) for pair in pairs})
