# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the lxc and the incus command keep their configuration, and where their daemons listen.

Source: shared/cliconfig and client/connection.go of LXD (lxc/config) and Incus.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from .._api.server import INCUS, LXD, Kind


@dataclass(frozen=True)
class BuiltinRemote:
    """An image server that a command knows without being told. A static one cannot be redefined or removed."""

    name: str
    address: str
    static: bool
    protocol: str = "simplestreams"


@dataclass(frozen=True)
class Command:
    """One of the two commands whose client configuration we share. Every path is absolute once expanded."""

    name: str
    kind: Kind
    configuration_variable: str
    configuration_directories: tuple[str, ...]  # the last one is the snap's, if there is a snap
    snap_command: str | None
    global_variable: str
    global_directory: str
    remote_variable: str
    project_variable: str | None
    socket_variable: str
    daemon_variable: str
    sockets: tuple[str, ...]
    per_remote_client_certificates: bool
    builtin_remotes: tuple[BuiltinRemote, ...]

    def directory(self, environment: Mapping[str, str]) -> str:
        """The directory of the user's own client configuration, whether it is there or not."""
        named = environment.get(self.configuration_variable)
        if named:
            return named
        candidates = [_expand(directory, environment) for directory in self.configuration_directories]
        present = (directory for directory in candidates if os.path.isfile(os.path.join(directory, "config.yml")))
        # Nothing there yet: where the command that is installed will look for it.
        from_snap = self.snap_command and os.path.exists(self.snap_command)
        return next(present, candidates[-1] if from_snap else candidates[0])

    def machine_directory(self, environment: Mapping[str, str]) -> str:
        """The directory of the machine's own configuration, which counts where the user's says nothing."""
        return environment.get(self.global_variable) or self.global_directory

    def socket(self, environment: Mapping[str, str]) -> str | None:
        """The socket of the daemon on this host, or None when there is none. One named in the environment counts."""
        if environment.get(self.socket_variable):
            return environment[self.socket_variable]
        if environment.get(self.daemon_variable):
            return os.path.join(environment[self.daemon_variable], "unix.socket")
        present = [candidate for candidate in self.sockets if os.path.exists(candidate)]
        usable = [candidate for candidate in present if os.access(candidate, os.W_OK)]
        return next(iter(usable or present), None)

    def builtin_remote(self, name: str) -> BuiltinRemote | None:
        return next((one for one in self.builtin_remotes if one.name == name), None)

    def names_socket(self, environment: Mapping[str, str]) -> bool:
        """Whether the environment says which daemon of this kind is meant."""
        return bool(environment.get(self.socket_variable) or environment.get(self.daemon_variable))


LXC_COMMAND = Command(
    name="lxc",
    kind=LXD,
    configuration_variable="LXD_CONF",
    configuration_directories=("~/.config/lxc", "~/snap/lxd/common/config"),
    snap_command="/snap/bin/lxc",
    global_variable="LXD_GLOBAL_CONF",
    global_directory="/etc/lxd",
    remote_variable="LXC_REMOTE",
    project_variable=None,
    socket_variable="LXD_SOCKET",
    daemon_variable="LXD_DIR",
    sockets=(
        "/var/snap/lxd/common/lxd/unix.socket",
        "/var/lib/lxd/unix.socket",
        "/var/snap/lxd/common/lxd-user/unix.socket",
    ),
    per_remote_client_certificates=False,
    builtin_remotes=(
        BuiltinRemote("ubuntu", "https://cloud-images.ubuntu.com/releases", static=True),
        BuiltinRemote("ubuntu-daily", "https://cloud-images.ubuntu.com/daily", static=True),
        # Known from 5.21 on; to 5.0 they are free names, but what they mean elsewhere they should mean there.
        BuiltinRemote("ubuntu-minimal", "https://cloud-images.ubuntu.com/minimal/releases", static=True),
        BuiltinRemote("ubuntu-minimal-daily", "https://cloud-images.ubuntu.com/minimal/daily", static=True),
        # 5.0 still names images.linuxcontainers.org, which no longer has images for LXD.
        BuiltinRemote("images", "https://images.lxd.canonical.com", static=False),
    ),
)

INCUS_COMMAND = Command(
    name="incus",
    kind=INCUS,
    configuration_variable="INCUS_CONF",
    configuration_directories=("~/.config/incus",),
    snap_command=None,
    global_variable="INCUS_GLOBAL_CONF",
    global_directory="/etc/incus",
    remote_variable="INCUS_REMOTE",
    project_variable="INCUS_PROJECT",
    socket_variable="INCUS_SOCKET",
    daemon_variable="INCUS_DIR",
    sockets=(
        "/run/incus/unix.socket",
        "/var/lib/incus/unix.socket",
        "/run/incus/unix.socket.user",
        "/var/lib/incus/unix.socket.user",
    ),
    per_remote_client_certificates=True,
    builtin_remotes=(BuiltinRemote("images", "https://images.linuxcontainers.org", static=False),),
)

COMMANDS = (LXC_COMMAND, INCUS_COMMAND)


def command(name: str) -> Command:
    """The command of this name: ``lxc`` or ``incus``."""
    return next(candidate for candidate in COMMANDS if candidate.name == name)


def _expand(directory: str, environment: Mapping[str, str]) -> str:
    home = environment.get("HOME") or os.path.expanduser("~")
    return directory.replace("~", home, 1)
