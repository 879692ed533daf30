# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The harm that is done, and how it is undone before the second run."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.faults import moments
from tests.faults.playbook import Playbook
from tests.faults.world import PROFILE, SMALL_POOL, Server

# How long a line is cut, or a daemon down: less than the patience of a migration, or more, until it is over.
SHORT = 2.0


@dataclass
class Scene:
    """Where harm is done."""

    name: str
    source: Server
    target: Server
    is_short: bool  # whether what is down is back while the playbook still runs
    playbook: Playbook = field(init=False)
    timers: list[threading.Timer] = field(default_factory=list)

    def later(self, heal: Callable[[], None]) -> None:
        if self.is_short:
            self.timers.append(threading.Timer(SHORT, heal))
            self.timers[-1].start()


@dataclass(frozen=True)
class Fault:
    """need: what has to be there, with options: more for the playbook. prepare: what is wrong before that starts. harm: what
    is done at the moment; None: nothing more. heal undoes it, however far it came, and clean_up what was needed.
    moments: those at which it makes sense.
    """

    title: str
    harm: Callable[[Scene], object] | None = None
    heal: Callable[[Scene], object] = lambda scene: None
    prepare: Callable[[Scene], object] = lambda scene: None
    need: Callable[[Scene], object] = lambda scene: None
    clean_up: Callable[[Scene], object] = lambda scene: None
    options: Mapping[str, Any] = field(default_factory=dict)
    moments: tuple[str, ...] | None = None

    def moments_of(self, mode: str) -> tuple[str, ...]:
        return self.moments or moments.of(mode)


def _kill(server: Callable[[Scene], Server]) -> Callable[[Scene], None]:
    def kill(scene: Scene) -> None:
        server(scene).kill()
        scene.later(server(scene).have_up)

    return kill


def _cut(server: Callable[[Scene], Server]) -> Callable[[Scene], None]:
    def cut(scene: Scene) -> None:
        server(scene).cut()
        scene.later(server(scene).connect)

    return cut


def _signal(number: signal.Signals) -> Callable[[Scene], None]:
    def send(scene: Scene) -> None:
        if number == signal.SIGKILL:
            scene.playbook.kill_all()  # as when its machine dies
        else:
            os.killpg(scene.playbook.process.pid, number)  # as Ctrl-C in a terminal does

    return send


def _take_name(scene: Scene) -> None:
    scene.target.tries("delete", scene.name)  # the earlier copy
    scene.target.command("init", "busybox", scene.name, "-c", "user.theirs=yes")


def _give_name_back(scene: Scene) -> None:
    assert "user.theirs" in scene.target.command("config", "show", scene.name), "somebody else's container was touched"
    scene.target.command("delete", scene.name)


def _remove_profile(scene: Scene) -> None:
    scene.target.tries("delete", scene.name)  # the earlier copy, which has it
    scene.target.command("profile", "delete", PROFILE)


def _source(scene: Scene) -> Server:
    return scene.source


def _target(scene: Scene) -> Server:
    return scene.target


# What is there before the playbook is found before anything is moved: one moment is all of it.
_BEFORE = (moments.START,)

ALL = (
    Fault("the source's daemon is killed", _kill(_source), lambda scene: scene.source.have_up()),
    Fault("the target's daemon is killed", _kill(_target), lambda scene: scene.target.have_up()),
    Fault("the line to the source is cut", _cut(_source), lambda scene: scene.source.connect()),
    Fault("the line to the target is cut", _cut(_target), lambda scene: scene.target.connect()),
    Fault("the playbook is killed", _signal(signal.SIGKILL)),
    Fault("the playbook is interrupted", _signal(signal.SIGINT)),
    Fault(
        "the target's disk is full",
        need=lambda scene: scene.target.add_small_pool(),
        prepare=lambda scene: scene.target.fill_small_pool(),
        heal=lambda scene: scene.target.make_room(),
        clean_up=lambda scene: scene.target.remove_small_pool(),
        options={"target_pool": SMALL_POOL},
        moments=(moments.TRANSFER,),
    ),
    Fault("the name is taken at the target", prepare=_take_name, heal=_give_name_back, moments=_BEFORE),
    Fault(
        "the profile is gone at the target",
        prepare=_remove_profile,
        heal=lambda scene: scene.target.tries("profile", "create", PROFILE),
        moments=_BEFORE,
    ),
)
