# SPDX-License-Identifier: GPL-3.0-or-later
"""The client configuration: a remote for each daemon, over HTTPS, trusted both ways.

It is made by the `lxc` and `incus` commands themselves, so it is what they write.
"""

from __future__ import annotations

import json

from lab import daemon as daemons
from lab.run import LabError, run, succeeds
from lab.settings import DAEMONS, KINDS, Daemon, Kind


def connect() -> bool:
    """Have a trusted remote for each daemon. Returns whether anything was to do."""
    broken = [daemon for daemon in DAEMONS if not _is_trusted(daemon)]
    for kind in KINDS:
        mine = [daemon for daemon in broken if daemon.kind is kind]
        if mine:
            kind.conf.mkdir(parents=True, exist_ok=True)
            _remote(kind, "switch", "local")  # the default remote cannot be removed
            for daemon in mine:
                _connect(daemon)
            _remote(kind, "switch", next(daemon.name for daemon in DAEMONS if daemon.kind is kind))
    return bool(broken)


def _connect(daemon: Daemon) -> None:
    succeeds(daemon.kind.client, "remote", "remove", daemon.name, env=_environment(daemon.kind))
    token = daemons.client(daemon, "--quiet", *daemon.kind.trust).split()[-1]
    # A token names address and certificate of the server; what the command saves is the pinned certificate.
    _remote(daemon.kind, "add", daemon.name, token)


def _is_trusted(daemon: Daemon) -> bool:
    try:
        answer = run(daemon.kind.client, "query", f"{daemon.name}:/1.0", env=_environment(daemon.kind))
    except LabError:  # no such remote, or one of an earlier daemon
        return False
    return bool(json.loads(answer)["auth"] == "trusted")


def _remote(kind: Kind, *arguments: str) -> None:
    run(kind.client, "remote", *arguments, env=_environment(kind))


def _environment(kind: Kind) -> dict[str, str]:
    return {kind.conf_variable: str(kind.conf)}
