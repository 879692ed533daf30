# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run states: which the API knows, and the ways from one to another."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

RUNNING, FROZEN = "running", "frozen"
_BY_CODE = {102: "stopped", 103: RUNNING, 110: FROZEN}
BROKEN = "error"

# From the state a container is in to the one the user names: the API's actions, in order.
_WAYS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("stopped", "started"): ("start",),
    ("stopped", "restarted"): ("start",),
    ("stopped", "frozen"): ("start", "freeze"),
    ("running", "stopped"): ("stop",),
    ("running", "restarted"): ("restart",),
    ("running", "frozen"): ("freeze",),
    # A frozen container cannot be asked to halt: it is thawed to hear it.
    ("frozen", "started"): ("unfreeze",),
    ("frozen", "stopped"): ("unfreeze", "stop"),
    ("frozen", "restarted"): ("unfreeze", "restart"),
}
# How the API writes them.
IN_API_TERMS: Mapping[str, Mapping[str, Any]] = {
    "stopped": {"status": "Stopped", "status_code": 102},
    "running": {"status": "Running", "status_code": 103},
    "frozen": {"status": "Frozen", "status_code": 110},
}
_ENDS_AS = {"started": "running", "restarted": "running", "stopped": "stopped", "frozen": "frozen"}

# What a user would name to have a container be again as it was.
STATE_THAT_KEEPS = {"stopped": "stopped", "running": "started", "frozen": "frozen"}

# The servers name only the first thing that is missing.
HOW_TO_SAVE = (
    "To save what runs takes CRIU on the server, and on Incus migration.stateful: true in the container's config"
)
HOW_TO_RESUME = "What the container was stopped with is kept: stateful: false starts it afresh, and gives that up"


def status(content: Mapping[str, Any]) -> str:
    """``stopped``, ``running``, ``frozen``, or the server's word in lower case for what passes or is broken."""
    return _BY_CODE.get(int(content.get("status_code") or 0), str(content.get("status") or "unknown").lower())


def way(current: str, wanted: str) -> list[str]:
    """The actions from the current state to the wanted one; none for ``present``."""
    known = current if current in _BY_CODE.values() else "running"
    return list(_WAYS.get((known, wanted), ()))


def to_start(current: str) -> str:
    """The API's action that has one run that does not. One that is broken can be started at best."""
    return "unfreeze" if current == FROZEN else "start"


def status_after(current: str, wanted: str) -> str:
    """The state a container is in once it is as wanted."""
    return _ENDS_AS.get(wanted, current)


def holds_state(held: bool, actions: Container[str], *, saving: bool) -> bool:
    """Whether a container holds a saved state once these actions are done. Whatever starts it uses that up or gives it up."""
    if "stop" in actions:
        return saving
    return held and "start" not in actions
