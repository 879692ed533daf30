# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock on a model, kept in its project: two that change a model at once would make nonsense of it. Pure."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from .._api.errors import InvalidInput
from . import process

LOCK_KEY = "user.flotilla.lock"
# Every step of a run renews the lock. What is this old belongs to a run that is dead.
SECONDS = 1800


@dataclass(frozen=True)
class Lock:
    """token: of the run that has it. who: for people. since and renewed: seconds of the epoch.

    run: the process that the run is, and step: that of the module that renewed it, as the module process names them. Empty
    where nobody knows.
    """

    token: str
    who: str
    since: int
    renewed: int
    run: str = ""
    step: str = ""

    @property
    def is_of_a_dead_run(self) -> bool:
        """Whether that is known. What the run has started may be at work for a moment more."""
        return process.is_gone(self.run)

    @property
    def is_orphaned(self) -> bool:
        """Whether it is known that nobody is at work under it any more."""
        return self.is_of_a_dead_run and (not self.step or process.is_gone(self.step))

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


def held(config: Mapping[str, str]) -> Lock | None:
    """The lock in a project's config; None where there is none, or none that is understood."""
    try:
        return Lock(**json.loads(config[LOCK_KEY]))
    except (KeyError, TypeError, ValueError):
        return None


def taken(config: Mapping[str, str], model: str, wanted: Lock, *, take_over: bool) -> dict[str, str]:
    """The config with the lock taken or renewed. Raises InvalidInput while somebody else has it."""
    there = held(config)
    if there is not None and there.token == wanted.token:
        renewed = replace(there, renewed=wanted.renewed, step=wanted.step)
        return {**config, LOCK_KEY: renewed.to_json()}
    if there is None or take_over or wanted.renewed - there.renewed >= SECONDS:
        return {**config, LOCK_KEY: wanted.to_json()}
    since, until = (time.strftime("%H:%M:%S", time.localtime(each)) for each in (there.since, there.renewed + SECONDS))
    raise InvalidInput(
        f"model {model} is being changed by {there.who}, since {since}: wait until that is done. If that run is dead, say"
        f" take_over: true; from {until} on, it is taken to be"
    )


def given_back(config: Mapping[str, str], token: str) -> dict[str, str]:
    """The config without the lock, if it is the token's."""
    there = held(config)
    kept = there is not None and there.token != token
    return {key: value for key, value in config.items() if key != LOCK_KEY or kept}
