# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task says to its command and hears from it, with and without becoming another user on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ...module_utils._api.deadline import Deadline
from ...module_utils._api.errors import DeadlineExceeded, FlotillaError
from .streams import STDERR

PIECE_BYTES = 128 * 1024


class CommandTimedOut(FlotillaError):
    """The command was still running when its time was up. It has been killed."""


class EscalationFailed(FlotillaError):
    """The command that was to make us another user did not."""


class Task:
    """A command is given its input and runs until it ends, or its time is up. stdout and stderr: what it has written."""

    def __init__(self, stdin: bytes | Iterable[bytes] | None = None, deadline: Deadline | None = None) -> None:
        self.stdout = bytearray()
        self.stderr = bytearray()
        self._pieces = _pieces(stdin)
        self._deadline = deadline

    def hear(self, number: int, data: bytes) -> None:
        heard = self.stderr if number == STDERR else self.stdout
        heard += data

    def say(self) -> bytes | None:
        return next(self._pieces, None)

    def patience(self) -> float | None:
        if self._deadline is None:
            return None
        try:
            return self._deadline.remaining()
        except DeadlineExceeded as error:
            raise CommandTimedOut(
                f"the command was killed: it had not ended within {self._deadline.seconds:g} seconds (command_timeout)"
            ) from error


class BecomeTask(Task):
    """A command behind sudo, su or the like: its input has to wait until the become plugin's password was taken.

    The plugin says what a prompt, a refusal and success look like. Nothing before the mark of success is the command's
    own output, and nothing after it is looked at.
    """

    def __init__(
        self,
        become: Any,
        stdin: bytes | Iterable[bytes] | None = None,
        deadline: Deadline | None = None,
        *,
        seconds: float,
    ) -> None:
        """become: the become plugin, its command built; seconds: how long it may take until the command itself runs."""
        super().__init__(stdin, deadline)
        self._become = become
        self._success = become.success.encode()
        self._password: bytes | None = None
        if become.expect_prompt():
            self._password = str(become.get_option("become_pass")).encode() + b"\n"
        self._answering = False
        self._answered_at = {id(self.stdout): 0, id(self.stderr): 0}
        self._escalation = Deadline(seconds)
        self._succeeded = False

    def hear(self, number: int, data: bytes) -> None:
        super().hear(number, data)
        if not self._succeeded:
            self._look()

    def say(self) -> bytes | None:
        if self._succeeded:
            return super().say()
        if self._answering and self._password is not None:
            password, self._password, self._answering = self._password, None, False
            return password
        return b""

    def patience(self) -> float | None:
        limit = super().patience()
        if self._succeeded:
            return limit
        if self._escalation.passed:
            raise EscalationFailed(
                f"{self._become.name} did not get to the command within {self._escalation.seconds:g} seconds (timeout)"
            )
        left = self._escalation.remaining()
        return left if limit is None else min(limit, left)

    def _look(self) -> None:
        """Whether what was heard is success, a prompt or a refusal."""
        position = self.stdout.find(self._success)
        if position >= 0:
            end_of_line = self.stdout.find(b"\n", position)
            if end_of_line >= 0:
                del self.stdout[: end_of_line + 1]
                self._forget_prompt()
                self._succeeded = True
            return
        for heard in (self.stdout, self.stderr):
            text = bytes(heard)
            if self._become.check_incorrect_password(text):
                raise EscalationFailed(f"incorrect {self._become.name} password")
            if self._become.check_missing_password(text):
                raise EscalationFailed(f"missing {self._become.name} password")
            if self._become.prompt and self._become.check_password_prompt(text[self._answered_at[id(heard)] :]):
                self._answer(heard)

    def _answer(self, heard: bytearray) -> None:
        if self._password is None:
            # It asks again: what it was told is wrong, whatever words it has for that.
            failing = "incorrect" if self._become.expect_prompt() else "missing"
            raise EscalationFailed(f"{failing} {self._become.name} password")
        self._answered_at[id(heard)] = len(heard)
        self._answering = True

    def _forget_prompt(self) -> None:
        prompt = self._become.prompt
        if prompt and isinstance(prompt, str):
            before, found, after = bytes(self.stderr).partition(prompt.encode())
            if found:
                self.stderr[:] = before + after.lstrip(b" ")


def _pieces(stdin: bytes | Iterable[bytes] | None) -> Iterator[bytes]:
    """What goes into one message each; an empty piece would say that there is none yet."""
    if isinstance(stdin, (bytes, bytearray, memoryview)):
        for begin in range(0, len(stdin), PIECE_BYTES):
            yield bytes(stdin[begin : begin + PIECE_BYTES])
    else:
        yield from (piece for piece in stdin or () if piece)
