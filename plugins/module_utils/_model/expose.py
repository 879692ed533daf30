# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What opens the ports of exposed applications to the outside: proxy devices on their containers. Pure.

A proxy listens on all addresses of the server and knows no addresses that may not come: what is exposed to some only is
not opened at all. Source: doc/reference/devices_proxy of LXD and Incus.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable

from .publish import parse_port
from .state import Application, Container, State, application_of

PREFIX = "flotilla-"
_EVERYWHERE = {"0.0.0.0/0", "::/0"}


# By the container's name, devices by theirs: as they are to be, or None for those to be removed.
Devices = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class _Opening:
    """A port of a unit that is to be open. port: as the unit says it, 80/tcp."""

    unit: str
    port: str
    container: Container

    @property
    def device(self) -> str:
        protocol, numbers = self._parts
        return f"{PREFIX}{protocol}-{numbers}"

    @property
    def options(self) -> dict[str, str]:
        protocol, numbers = self._parts
        return {
            "type": "proxy",
            "listen": f"{protocol}:0.0.0.0:{numbers}",
            "connect": f"{protocol}:127.0.0.1:{numbers}",
        }

    @property
    def _parts(self) -> tuple[str, str]:
        protocol, first, last = parse_port(self.port)
        return protocol, str(first) if first == last else f"{first}-{last}"


def devices(state: State) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """What is to change; and what cannot be opened."""
    openings, problems = _wanted(state)
    wanted: dict[str, dict[str, dict[str, str]]] = {each.name: {} for each in state.containers}
    for each in openings:
        wanted[each.container.name][each.device] = each.options
    found = {each.name: _differing(each, wanted[each.name]) for each in state.containers}
    return {name: each for name, each in found.items() if each}, problems


def texts(state: State) -> list[str]:
    """What there is to open and to close, for people, as where a port could not be opened or somebody closed it."""
    return [
        f"{'close' if options is None else 'open'} port {_port(device)} of container {name}"
        for name, changing in devices(state)[0].items()
        for device, options in changing.items()
    ]


def still_closed(state: State) -> dict[str, list[str]]:
    """By unit, the ports that are to be open and are not, as a server could not open them."""
    found: dict[str, list[str]] = {}
    for each in _wanted(state)[0]:
        if each.container.devices.get(each.device) != each.options:
            found.setdefault(each.unit, []).append(each.port)
    return found


def refusal(state: State, container: str, device: str, text: str) -> tuple[str, str]:
    """The unit whose port it is that a server does not open, and what is wrong. text: the server's."""
    each = next(each for each in _wanted(state)[0] if (each.container.name, each.device) == (container, device))
    return each.unit, f"port {each.port} is not opened on {each.container.remote}: {text}"


def to_close(changing: Devices) -> dict[str, dict[str, Any]]:
    return _those(changing, lambda options: options is None)


def to_open(changing: Devices) -> dict[str, dict[str, Any]]:
    return _those(changing, lambda options: options is not None)


def _wanted(state: State) -> tuple[list[_Opening], list[str]]:
    """The ports that are to be open, and what is wrong with others."""
    openings = []
    taken: dict[tuple[str, str, str, int], str] = {}
    problems = []
    for unit, record, container in state.units():
        application = state.applications.get(application_of(unit))
        if application is None or not application.exposed or unit in state.leaving or record.failed:
            continue
        if not _is_for_all(application):
            problems.append(f"{unit} is not opened: a proxy cannot tell {_cidrs(application)} from others")
            continue
        for port in record.ports:
            protocol, first, last = parse_port(port)
            keys = [(container.remote, container.location, protocol, number) for number in range(first, last + 1)]
            other = next((taken[key] for key in keys if key in taken), None)
            if other is not None:
                problems.append(f"port {port} of {unit} is not opened: {other} has it on {container.remote}")
                continue
            taken.update(dict.fromkeys(keys, unit))
            openings.append(_Opening(unit, port, container))
    return openings, problems


def _port(device: str) -> str:
    protocol, _hyphen, numbers = device[len(PREFIX) :].partition("-")
    return f"{numbers}/{protocol}"


def _those(changing: Devices, which: Callable[[Any], bool]) -> dict[str, dict[str, Any]]:
    found = {
        container: {name: options for name, options in each.items() if which(options)}
        for container, each in changing.items()
    }
    return {container: each for container, each in found.items() if each}


def _differing(container: Container, wanted: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    own = {name: dict(options) for name, options in container.devices.items() if name.startswith(PREFIX)}
    changed: dict[str, Any] = {name: None for name in own if name not in wanted}
    return {**changed, **{name: dict(options) for name, options in wanted.items() if own.get(name) != options}}


def _is_for_all(application: Application) -> bool:
    cidrs = {cidr for each in application.exposed_endpoints.values() for cidr in each}
    return not cidrs or bool(cidrs & _EVERYWHERE)


def _cidrs(application: Application) -> str:
    return ", ".join(sorted({cidr for each in application.exposed_endpoints.values() for cidr in each}))
