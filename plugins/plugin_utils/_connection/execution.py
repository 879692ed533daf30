# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command run in a container through the exec API.

Source: doc/rest-api.md of LXD and Incus, "POST /1.0/instances/NAME/exec".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...module_utils._api.client import Client, path
from ...module_utils._api.deadline import Deadline
from ...module_utils._api.errors import CertificateRefused, Unreachable
from ...module_utils._api.operation import Operation
from .streams import CONTROL, STDERR, STDIN, STDOUT, Dialogue, Output, Stream, converse

# A command with pipes does without the one named control, one with a terminal does not start without.
_PIPES = {"0": (STDIN, Stream), "1": (STDOUT, Output), "2": (STDERR, Output)}
_TERMINAL = {"0": (STDIN, Stream), "control": (CONTROL, Stream)}
# Nothing of ours looks at the size, but a program may.
_WIDTH, _HEIGHT = 200, 50


@dataclass(frozen=True)
class Command:
    """What to run and as whom. user None: root, where and with what the server gives it."""

    argv: Sequence[str]
    user: int | None = None
    group: int | None = None
    directory: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    terminal: bool = False

    def request(self) -> dict[str, Any]:
        content: dict[str, Any] = {
            "command": list(self.argv),
            "environment": dict(self.environment),
            "wait-for-websocket": True,
            "interactive": self.terminal,
        }
        if self.terminal:
            content.update(width=_WIDTH, height=_HEIGHT)
        if self.user is not None:
            content.update(user=self.user, group=self.group, cwd=self.directory)
        return content


@dataclass(frozen=True)
class Ending:
    """How a command ended: its exit code (128 + n when signal n killed it), and what the server had to say about it."""

    code: int
    remark: str = ""


def execute(client: Client, instance: str, command: Command, dialogue: Dialogue, seconds: float) -> Ending:
    """Run a command to its end, in conversation with the dialogue. seconds: for the server to get it going.

    Once it may have started it is never run again. Given up, it is killed, but not what it may have started itself.
    Raises ApiError when the server does not start it, Unreachable, and what the dialogue's patience raises.
    """
    operation = _post(client, instance, command, Deadline(seconds))
    streams: dict[int, Stream] = {}
    try:
        opening = Deadline(seconds)
        secrets = operation.metadata["fds"]
        for name, (number, kind) in (_TERMINAL if command.terminal else _PIPES).items():
            streams[number] = kind(client.transport.connect(opening), operation.id, secrets[name])
        converse(streams, dialogue, client.remote, opening)
        if command.terminal:
            # Its operation goes on for as long as anyone sits at the terminal.
            _close(streams)
        metadata = operation.finish(Deadline(math.inf))
    finally:
        _close(streams)
    return _ending(client, operation, metadata)


def _close(streams: Mapping[int, Stream]) -> None:
    for stream in streams.values():
        stream.close()


def _post(client: Client, instance: str, command: Command, deadline: Deadline) -> Operation:
    attempts = 2
    while True:
        attempts -= 1
        try:
            reply = client.send(
                "POST",
                path("instances", instance, "exec"),
                command.request(),
                doing=f"run a command in container {instance}",
                deadline=deadline,
            )
        except Unreachable as error:
            # A server that has hung up on a kept connection. It starts nothing before its streams are connected, so
            # that what it may have read of the request does no harm.
            if not attempts or isinstance(error, CertificateRefused) or not _hung_up(error):
                raise
            continue
        if reply.operation is None:
            raise Unreachable(client.remote, "the server started no operation for a command")
        return reply.operation


def _hung_up(error: Unreachable) -> bool:
    return isinstance(error.__cause__, (ConnectionResetError, BrokenPipeError))


def _ending(client: Client, operation: Operation, metadata: Mapping[str, Any]) -> Ending:
    # A code of 126 or 127 ends the operation in failure, but is the command's own all the same.
    code = metadata.get("return")
    if code is None or code < 0:
        raise Unreachable(client.remote, f"the command did not run: {operation.error or 'no reason given'}")
    return Ending(int(code), operation.error)
