# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The classic containers of this host: which there are, and how each of them is."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .._api.errors import ConfigurationError, InvalidInput, NotAvailable
from .._images.metadata import ARCHITECTURES
from .._remotes.resolve import CLASSIC, Access
from . import configuration
from .binding import binding

# The words of the API, and its numbers, for LXC's.
_STATUS: Mapping[str, tuple[str, int]] = {
    "STOPPED": ("Stopped", 102),
    "RUNNING": ("Running", 103),
    "STARTING": ("Starting", 106),
    "STOPPING": ("Stopping", 107),
    "ABORTING": ("Aborting", 108),
    "FREEZING": ("Freezing", 109),
    "FROZEN": ("Frozen", 110),
    "THAWED": ("Running", 103),
}
_BROKEN = ("Error", 112)
_FAMILIES = ("inet", "inet6")
# The kernel's names of what LXC, and Debian, call otherwise.
_KERNEL_NAMES: Mapping[str, str] = {
    **{debian: kernel for kernel, debian in ARCHITECTURES.items()},
    **dict.fromkeys(("x86", "i386", "i486", "i586", "linux32"), "i686"),
    **dict.fromkeys(("arm", "armhf", "armv8l"), "armv7l"),
}


class Container:
    """One container. Nothing is kept of its state: each look is a new one."""

    def __init__(self, host: Host, name: str) -> None:
        self.host = host
        self.name = name

    def __str__(self) -> str:
        return f"{self.host.name}:{self.name}"

    @cached_property
    def handle(self) -> Any:
        """The container as python-lxc has it. Raises InvalidInput where LXC does not take its configuration."""
        try:
            return binding().Container(self.name, self.host.lxcpath)
        except RuntimeError as error:
            raise InvalidInput(
                f"remote {self.host.name}: LXC does not take the configuration of container {self.name}:"
                f" lxc-info --lxcpath={self.host.lxcpath} {self.name} may say why"
            ) from error

    @cached_property
    def entries(self) -> list[configuration.Entry]:
        """Its configuration. Raises InvalidInput where it cannot be read."""
        return configuration.read(os.path.join(self.host.lxcpath, self.name, "config"))

    @property
    def status(self) -> str:
        """``Running``, ``Stopped``, ``Frozen``, ..."""
        return _STATUS[self.handle.state][0]

    def require_running(self) -> None:
        """Raises NotAvailable."""
        if self.status != "Running":
            raise NotAvailable(f"remote {self.host.name}: container {self.name} is {self.status.lower()}")

    def described(self, *, with_state: bool) -> dict[str, Any]:
        """As the API describes a container, as far as there is such a thing; config: LXC's own keys."""
        status, code = _STATUS[self.handle.state]
        config = configuration.as_map(self.entries)
        described = self._described(status, code, config)
        architecture = architecture_of(self.entries)
        if architecture:
            described["architecture"] = architecture
        if with_state:
            described["state"] = self._state(status, code)
        return described

    def described_as_broken(self, error: Exception) -> dict[str, Any]:
        """The same of one whose configuration cannot be read, with what is wrong as ``error``."""
        status, code = _BROKEN
        return {**self._described(status, code, {}), "error": str(error)}

    def _described(self, status: str, code: int, config: Mapping[str, configuration.Value]) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": "lxc",
            "type": "container",
            "status": status,
            "status_code": code,
            "ephemeral": config.get("lxc.ephemeral") == "1",
            "config": config,
        }

    def _state(self, status: str, code: int) -> dict[str, Any]:
        state: dict[str, Any] = {"status": status, "status_code": code, "network": None, "pid": 0}
        if status != "Stopped":
            state["pid"] = max(0, self.handle.init_pid)
            state["network"] = {name: self._interface(name) for name in self.handle.get_interfaces()}
        return state

    def _interface(self, name: str) -> dict[str, Any]:
        """What LXC tells of an interface. It leaves out link-local addresses."""
        is_loopback = name == "lo"
        addresses = [
            {"family": family, "address": address, "scope": "local" if is_loopback else "global"}
            for family in _FAMILIES
            for address in self.handle.get_ips(interface=name, family=family)
        ]
        return {"type": "loopback" if is_loopback else "broadcast", "addresses": addresses}


@dataclass(frozen=True)
class Host:
    """LXC on this host. name: for messages; lxcpath: the directory that has a directory for each container."""

    name: str
    lxcpath: str

    def containers(self) -> list[Container]:
        """All of them, by name. Raises NotAvailable where the directory cannot be read."""
        try:
            found = os.listdir(self.lxcpath)
        except OSError as error:
            raise NotAvailable(f"remote {self.name}: {self.lxcpath} cannot be read: {error.strerror}") from error
        return [Container(self, name) for name in sorted(found) if self._is_container(name)]

    def described(self, *, with_state: bool) -> list[dict[str, Any]]:
        """All of them, described. One whose configuration is broken does not keep the others from being seen."""

        def describe(container: Container) -> dict[str, Any]:
            try:
                return container.described(with_state=with_state)
            except InvalidInput as error:
                return container.described_as_broken(error)

        return [describe(container) for container in self.containers()]

    def find(self, name: str) -> Container | None:
        """The container of a name, if there is one."""
        return next((one for one in self.containers() if one.name == name), None)

    def container(self, name: str) -> Container:
        """Raises NotAvailable if there is none of this name."""
        found = self.find(name)
        if found is None:
            raise NotAvailable(f"remote {self.name}: there is no container {name} in {self.lxcpath}")
        return found

    def _is_container(self, name: str) -> bool:
        return os.path.lexists(os.path.join(self.lxcpath, name, "config"))


def is_meant(access: Access) -> bool:
    """Whether it is LXC on this host, and not a server."""
    return bool(access.url and access.url.startswith(CLASSIC))


def meant(access: Access) -> Host:
    """``url: lxc:`` or ``url: lxc:///path``. Raises MissingLibrary, and InvalidInput for what does not go with it."""
    url = str(access.url)
    stray = [name for name in ("project", "client_cert", "client_key", "server_cert") if getattr(access, name)]
    if stray:
        raise InvalidInput(f"{stray[0]} does not go with url {url}: classic LXC on this host has nothing of the kind")
    path = url[len(CLASSIC) :]
    if path.startswith("//"):
        path = path[2:]
    if path and not path.startswith("/"):
        raise ConfigurationError(
            f"url {url} is not understood: classic LXC on this host is lxc: or lxc:///path/of/lxcpath"
        )
    lxcpath = os.path.normpath(path) if path else str(binding().default_config_path)
    binding()
    return Host(access.remote or url, lxcpath)


def architecture_of(entries: Iterable[configuration.Entry]) -> str | None:
    """What the configuration says, in the kernel's words if they are known; None: the host's own."""
    named = next((entry.value for entry in entries if entry.key == "lxc.arch"), "")
    if named in ("", "linux64"):
        return None
    return _KERNEL_NAMES.get(named, named)
