# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task says to its command and hears from it, with and without becoming another user on the way."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ...module_utils._api.deadline import Deadline
from ...module_utils._api.errors import DeadlineExceeded, FlotillaError
from .streams import STDERR

PIECE_BYTES = 128 * 1024
END_OF_TRANSMISSION = b"\x04"


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

    @property
    def output(self) -> bytes:
        return bytes(self.stdout)

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


class TerminalTask(BecomeTask):
    """A command that becomes another user at a terminal, where output and errors are one, and input ends with a key.

    LXD loses the last of what was written to a terminal when the last program at it ends too soon after (seen with 5.0, once
    in ten times). So the command runs in a shell that says farewell and leaves when it is told to: when all has been heard.
    """

    def __init__(
        self,
        become: Any,
        stdin: bytes | Iterable[bytes] | None = None,
        deadline: Deadline | None = None,
        *,
        seconds: float,
    ) -> None:
        super().__init__(become, stdin, deadline, seconds=seconds)
        self._farewell = f"FAREWELL-{secrets.token_hex(16)}"
        self._pieces = _ended(self._pieces)
        self._left = False

    def wrap(self, argv: Sequence[str]) -> list[str]:
        """The command as it has to be run. It is a shell's, and that shell is used."""
        # The first lines that it reads may be left over from the end of the command's input.
        script = f'"$@"; code=$?; printf %s {self._farewell}; read line || read line || read line; exit $code'
        return [argv[0], "-c", script, argv[0], *argv]

    def hear(self, number: int, data: bytes) -> None:
        if self._left:
            return
        known = len(self.stdout)
        super().hear(number, data)
        position = self.stdout.find(self._farewell.encode(), max(0, min(known, len(self.stdout)) - len(self._farewell)))
        if position >= 0:
            del self.stdout[position:]
            self._left = True
            self._pieces = iter((b"\n",))

    def say(self) -> bytes | None:
        # Never None: who stops talking hangs up, and what is at a terminal then is killed.
        return (next(self._pieces, b"") if self._left else super().say()) or b""

    @property
    def output(self) -> bytes:
        """What the command wrote, without the carriage return that a terminal puts before each line feed."""
        return bytes(self.stdout.replace(b"\r\n", b"\n"))


def _ended(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Input followed by its end as a terminal knows it: in the middle of a line the first only hands over the line."""
    last = b"\n"
    for piece in pieces:
        last = piece
        yield piece
    yield END_OF_TRANSMISSION if last.endswith(b"\n") else END_OF_TRANSMISSION * 2


def _pieces(stdin: bytes | Iterable[bytes] | None) -> Iterator[bytes]:
    """What goes into one message each; an empty piece would say that there is none yet."""
    if isinstance(stdin, (bytes, bytearray, memoryview)):
        for begin in range(0, len(stdin), PIECE_BYTES):
            yield bytes(stdin[begin : begin + PIECE_BYTES])
    else:
        yield from (piece for piece in stdin or () if piece)
