# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemons of a lab of its own, what is between them, and containers to move."""

from __future__ import annotations

import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import counter
import yaml
from faulty_proxy import Proxy

from ansible_collections.flotilla.lxd.plugins.module_utils._api.client import Client
from ansible_collections.flotilla.lxd.plugins.module_utils._api.transport import Transport, UnixAddress
from lab import commands, daemon, processes
from lab.run import run, succeeds
from lab.settings import DAEMONS, KINDS, STATE, Daemon
from tests.faults.flows import LIVE, STOPPED

PROFILE = "extra"
SMALL_POOL = "small"
_MB = 1 << 20
_LARGE = 256 * _MB
_LEFT = 16 * _MB  # of a pool that is full, and less than anything that is sent
_PADDING = 12  # files of 1 MB


class Server:
    """One daemon, and the proxy through which everyone else reaches it."""

    def __init__(self, of: Daemon) -> None:
        self.daemon = of
        host, port = of.address.split(":")
        self.proxy = Proxy(host, int(port))
        self._is_killed = False

    @property
    def name(self) -> str:
        return self.daemon.name

    @property
    def client(self) -> Client:
        """A new connection over the daemon's own socket, which no proxy cuts."""
        return Client(Transport(self.name, UnixAddress(str(self.daemon.directory / "unix.socket"))))

    def command(self, *arguments: str) -> str:
        return daemon.client(self.daemon, *arguments)

    def remote_command(self, _remote: str, *arguments: str) -> str:
        """The same, for what names the remote as well: there it is ``local``."""
        return self.command(*arguments)

    def tries(self, *arguments: str) -> bool:
        """Whether the command ends well."""
        return succeeds(self.daemon.kind.client, *arguments, env=self.daemon.environment)

    @property
    def has_died(self) -> bool:
        """Of itself, and not because it was killed."""
        return processes.server(self.daemon) is None and not self._is_killed

    def kill(self) -> None:
        """Kill the daemon, whatever it is doing. Its containers run on."""
        self._is_killed = True
        pid = processes.server(self.daemon)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        while processes.server(self.daemon) is not None:
            time.sleep(0.01)

    def have_up(self) -> None:
        """Start it again, if it is down."""
        if processes.server(self.daemon) is None:
            daemon.start(self.daemon)
        self._is_killed = False

    def cut(self) -> None:
        self.proxy.refuse = True
        self.proxy.cut()

    def connect(self) -> None:
        self.proxy.refuse = False

    @property
    def _small(self) -> Path:
        return STATE / "small" / self.name

    def add_small_pool(self) -> None:
        self._small.mkdir(parents=True, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", f"size={_LARGE}", "none", str(self._small))
        self.command("storage", "create", SMALL_POOL, "dir", f"source={self._small}")

    def fill_small_pool(self) -> None:
        self._resize(shutil.disk_usage(self._small).used + _LEFT)

    def make_room(self) -> None:
        self._resize(_LARGE)

    def _resize(self, size: int) -> None:
        run("mount", "-o", f"remount,size={size}", str(self._small))

    def remove_small_pool(self) -> None:
        self.command("storage", "delete", SMALL_POOL)
        run("umount", str(self._small))


class World:
    """All servers, and the client configuration that leads to their proxies."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.servers = {one.name: Server(one) for one in DAEMONS}
        self.environment = {kind.conf_variable: str(self._client_configuration(kind.conf)) for kind in KINDS}
        for server in self.servers.values():
            server.tries("profile", "create", PROFILE)
            self._make_seed(server)

    def _client_configuration(self, original: Path) -> Path:
        copy = self.directory / original.name
        shutil.copytree(original, copy)
        content = yaml.safe_load((copy / "config.yml").read_text())
        for name, server in self.servers.items():
            if name in content["remotes"]:
                content["remotes"][name]["addr"] = server.proxy.url
        (copy / "config.yml").write_text(yaml.safe_dump(content))
        return copy

    def _make_seed(self, server: Server) -> None:
        """What all containers are copied from: some files, a snapshot, and then some other files."""
        if server.tries("info", "seed"):
            return
        server.command("init", "busybox", "seed", "-c", "user.kept=this")
        for number in range(2):
            padding = self.directory / f"padding{number}"
            if not padding.exists():
                padding.mkdir()
                for name in range(_PADDING):
                    (padding / str(name)).write_bytes(random.randbytes(_MB))
            server.command("file", "push", "--recursive", str(padding), "seed/")
            if number == 0:
                server.command("snapshot", *_SNAPSHOT[server.daemon.kind.title], "seed", "s0")

    def add_container(self, server: Server, name: str, state: str, *, snapshots: bool) -> None:
        """state: as a Flow has it. One that is LIVE has what CRIU asks for, and a process to be carried over."""
        server.command("copy", "seed", name, *(() if snapshots else ("--instance-only",)))
        server.command("profile", "add", name, PROFILE)
        if state == LIVE:
            server.command("config", "set", name, *(f"{key}={_text(value)}" for key, value in counter.CONFIG.items()))
        if state != STOPPED:
            server.command("start", name)
        if state == LIVE:
            counter.start(server.remote_command, "local", name)

    def change_container(self, server: Server, name: str, *, snapshots: bool) -> None:
        """So that an earlier copy is old: another file, one less, other settings and another snapshot."""
        file = self.directory / "newer"
        file.write_bytes(random.randbytes(_MB))
        server.command("file", "push", str(file), f"{name}/")
        server.command("file", "delete", f"{name}/padding1/0")
        server.command("config", "set", name, "user.kept=that")
        if snapshots:
            server.command("snapshot", *_SNAPSHOT[server.daemon.kind.title], name, "s1")

    def remove_container(self, name: str) -> None:
        for server in self.servers.values():
            server.tries("delete", "--force", name)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# As Incus's command has it, and LXD's.
_SNAPSHOT = {"Incus": ("create",), "LXD": ()}


@contextmanager
def world(*, keep: bool) -> Iterator[World]:
    """Bring the lab up; take it down in the end, unless it is to be kept."""
    commands.up()
    with tempfile.TemporaryDirectory(prefix="faults-") as directory:
        try:
            yield World(Path(directory))
        finally:
            for small in STATE.glob("small/*"):
                while succeeds("umount", str(small)):
                    pass
            if not keep:
                commands.down()
