# SPDX-License-Identifier: GPL-3.0-or-later
"""One daemon: start it, set it up, ask it."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

from lab import criu, leftovers, processes
from lab.run import LabError, run, succeeds
from lab.settings import DAEMON_PATH, MARK, STORAGE_DRIVER, Daemon, clean_environment

_ATTEMPTS = 3
_GONE_INTERFACE = re.compile(r'Device "\w+" does not exist')


def ensure(daemon: Daemon) -> bool:
    """Have the daemon run, set up. Whether it had to be made, which starts from nothing, or restarted is returned.

    A daemon that died takes no part of its old self along: what it left behind is in no known state.
    """
    if is_up(daemon):
        if _finds_criu(daemon):
            return False
        # Its containers go on running meanwhile.
        processes.terminate(daemon)
        if processes.server(daemon) is None:
            start(daemon)
            return True
        # One that does not end is as good as dead.
    for attempt in range(_ATTEMPTS):
        leftovers.clear(daemon)
        try:
            start(daemon)
            _set_up(daemon)
            break
        except LabError as error:
            # Making a bridge, Incus looks at every interface of this machine, and gives up if one of another daemon's
            # container goes meanwhile.
            if not _GONE_INTERFACE.search(str(error)) or attempt == _ATTEMPTS - 1:
                raise LabError(f"{daemon.name} did not come up: {error}\nIts log: {daemon.log}") from error
    _set_up_mark(daemon).touch()
    return True


def _finds_criu(daemon: Daemon) -> bool:
    """Whether a daemon, which an older checkout may have started, looks for CRIU where it is by now."""
    pid = processes.server(daemon)
    return pid is None or not criu.PROGRAM.exists() or processes.environment(pid).get("PATH") == DAEMON_PATH


def is_up(daemon: Daemon) -> bool:
    """Whether the daemon runs, was set up to the end and answers."""
    return (
        _set_up_mark(daemon).exists()
        and processes.server(daemon) is not None
        and succeeds(daemon.kind.client, "query", "/1.0", env=daemon.environment, timeout=30)
    )


def query(daemon: Daemon, path: str) -> Any:
    """The metadata of GET `path`, over the daemon's own socket."""
    return json.loads(client(daemon, "query", path))


def client(daemon: Daemon, *arguments: str, timeout: float = 120) -> str:
    """Run the daemon's command line client over its own socket; returns what it printed."""
    return run(daemon.kind.client, *arguments, env=daemon.environment, timeout=timeout)


def start(daemon: Daemon, patience: float = 60) -> None:
    """Start the daemon itself, with whatever it has, and wait until it answers. Raises LabError."""
    daemon.directory.mkdir(parents=True, exist_ok=True)
    daemon.directory.chmod(0o711)  # the roots of containers lie below, whose users are others than root here
    environment = clean_environment({**daemon.environment, "PATH": DAEMON_PATH, MARK: str(daemon.directory)})
    with (daemon.directory / "daemon.out").open("wb") as output:
        # In a session of its own, so that it outlives the terminal or job that called `up`.
        server = subprocess.Popen(
            [daemon.kind.server, "--group", daemon.kind.group, "--logfile", str(daemon.log)],
            env=environment,
            cwd="/",
            umask=0o022,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    give_up = time.monotonic() + patience
    while not succeeds(*daemon.kind.admin, "waitready", "--timeout", "1", env=daemon.environment):
        if server.poll() is not None:
            raise LabError(f"it ended with code {server.returncode}.")
        if time.monotonic() > give_up:
            raise LabError(f"it was not ready after {patience:.0f} seconds.")
        time.sleep(0.1)


def _set_up(daemon: Daemon) -> None:
    preseed = {
        "config": {"core.https_address": daemon.address},
        "storage_pools": [{"name": "default", "driver": STORAGE_DRIVER}],
        "networks": [
            {
                "name": daemon.bridge,
                "type": "bridge",
                "config": {"ipv4.address": daemon.gateway, "ipv4.nat": "true", "ipv6.address": "none"},
            }
        ],
        "profiles": [
            {
                "name": "default",
                "devices": {
                    "root": {"type": "disk", "path": "/", "pool": "default"},
                    "eth0": {"type": "nic", "name": "eth0", "network": daemon.bridge},
                },
            }
        ],
    }
    # The command reads YAML, of which JSON is a part.
    run(*daemon.kind.admin, "init", "--preseed", env=daemon.environment, stdin=json.dumps(preseed), timeout=120)


def _set_up_mark(daemon: Daemon) -> Path:
    return daemon.directory / "set-up"
