# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When harm is done: what is seen at both ends, over connections of our own."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import FlotillaError
from tests.faults import manifest
from tests.faults.world import Server

START = "at the start"
TRANSFER = "in the transfer"
BEFORE_DELETE = "before the delete"
AFTER_DELETE = "after the delete"
ANY = "at any time"
ALL = (START, TRANSFER, BEFORE_DELETE, AFTER_DELETE, ANY)

_PAUSE = 0.01
# A migration of ours takes some seconds in all, of which Ansible's own start is the first.
_LONGEST = 8.0


def wait(
    moment: str, name: str, source: Server, target: Server, is_over: Callable[[], bool], dice: random.Random
) -> bool:
    """Return as soon as it is the moment; False if the playbook was over before."""
    if moment == ANY:
        end = time.monotonic() + dice.uniform(0, _LONGEST)
        while time.monotonic() < end and not is_over():
            time.sleep(_PAUSE)
        return not is_over()
    here, there = source.client, target.client
    while not is_over():
        try:
            marks = manifest.mark(here, name), manifest.mark(there, name)
        except FlotillaError:
            continue
        if _SIGNS[moment](*marks):
            return True
        time.sleep(_PAUSE)
    return False


def _phase(mark: str | None) -> str | None:
    return json.loads(mark)["phase"] if mark else None


# By the marks at the source and the target: None without a container, "" without a mark.
_SIGNS: Mapping[str, Callable[[str | None, str | None], bool]] = {
    START: lambda source, target: bool(source),
    TRANSFER: lambda source, target: _phase(target) == "copying",
    BEFORE_DELETE: lambda source, target: _phase(target) == "verified" and source is not None,
    AFTER_DELETE: lambda source, target: source is None and target is not None,
}
