# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab consists of: daemons, their networks, and where everything lies."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# Which lab of this machine, whatever checkout brought it up: the one without a name, or another that shares with it
# nothing but the packages. At most 7 lower case letters and digits, as the bridges are named after it.
NAME = os.environ.get("FLOTILLA_LAB_NAME", "")
# Ports and subnets of another lab follow from its name. Two names with the same ones are refused when it comes up.
_OFFSET = 1 + zlib.crc32(NAME.encode()) % 100 if NAME else 0

# The path is short because a daemon's socket below it must stay under the 108 bytes of a Unix socket address.
STATE = Path(f"/var/lib/flotilla-lab-{NAME}" if NAME else "/var/lib/flotilla-lab")
LOCK = Path("/run", f"{STATE.name}.lock")
PACKAGES_LOCK = Path("/run/flotilla-lab+packages.lock")
IMAGES = STATE / "images"
BUILD = STATE / "build"
CLASSIC = STATE / "lxc"  # places for classic containers
CRIU = STATE / "criu"

CHECKOUT = Path(__file__).resolve().parent.parent
ENV_FILE = CHECKOUT / ".lab" / (f"{NAME}.env" if NAME else "env")

STORAGE_DRIVER = os.environ.get("FLOTILLA_LAB_STORAGE", "dir")
# The first two bytes of every daemon's subnet.
SUBNETS = os.environ.get("FLOTILLA_LAB_SUBNETS", f"10.{97 + _OFFSET}")

# Every process the lab starts carries this variable, and so do their children: it is how they are found again.
MARK = "FLOTILLA_LAB"

# A search path of its own keeps snaps, pyenv and the like out, whatever shell `up` was called from.
# The daemons' begins with the lab's CRIU, whether or not it can be had.
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DAEMON_PATH = f"{CRIU}/bin:{SEARCH_PATH}"


@dataclass(frozen=True)
class Kind:
    """A daemon program and the commands that go with it.

    Programs are named by their full path: `lxc` found on a PATH may be the snap's, which has daemon and
    configuration elsewhere.
    """

    title: str
    server: str
    group: str  # of the socket
    client: str
    admin: tuple[str, ...]  # the command that takes `init` and `waitready`
    trust: tuple[str, ...]  # arguments of the client that make a trust token
    dir_variable: str
    conf_variable: str
    conf: Path  # client configuration with a remote for each daemon


LXD = Kind(
    title="LXD",
    server="/usr/bin/lxd",
    group="lxd",
    client="/usr/bin/lxc",
    admin=("/usr/bin/lxd",),
    trust=("config", "trust", "add", "--name", "flotilla-lab"),
    dir_variable="LXD_DIR",
    conf_variable="LXD_CONF",
    conf=STATE / "config" / "lxc",
)
INCUS = Kind(
    title="Incus",
    server="/usr/libexec/incus/incusd",
    group="incus-admin",
    client="/usr/bin/incus",
    admin=("/usr/bin/incus", "admin"),
    trust=("config", "trust", "add", "flotilla-lab"),
    dir_variable="INCUS_DIR",
    conf_variable="INCUS_CONF",
    conf=STATE / "config" / "incus",
)
KINDS = (LXD, INCUS)


@dataclass(frozen=True)
class Daemon:
    """One private daemon."""

    name: str
    kind: Kind
    number: int  # tells subnet and port

    @property
    def directory(self) -> Path:
        """All the daemon has, socket included."""
        return STATE / self.name

    @property
    def log(self) -> Path:
        """Of the daemon itself; each container's is below `logs`."""
        return self.directory / "daemon.log"

    @property
    def bridge(self) -> str:
        """Name of the interface, of which the kernel takes 15 characters."""
        return f"{NAME or 'lab'}-{self.name}"

    @property
    def gateway(self) -> str:
        """Address and prefix length of the bridge."""
        # Wide enough for a fleet, and for leases that outlive their containers.
        return f"{SUBNETS}.{16 * self.number}.1/20"

    @property
    def address(self) -> str:
        """Host and port of the HTTPS listener."""
        return f"127.0.0.1:{18442 + 10 * _OFFSET + self.number}"

    @property
    def environment(self) -> dict[str, str]:
        """Makes a command talk to this daemon's socket, with no client configuration but its own."""
        return {
            self.kind.dir_variable: str(self.directory),
            self.kind.conf_variable: str(self.directory / "local-client"),
        }


DAEMONS = (
    Daemon("lxd-a", LXD, 1),
    Daemon("lxd-b", LXD, 2),
    Daemon("incus-a", INCUS, 3),
    Daemon("incus-b", INCUS, 4),
)


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of everything the lab runs: of the caller's only what a proxy needs, plus `extra`."""
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    return {"PATH": SEARCH_PATH, "HOME": "/root", "LANG": "C.UTF-8", **proxies, **(extra or {})}
