# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When harm is done: what is seen at both ends, over connections of our own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import FlotillaError
from tests.faults import manifest
from tests.faults.flows import MOVE
from tests.faults.world import Server

START = "at the start"
TRANSFER = "in the transfer"
BEFORE_DELETE = "before the delete"
AFTER_DELETE = "after the delete"
BEFORE_END = "before the end"
ANY = "at any time"

# How many seconds of it there are, about. A migration takes some in all, of which Ansible's own start is the first.
LONGEST = {START: 0.8, TRANSFER: 1.0, ANY: 8.0}
_PAUSE = 0.01


def of(mode: str) -> tuple[str, ...]:
    """The moments of a migration: nothing is deleted after a copy."""
    return (START, TRANSFER, *((BEFORE_DELETE, AFTER_DELETE) if mode == MOVE else (BEFORE_END,)), ANY)


def wait(moment: str, name: str, source: Server, target: Server, is_over: Callable[[], bool], delay: float) -> bool:
    """Return when it has been the moment for delay seconds; False if the playbook was over before."""
    sign, here, there = _SIGNS[moment], source.client, target.client
    before = target.proxy.connections
    while not is_over():
        try:
            if sign(manifest.mark(here, name), manifest.mark(there, name), target.proxy.connections > before):
                break
        except FlotillaError:
            continue
        time.sleep(_PAUSE)
    end = time.monotonic() + delay
    while time.monotonic() < end and not is_over():
        time.sleep(_PAUSE)
    return not is_over()


def _phase(mark: str | None) -> str | None:
    return json.loads(mark)["phase"] if mark else None


# By the marks at the source and the target, and whether the target has been spoken to since the playbook was started. A mark
# is None without a container, and "" on one without; the source of a copy has none.
_SIGNS: Mapping[str, Callable[[str | None, str | None, bool], bool]] = {
    START: lambda source, target, met: met,
    TRANSFER: lambda source, target, met: _phase(target) in ("copying", "refreshing"),
    BEFORE_DELETE: lambda source, target, met: _phase(target) == "verified" and source is not None,
    AFTER_DELETE: lambda source, target, met: source is None and target is not None,
    BEFORE_END: lambda source, target, met: _phase(target) in ("arrived", "verified"),
    ANY: lambda source, target, met: True,
}
