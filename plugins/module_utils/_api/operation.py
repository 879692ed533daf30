# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Background operations: waiting for them, and calling off what nobody waits for any more.

Source: doc/rest-api.md, "Asynchronous operations"; status codes there too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .deadline import Deadline
from .errors import ApiError, DeadlineExceeded, NotFound, OperationFailed

if TYPE_CHECKING:
    from .client import Client

SUCCESS = 200
FAILURE = 400  # and above: cancelled
# How long one wait may hang in the server before we look how far it is and ask again.
_WAIT_SECONDS = 30.0
# And how long while a person is told how far it is.
_WATCH_SECONDS = 1.0


class Operation:
    """One operation of a server, at the time it was last looked at."""

    def __init__(self, client: Client, content: Mapping[str, Any], doing: str) -> None:
        self.client = client
        self._content = dict(content)
        self.doing = doing

    @property
    def id(self) -> str:
        return str(self._content["id"])

    @property
    def metadata(self) -> dict[str, Any]:
        return dict(self._content.get("metadata") or {})

    @property
    def status_code(self) -> int:
        return int(self._content["status_code"])

    @property
    def error(self) -> str:
        """The server's text for why it failed; empty otherwise."""
        return str(self._content.get("err") or "")

    def wait(self, deadline: Deadline) -> dict[str, Any]:
        """Return the metadata of the operation once it has succeeded.

        Raises OperationFailed with the server's text, and DeadlineExceeded, the operation then being called off if the
        server lets it.
        """
        content = self.finish(deadline)
        if self.status_code >= FAILURE:
            raise OperationFailed(self.client.remote, self.doing, self.status_code, self.error)
        return content

    def finish(self, deadline: Deadline) -> dict[str, Any]:
        """Return the metadata of the operation once it has ended, well or badly."""
        while self.status_code < SUCCESS:
            if deadline.passed:
                raise DeadlineExceeded(self._call_off(deadline))
            self._look(deadline)
            self.client.progress.of_operation(self.doing, self.metadata)
        return self.metadata

    def cancel(self) -> bool:
        """Ask the server to call it off. False when it cannot be, or is over."""
        try:
            self.client.send("DELETE", f"/1.0/operations/{self.id}", doing=f"cancel: {self.doing}")
        except ApiError:
            return False
        return True

    def _look(self, deadline: Deadline) -> None:
        longest = _WATCH_SECONDS if self.client.progress.watched else _WAIT_SECONDS
        seconds = max(1, int(min(longest, deadline.remaining())))
        try:
            # The answer may come right at the end of the server's own time: leave it some more.
            reply = self.client.get(
                f"/1.0/operations/{self.id}/wait",
                doing=self.doing,
                deadline=Deadline(seconds + 10),
                timeout=str(seconds),
            )
        except NotFound as error:
            # Servers forget what ended five seconds ago, and everything when they are restarted.
            raise OperationFailed(
                self.client.remote, self.doing, error.status, "the server no longer knows how it ended"
            ) from error
        except ApiError:
            # Incus says no more than that, both of an operation that failed and of one that still runs.
            reply = self.client.get(f"/1.0/operations/{self.id}", doing=self.doing)
        self._content = dict(reply.metadata)

    def _call_off(self, deadline: Deadline) -> str:
        outcome = "was called off" if self.cancel() else "goes on in the server, which cannot call it off"
        return (
            f"remote {self.client.remote}: {self.doing}: not done within {deadline.seconds:g} seconds;"
            f" the operation {outcome}"
        )
