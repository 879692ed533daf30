# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands against moving a container alive, before anything is tried: CRIU itself says it late."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._api.client import Client
from .._diagnosis import host, readiness


def findings(source: Client, target: Client, container: Mapping[str, Any]) -> readiness.Findings:
    """container: as the API gives it. Raises ApiError, Unreachable."""
    return readiness.findings(_host(source), _host(target), container)


def _host(client: Client) -> readiness.Host:
    """The server is asked, and its host where that is this one."""
    pid = host.daemon_pid(client.server.environment)
    if pid is None:
        return readiness.look(client, criu=None, cpu_flags=None)
    return readiness.look(client, criu=host.criu(pid), cpu_flags=host.cpu_flags())
