# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A classic container on disk, LXC in memory, and what is done to either as something that can fail, as requests can.

What it holds is a number, as in fake_instances, here in a file of its root file system.
"""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

from fake_instances import Killed, World

NAME = "c1"
MARK = "flotilla.migration"


class ClassicWorld(World):
    """A classic container c1 below the directory, and servers a and b."""

    def __init__(self, directory: Path, status: str, fate: str) -> None:
        super().__init__(fate)
        self.lxcpath = directory
        self.status = status.upper()
        self.data.parent.mkdir(parents=True)
        self.data.write_text("1")
        lines = (
            f"lxc.uts.name = {NAME}",
            f"lxc.rootfs.path = dir:{self.data.parent}",
            "lxc.net.0.type = empty",
            "lxc.start.auto = 1",
        )
        self.config.write_text("\n".join(lines))

    @property
    def home(self) -> Path:
        return self.lxcpath / NAME

    @property
    def data(self) -> Path:
        return self.home / "rootfs" / "data"

    @property
    def config(self) -> Path:
        return self.home / "config"

    @property
    def is_marked(self) -> bool:
        return (self.home / MARK).exists()

    @property
    def starts_itself(self) -> bool:
        said = [line for line in self.config.read_text().splitlines() if line.startswith("lxc.start.auto")]
        return said[-1].endswith("1")

    @property
    def binding(self) -> SimpleNamespace:
        """In place of python-lxc."""
        return SimpleNamespace(default_config_path=str(self.lxcpath), Container=lambda _name, _path: _Handle(self))

    def image(self, metadata: object) -> Iterator[bytes]:
        """In place of what tar makes of it, which takes a moment."""
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as tar:
            for name, content in (("metadata.yaml", json.dumps(metadata)), ("rootfs/data", self.data.read_text())):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content.encode()))
        yield stream.getvalue()

    def do(self, what: str, act: Callable[[], None]) -> bool:
        """What is done on the host; whether it says that it went well."""
        fault, number = self.fault, self.count
        self.count += 1
        self.log.append(f"{number} lxc {what}")
        is_hit = fault is not None and number == fault.at
        if fault and is_hit and fault.kind == "killed":
            raise Killed
        if fault is None or not is_hit or fault.kind == "deaf":
            act()
        self.require_a_whole()
        return not is_hit

    def change(self, status: str) -> None:
        if status == "RUNNING" and self.status == "STOPPED":
            self.data.write_text(str(json.loads(self.data.read_text()) + 1))
        self.status = status

    def destroy(self) -> None:
        assert self.status == "STOPPED", self.log
        shutil.rmtree(self.home)

    def restart(self) -> None:
        super().restart()
        if self.home.exists() and self.status == "STOPPED" and self.starts_itself:
            self.change("RUNNING")

    def require_a_whole(self) -> None:
        there = [(one.complete, one.data) for one in self.b.instances.values()]
        if self.home.exists():
            there.append((True, json.loads(self.data.read_text())))
        newest = max(data for _complete, data in there)
        assert any(complete and data == newest for complete, data in there), self.log


class _Handle:
    """A container as python-lxc has it."""

    init_pid = 17

    def __init__(self, world: ClassicWorld) -> None:
        self._world = world

    @property
    def state(self) -> str:
        return self._world.status

    def wait(self, status: str, _seconds: int) -> bool:
        return self.state == status

    def start(self, *_options: bool) -> bool:
        return self._world.do("start", lambda: self._world.change("RUNNING"))

    def shutdown(self, _seconds: int) -> bool:
        return self._world.do("shutdown", lambda: self._world.change("STOPPED"))

    def freeze(self) -> bool:
        return self._world.do("freeze", lambda: self._world.change("FROZEN"))

    def unfreeze(self) -> bool:
        return self._world.do("unfreeze", lambda: self._world.change("RUNNING"))

    def destroy(self) -> bool:
        return self._world.do("destroy", self._world.destroy)
