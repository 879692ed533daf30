# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What remotes there are, and on demand how each of them answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .._api.client import Client
from .._api.errors import FlotillaError, Unreachable
from .._api.transport import Transport
from .commands import Command
from .configuration import Configuration
from .image_server import image_server_address
from .outcome import describe
from .place import Place, configurations_of
from .resolve import LOCAL, Remote, from_entry
from .standing import Standing
from .wanted import SIMPLESTREAMS

# Each waits for its own server only: more at once than this helps nobody.
_AT_ONCE = 16
_INDEX = "/streams/v1/index.json"


def survey(
    environment: Mapping[str, str], *, client_config: str, names: Collection[str] | None = None, check: bool = False
) -> list[dict[str, Any]]:
    """The remotes by name, as describe() gives them; names: only these. With check also how each of them answers.

    A server that does not answer is no error: what is wrong is in its ``error``. Raises ConfigurationError for a broken
    configuration.
    """
    configurations = {one.command.name: one for one in configurations_of(client_config, environment)}
    found = []
    for configuration in configurations.values():
        found += _local(configuration, environment) + _configured(configuration)
    chosen = [one for one in found if names is None or one["name"] in names]
    chosen.sort(key=lambda one: (one["name"], one["command"]))
    if check:
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            answers = pool.map(lambda one: _answer(one, configurations[one["command"]], environment), chosen)
            chosen = [{**one, **answer} for one, answer in zip(chosen, answers)]
    return chosen


def _configured(configuration: Configuration) -> list[dict[str, Any]]:
    command = configuration.command.name
    return [describe(name, command, Place(name, configuration).standing()) for name in configuration.entries]


def _local(configuration: Configuration, environment: Mapping[str, str]) -> list[dict[str, Any]]:
    """The built-in remote of the daemon on this host, if there is one."""
    remote = _local_remote(configuration.command, environment)
    if remote is None:
        return []
    standing = Standing(content={"addr": remote.url}, default=configuration.default_remote in (None, LOCAL))
    return [describe(LOCAL, configuration.command.name, standing)]


def _local_remote(command: Command, environment: Mapping[str, str]) -> Remote | None:
    socket = command.socket(environment)
    return Remote(LOCAL, f"unix://{socket}", command.kind.protocol) if socket else None


def _answer(
    described: Mapping[str, Any], configuration: Configuration, environment: Mapping[str, str]
) -> dict[str, Any]:
    """How a remote answers: reachable, trusted and server (None where that says nothing), error (None if all is well)."""
    answer: dict[str, Any] = {"reachable": False, "trusted": None, "server": None, "error": None}
    try:
        if described["name"] == LOCAL:
            remote = _local_remote(configuration.command, environment)
        else:
            remote = from_entry(configuration.entries[described["name"]], environment)
        if remote is not None and remote.protocol == SIMPLESTREAMS:
            _ask_image_server(remote)
        elif remote is not None:
            answer.update(_ask_server(remote))
        answer["reachable"] = True
    except FlotillaError as error:
        answer["error"] = str(error)
    return answer


def _ask_server(remote: Remote) -> dict[str, Any]:
    server = Client(Transport(remote.name, remote.address())).server
    known = server.environment
    return {
        "trusted": None if remote.public else server.trusted,
        "server": {
            "kind": server.kind.name,
            "version": known.get("server_version"),
            "name": known.get("server_name"),
            "clustered": known.get("server_clustered"),
        },
    }


def _ask_image_server(remote: Remote) -> None:
    address, path = image_server_address(remote.url, remote.identity)
    answer = Transport(remote.name, address).request("GET", path + _INDEX, headers={"Host": address.host})
    if answer.status != 200:
        raise Unreachable(
            remote.name, f"{remote.url}{_INDEX} answers with HTTP status {answer.status}: no image server"
        )
