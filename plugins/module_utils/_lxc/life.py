# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting, stopping and destroying a classic container."""

from __future__ import annotations

from .._api.errors import DeadlineExceeded, NotAvailable
from .host import Container

_SECONDS_TO_START = 30


def start(container: Container) -> None:
    """Start it, and return once LXC says that it runs. Raises NotAvailable."""
    # What is open here is none of the monitor's business: it would keep Ansible waiting for as long as it lives.
    started = container.handle.start(False, True, True)
    if not started or not container.handle.wait("RUNNING", _SECONDS_TO_START):
        raise _failed("start", container)


def stop(container: Container, *, seconds: int, force: bool) -> None:
    """Ask it to shut down, or end it without asking (force). Raises DeadlineExceeded if it does not in so many seconds."""
    if force:
        if not container.handle.stop():
            raise _failed("stop", container)
    elif not container.handle.shutdown(seconds):
        raise DeadlineExceeded(
            f"remote {container.host.name}: container {container.name} has not shut down within {seconds} seconds"
        )


def act(container: Container, action: str) -> None:
    """``start``, ``freeze`` or ``unfreeze``. Raises NotAvailable."""
    if action == "start":
        start(container)
    elif not getattr(container.handle, action)():
        raise _failed(action, container)


def destroy(container: Container) -> None:
    """Remove it with its root file system. Raises NotAvailable, as for one that has snapshots or is protected."""
    if not container.handle.destroy():
        raise _failed("destroy", container)


def _failed(doing: str, container: Container) -> NotAvailable:
    return NotAvailable(f"remote {container.host.name}: LXC cannot {doing} container {container.name}")
