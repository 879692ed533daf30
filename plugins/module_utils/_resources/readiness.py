# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting until a container is ready, in the sense the user gives the word."""

from __future__ import annotations

import difflib
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, Callable

from .._api.client import Client, path
from .._api.deadline import REQUEST_SECONDS, Deadline
from .._api.errors import ApiError, DeadlineExceeded, InvalidInput, OperationFailed
from . import addresses

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
_INTERFACE = re.compile(r"(?P<interface>[A-Za-z0-9_.-]{1,15}?)(:(?P<family>ipv4|ipv6))?")

# Exit codes are all that comes back, so each command says by its own what it found.
_SYSTEMD = """command -v systemctl >/dev/null || exit 127
case $(systemctl is-system-running) in running|degraded) exit 0;; *) exit 1;; esac"""
_CLOUD_INIT = """command -v cloud-init >/dev/null || exit 127
case $(cloud-init status) in *done*|*disabled*) exit 0;; *error*) exit 126;; *) exit 1;; esac"""


State = Mapping[str, Any]


def check(conditions: Sequence[str], wanted_state: str) -> None:
    """Refuse a condition that is none, and waiting for what will not run. Raises InvalidInput."""
    if conditions and wanted_state in ("stopped", "frozen", "absent"):
        raise InvalidInput(f"wait_for goes with a container that runs, and the state asked for is {wanted_state}")
    for condition in conditions:
        if condition in _CONDITIONS:
            continue
        similar = difflib.get_close_matches(condition, _CONDITIONS, n=1, cutoff=0.75)
        if similar or not _INTERFACE.fullmatch(condition):
            raise InvalidInput(
                f"wait_for {condition!r} is no condition: it is one of {', '.join(_CONDITIONS)}, or a network interface,"
                " as in eth0 or eth0:ipv6"
            )


def wait(client: Client, name: str, conditions: Sequence[str], deadline: Deadline) -> State:
    """Return the container's state once every condition holds.

    Raises DeadlineExceeded, naming the conditions that do not hold, and OperationFailed for a container that stopped.
    """
    pause = _FIRST_PAUSE
    open_conditions = list(conditions)
    while True:
        state: State = client.get(path("instances", name, "state"), doing=f"read state of container {name}").metadata
        if int(state.get("status_code") or 0) != 103:
            raise OperationFailed(
                client.remote,
                f"wait for container {name} to be ready",
                int(state.get("status_code") or 0),
                f"it does not run, but is {str(state.get('status')).lower()}",
            )
        open_conditions = [one for one in open_conditions if not _holds(one, client, name, state)]
        if not open_conditions:
            return state
        if deadline.passed:
            raise DeadlineExceeded(
                f"remote {client.remote}: container {name} is not ready after {deadline.seconds:g} seconds: still waiting"
                f" for {', '.join(open_conditions)}; its addresses: {addresses.in_words(state)}"
            )
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _holds(condition: str, client: Client, name: str, state: State) -> bool:
    known = _CONDITIONS.get(condition)
    if known is not None:
        return known(client, name, state)
    match = _INTERFACE.fullmatch(condition)
    interface, family = (match["interface"], match["family"]) if match else (condition, None)
    return _has_address(state, (family,) if family else addresses.FAMILIES, interface)


def _has_address(state: State, families: Sequence[str], interface: str | None = None) -> bool:
    found = addresses.by_interface(state)
    wanted = found.values() if interface is None else [found.get(interface, {})]
    return any(each.get(family) for each in wanted for family in families)


def _shell(script: str) -> Callable[[Client, str, State], bool]:
    def ask(client: Client, name: str, _state: State) -> bool:
        code = _run(client, name, script)
        if code in (126, 127):
            what = "cloud-init" if script is _CLOUD_INIT else "systemctl"
            reason = f"{what} is not there" if code == 127 else "cloud-init ended with an error"
            raise OperationFailed(client.remote, f"wait for container {name} to be ready", code, reason)
        return code == 0

    return ask


def _run(client: Client, name: str, script: str) -> int:
    """The exit code of a shell script that takes no time, its output thrown away."""
    deadline = Deadline(REQUEST_SECONDS)
    doing = f"look whether container {name} is ready"
    payload = {"command": ["sh", "-c", script], "wait-for-websocket": False, "interactive": False}
    try:
        reply = client.send("POST", path("instances", name, "exec"), payload, doing=doing, deadline=deadline)
    except ApiError as error:
        if error.status == 400:
            return -1  # It stopped meanwhile: the next look at its state says so.
        raise
    if reply.operation is None:
        return -1
    return int(reply.operation.finish(deadline).get("return", -1))


_CONDITIONS: Mapping[str, Callable[[Client, str, State], bool]] = {
    "running": lambda _client, _name, _state: True,
    "ipv4": lambda _client, _name, state: _has_address(state, ("ipv4",)),
    "ipv6": lambda _client, _name, state: _has_address(state, ("ipv6",)),
    # A virtual machine whose agent is silent has a process count of -1.
    "agent": lambda _client, _name, state: int(state.get("processes", -1)) > 0,
    "systemd": _shell(_SYSTEMD),
    "cloud_init": _shell(_CLOUD_INIT),
}
