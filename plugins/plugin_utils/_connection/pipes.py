# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The streams of a process of this host, a pipe each or one terminal, all of them served by one thread."""

from __future__ import annotations

import os
import selectors
import signal
from collections.abc import Mapping
from contextlib import suppress

from .streams import STDIN, STDOUT, Dialogue

_READ_BYTES = 256 * 1024


def converse(pid: int, ends: Mapping[int, int], dialogue: Dialogue) -> int:
    """Let a child of ours and the dialogue talk until it has ended; return its exit code, 128 + n after signal n.

    ends: our ends of its STDIN, STDOUT and STDERR, or of STDIN alone, which is then a terminal. They are closed. What it has
    started itself and left behind is not waited for. When the dialogue's patience raises, it is killed.
    """
    handle = os.pidfd_open(pid)
    conversation = _Conversation(handle, ends, dialogue)
    status = None
    try:
        conversation.hold()
        status = os.waitpid(pid, 0)[1]
    finally:
        conversation.close()
        if status is None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            os.waitpid(pid, 0)
        os.close(handle)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


class _Conversation:
    def __init__(self, handle: int, ends: Mapping[int, int], dialogue: Dialogue) -> None:
        self._handle = handle
        self._open = dict(ends)
        self._outputs = {end: number or STDOUT for number, end in ends.items() if number != STDIN or len(ends) == 1}
        self._dialogue = dialogue
        self._unsaid = b""
        self._selector = selectors.DefaultSelector()
        for end in ends.values():
            os.set_blocking(end, False)

    def hold(self) -> None:
        """Until the process has ended, and what it had written by then is heard."""
        self._selector.register(self._handle, selectors.EVENT_READ)
        for end in self._outputs:
            self._selector.register(end, selectors.EVENT_READ)
        while True:
            self._say()
            ready = self._selector.select(self._dialogue.patience())
            for key, _mask in ready:
                if key.fd in self._outputs:
                    self._hear(key.fd)
            if any(key.fd == self._handle for key, _mask in ready):
                break
        for end in list(self._outputs):
            while self._hear(end):
                pass

    def close(self) -> None:
        self._selector.close()
        for end in self._open.values():
            os.close(end)

    def _hear(self, end: int) -> bool:
        """Take what there is; return whether there may be more."""
        try:
            data = os.read(end, _READ_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            data = b""  # the other end of a terminal is closed
        if data:
            self._dialogue.hear(self._outputs[end], data)
        else:
            self._selector.unregister(end)
            del self._outputs[end]
        return bool(data)

    def _say(self) -> None:
        """Give as much input as is taken now; be woken when more would be."""
        end = self._open.get(STDIN)
        while end is not None:
            if not self._unsaid:
                piece = self._dialogue.say()
                if piece is None:
                    self._hang_up()
                    return
                self._unsaid = piece
            if not self._unsaid:
                break
            try:
                self._unsaid = self._unsaid[os.write(end, self._unsaid) :]
            except BlockingIOError:
                break
            except OSError:  # it does not read, and need not
                self._hang_up()
                return
        self._wake_for_writing()

    def _hang_up(self) -> None:
        end = self._open[STDIN]
        self._unsaid = b""
        self._wake_for_writing()
        if end in self._outputs:
            return
        os.close(end)
        del self._open[STDIN]

    def _wake_for_writing(self) -> None:
        end = self._open.get(STDIN)
        if end is None:
            return
        wanted = selectors.EVENT_READ if end in self._outputs else 0
        if self._unsaid:
            wanted |= selectors.EVENT_WRITE
        known = self._selector.get_map().get(end)
        if known is None and wanted:
            self._selector.register(end, wanted)
        elif known is not None and not wanted:
            self._selector.unregister(end)
        elif known is not None and known.events != wanted:
            self._selector.modify(end, wanted)
