# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same as in test_every_crash for a source that is a classic container: broken at all it asks of the server or of LXC."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from itertools import count

import pytest
from fake_classic import NAME, ClassicWorld
from fake_instances import Fault, what_it_says

from ansible_collections.flotilla.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.flotilla.lxd.plugins.module_utils._lxc import binding
from ansible_collections.flotilla.lxd.plugins.module_utils._lxc.host import Host
from ansible_collections.flotilla.lxd.plugins.module_utils._migration import classic, end
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.classic import ClassicEnd
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.classic_journey import ClassicMigration
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.end import End
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.journey import Options
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.mark import KEY

FATES = ("finishes", "reverts", "stays")
FAULTS = ("lost", "deaf", "refused", "killed")


@dataclass(frozen=True)
class Case:
    """What is to be done with the container. fate: see World."""

    mode: str
    status: str
    fate: str = "finishes"

    def __str__(self) -> str:
        return f"{self.mode}-{self.status}-{self.fate}"

    def run(self, world: ClassicWorld) -> list[str]:
        """Returns what was done."""
        source = ClassicEnd(Host("lxc", str(world.lxcpath)), NAME)
        journey = ClassicMigration(source, End(world.b.client(), NAME), Options(mode=self.mode))
        journey.run(Deadline(60))
        return journey.report.actions

    def fail(self, world: ClassicWorld, fault: Fault) -> None:
        """A run that fails, or does not mind. If it says that all is as before, it is."""
        said = what_it_says(world, fault, lambda: self.run(world))
        if "as it was" in said and "not possible" not in said:
            assert not world.is_marked and world.starts_itself, (said, world.log)
            assert world.status == self.status.upper() and not world.b.instances, (said, world.log)

    def finish(self, world: ClassicWorld) -> None:
        """The same task again finishes, and once more changes nothing."""
        self.run(world)
        assert self.run(world) == []
        there = world.b.instances[NAME]
        assert there.complete and KEY not in there.content["config"] and not world.b.images, world.log
        assert there.content["config"]["boot.autostart"] == "true"
        world.require_a_whole()
        assert world.home.exists() == (self.mode == "copy"), world.log
        assert there.content["status"] == (self.status if self.mode == "move" else "Stopped")


CASES = [
    *(Case("move", "Running", fate) for fate in FATES),
    *(Case("move", status) for status in ("Stopped", "Frozen")),
    *(Case("copy", "Stopped", fate) for fate in FATES),
]


@pytest.fixture
def world_of(tmp_path, monkeypatch):
    """Make a world for a case, and have LXC and the files of the container be that world's."""
    monkeypatch.setattr(end, "_PATIENCE", 0.0)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    monkeypatch.setattr("os.fsync", lambda _stream: None)
    numbers, replace = count(), classic._replace

    def make(case: Case) -> ClassicWorld:
        world = ClassicWorld(tmp_path / str(next(numbers)), case.status, case.fate)

        def write(path: str, text: str) -> None:
            if not world.do(f"write {path.rpartition('/')[2]}", lambda: replace(path, text)):
                raise OSError(errno.EIO, "it cannot be written", path)

        monkeypatch.setattr(classic, "_replace", write)
        monkeypatch.setattr(classic.Rootfs, "image", lambda _rootfs, metadata: world.image(metadata))
        monkeypatch.setattr(binding, "lxc", world.binding)
        return world

    return make


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_broken_once_at_everything_it_does(case, kind, world_of):
    whole = world_of(case)
    case.run(whole)
    assert whole.count > 10
    for number in range(whole.count):
        world = world_of(case)
        case.fail(world, Fault(number, kind))
        world.settle()
        world.require_a_whole()
        case.finish(world)


@pytest.mark.parametrize("fate", FATES)
def test_a_host_that_is_restarted_in_the_middle(fate, world_of):
    """It does not start what is on its way."""
    case = Case("move", "Running", fate)
    whole = world_of(case)
    case.run(whole)
    for number in range(whole.count):
        world = world_of(case)
        case.fail(world, Fault(number, "killed"))
        world.settle()
        world.restart()
        world.require_a_whole()
        case.finish(world)
