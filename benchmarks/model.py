# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bundle of twenty units: what it costs to deploy it, and to find that all is as it should be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import containers
from benchmarks.module import looped
from benchmarks.plays import on_localhost
from benchmarks.race import Command, Contest
from lab.settings import STATE

COUNT = 20
REMOTE = "lxd-a"
MODEL = "bench-model"
UNITS = [f"{MODEL}-ready-{number}" for number in range(COUNT)]
# Of the peer's: names are unique on the network that both use.
NAMES = [f"bench-{number}" for number in range(COUNT)]
# What is done in each container, by the role of a unit and by the peer.
WORK = {"ansible.builtin.raw": "date > /ready"}


@contextmanager
def prepared(scratch: Path) -> Iterator[list[Contest]]:
    deploy = _of_model("deploy", f"bundle={_bundle(scratch)}", f"roles_path={scratch / 'roles'}", "image=busybox")
    destroy = _of_model("destroy", f"confirm={MODEL}")
    with containers.project("lxc", REMOTE), containers.cleared("lxc", REMOTE, MODEL):
        yield [
            Contest(
                title=f"{COUNT} containers made, and something done in each",
                peer_title="module and connection community.general.lxd",
                ours=Command(deploy, shows="TASK [Note that it went well]", times=COUNT, before=destroy),
                peer=_plays(scratch / "plays.yml"),
            ),
            # Of the model that the last run of the one before has left.
            Contest(
                title="the same again, nothing to do",
                peer_title="module community.general.lxd_container",
                ours=Command(deploy, shows="No changes to apply."),
                peer=looped(scratch / "peer.yml", _container(MODEL), UNITS),
                floor=looped(scratch / "floor.yml", {"ansible.builtin.debug": {"msg": "{{ item }}"}}, UNITS),
            ),
        ]


def _bundle(scratch: Path) -> Path:
    """With the one charm that it needs, in the directory roles beside it."""
    tasks = scratch / "roles" / "ready" / "tasks"
    tasks.mkdir(parents=True)
    (tasks / "main.yml").write_text(json.dumps([WORK, {"flotilla.lxd.unit": {"status": "active"}}]))
    file = scratch / "bundle.yml"
    file.write_text(json.dumps({"applications": {"ready": {"charm": "ready", "num_units": COUNT}}}))
    return file


def _of_model(playbook: str, *variables: str) -> tuple[str, ...]:
    given = (f"model={MODEL}", f"remotes={REMOTE}", *variables)
    return ("ansible-playbook", f"flotilla.lxd.{playbook}", *(word for each in given for word in ("-e", each)))


def _plays(file: Path) -> Command:
    """The module makes them one after the other, and waits for an address as ours does."""
    make = {**_container(containers.PROJECT), "loop": NAMES}
    reach = {
        "ansible_connection": "community.general.lxd",
        "ansible_lxd_remote": REMOTE,
        "ansible_lxd_project": containers.PROJECT,
    }
    known = {"ansible.builtin.add_host": {"name": "{{ item }}", "groups": "made", **reach}, "loop": NAMES}
    inside = {"hosts": "made", "gather_facts": False, "tasks": [WORK]}
    listed = f"lxc list {REMOTE}: --project {containers.PROJECT} --format csv --columns n"
    clear = f"{listed} | xargs -r -I{{}} lxc delete --force {REMOTE}:{{}} --project {containers.PROJECT}"
    line = on_localhost(file, [make, known], inside)
    return Command(line, shows="changed: [bench-", times=COUNT, before=("sh", "-c", clear))


def _container(project: str) -> dict[str, Any]:
    options = {
        "name": "{{ item }}",
        "state": "started",
        "project": project,
        "url": f"unix:{STATE / REMOTE / 'unix.socket'}",
        "source": {"type": "image", "alias": "busybox"},
        "wait_for_ipv4_addresses": True,
        "timeout": 60,
    }
    return {"community.general.lxd_container": options}
