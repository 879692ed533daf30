# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several containers, one after the other, and what becomes of the others when something is wrong with one."""

from __future__ import annotations

import pytest
from fake_instances import World

from ansible_collections.flotilla.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import Interrupted
from ansible_collections.flotilla.lxd.plugins.module_utils._migration import batch
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.journey import Options

pytestmark = pytest.mark.usefixtures("no_waiting")


@pytest.fixture
def world() -> World:
    made = World()
    made.add(made.a, "c1")
    made.add(made.a, "c2")
    return made


def migrate(world: World):
    options = Options()
    return batch.migrate(world.a.client(), world.b.client(), ["c1", "c2"], None, options, Deadline(60), check=False)


def test_what_fails_with_one_does_not_keep_the_others(world):
    world.add(world.b, "c1")
    reports, errors = migrate(world)
    assert len(errors) == 1 and [report.failure is None for report in reports] == [False, True]
    assert "c2" in world.b.instances


def test_an_interrupted_task_does_not_go_on_with_the_others(world, monkeypatch):
    serve = world.serve

    def interrupted(server, method, path, payload):
        if method == "PUT" and path.startswith("/1.0/instances/c1/state"):
            monkeypatch.setattr(world, "serve", serve)
            raise Interrupted("it was interrupted (SIGINT)")
        return serve(server, method, path, payload)

    monkeypatch.setattr(world, "serve", interrupted)
    reports, errors = migrate(world)
    assert [report.name for report in reports] == ["c1"] and "interrupted" in str(errors[0])
    assert world.a.instances["c2"].content["status"] == "Running" and not world.b.instances
