# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the two client configurations a remote is in, or goes into, and how its entry gets there."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._api.errors import ConfigurationError, InvalidInput
from .._api.server import Kind
from .commands import COMMANDS, command
from .configuration import Configuration, Entry
from .files import locked, remove_file, write_file
from .resolve import AUTO, LOCAL
from .standing import Standing


@dataclass(frozen=True)
class Place:
    """A name in one client configuration, whether there is an entry under it or not."""

    name: str
    configuration: Configuration

    @property
    def entry(self) -> Entry | None:
        return self.configuration.entries.get(self.name)

    @property
    def inherited(self) -> bool:
        """The entry is in the machine's own configuration, which is not the user's to change."""
        return self.entry is not None and self.entry.machine_directory is not None

    def entry_or_empty(self) -> Entry:
        return self.entry or self.configuration.entry(self.name, {})

    def standing(self) -> Standing:
        """How things stand with the remote as far as the files tell. Raises ConfigurationError."""
        if self.entry is None:
            return Standing()
        return Standing(
            content=self.entry.content,
            fingerprint=self.entry.server_fingerprint(),
            default=self.configuration.default_remote == self.name,
        )


def configurations_of(client_config: str, environment: Mapping[str, str]) -> list[Configuration]:
    """The configuration of one command, or with ``auto`` of both. Raises ConfigurationError for a broken file."""
    chosen = COMMANDS if client_config == AUTO else (command(client_config),)
    return [Configuration.load(one, environment) for one in chosen]


def find(name: str, client_config: str, environment: Mapping[str, str]) -> tuple[list[Configuration], Place | None]:
    """The configurations in question, and the one in which the name is.

    Raises ConfigurationError for a broken file and for a name that is in both.
    """
    configurations = configurations_of(client_config, environment)
    places = [Place(name, one) for one in configurations if name in one.entries]
    if len(places) > 1:
        raise ConfigurationError(
            f"remote {name} is in the configuration of lxc and in that of incus: choose by client_config: lxc or"
            " client_config: incus"
        )
    return configurations, places[0] if places else None


def place_for_server(name: str, configurations: Sequence[Configuration], kind: Kind) -> Place:
    """Where a server of this kind goes. Raises InvalidInput when it is nothing for the command that is meant."""
    fitting = [one for one in configurations if one.command.kind == kind]
    if not fitting:
        only = configurations[0].command
        raise InvalidInput(
            f"remote {name}: the server is {kind.title}, which the {only.name} command does not talk to: leave out"
            " client_config, or remove the remote and add it again"
        )
    return refuse_builtin(Place(name, fitting[0]))


def place_for_image_server(name: str, configurations: Sequence[Configuration]) -> Place:
    """Where an image server goes: where the user said, else into the only configuration there is."""
    there = [one for one in configurations if one.content] if len(configurations) > 1 else list(configurations)
    if len(there) != 1:
        raise InvalidInput(
            f"remote {name}: an image server is for LXD or for Incus, choose by client_config: lxc or client_config: incus"
        )
    return refuse_builtin(Place(name, there[0]))


def store(place: Place, after: Standing, certificate: str | None, environment: Mapping[str, str]) -> None:
    """Write the entry, the pinned certificate before it. Raises ConfigurationError.

    config.yml is read again under a lock, so that what others have written meanwhile is kept.
    """
    with locked(place.configuration.directory):
        fresh = Configuration.load(place.configuration.command, environment)
        content = fresh.content or _initial(fresh)
        remotes = content["remotes"] = content.get("remotes") or {}
        if not place.inherited:
            entry = fresh.entry(place.name, {})
            if certificate is not None:
                write_file(entry.server_certificate_file, certificate.encode(), 0o644)
            else:
                # One left over from an earlier remote of the name would be taken for this one's.
                remove_file(entry.server_certificate_file)
            remotes[place.name] = dict(after.content or {})
        if after.default:
            content["default-remote"] = place.name
        fresh.content = content
        fresh.save()


def remove(place: Place, environment: Mapping[str, str]) -> None:
    """Take the entry out, and after it the files that are for it alone. Raises ConfigurationError."""
    with locked(place.configuration.directory):
        fresh = Configuration.load(place.configuration.command, environment)
        (fresh.content.get("remotes") or {}).pop(place.name, None)
        fresh.save()
        entry = fresh.entry(place.name, {})
        remove_file(entry.server_certificate_file)
        remove_file(os.path.join(entry.directory, "oidctokens", f"{place.name}.json"))
        if entry.command.per_remote_client_certificates:
            for suffix in ("crt", "key", "ca"):
                remove_file(os.path.join(entry.directory, "clientcerts", f"{place.name}.{suffix}"))


def refuse_builtin(place: Place) -> Place:
    """Raises InvalidInput for a name whose meaning the command does not let anyone change."""
    builtin = place.configuration.command.builtin_remote(place.name)
    if builtin is not None and builtin.static:
        raise InvalidInput(
            f"remote {place.name} is built into the {place.configuration.command.name} command ({builtin.address}): it can be"
            " neither changed nor removed"
        )
    return place


def _initial(configuration: Configuration) -> dict[str, Any]:
    """What the command itself starts from when there is no config.yml: without it, its own image server would be gone.

    What the machine's configuration says is left to that.
    """
    images = {
        one.name: {"addr": one.address, "protocol": one.protocol, "public": True}
        for one in configuration.command.builtin_remotes
        if not one.static and one.name not in configuration.entries
    }
    return {"default-remote": configuration.default_remote or LOCAL, "remotes": images, "aliases": {}}
