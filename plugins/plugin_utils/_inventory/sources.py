# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which servers an inventory file means: its ``remotes`` read into sources, or every server there is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, cast, get_args

from ...module_utils._api.errors import InvalidInput
from ...module_utils._remotes.commands import COMMANDS, command
from ...module_utils._remotes.configuration import Configuration, Entry
from ...module_utils._remotes.resolve import AUTO, CLASSIC, DAEMON_PROTOCOLS, LOCAL, Access
from .options import refuse_unknown

OnError = Literal["fail", "warn", "cache"]
ALL_PROJECTS = ("all",)
_ON_ERROR: tuple[str, ...] = get_args(OnError)
_CLIENT_CONFIGS = (AUTO, *(one.name for one in COMMANDS))
_FILES = ("client_cert", "client_key", "server_cert")
_WITH_URL = ("url", *_FILES)


@dataclass(frozen=True)
class Source:
    """One remote to list: its name, how to reach it, which projects, and what if it fails.

    No projects is the one that the client configuration names; ALL_PROJECTS is every one.
    """

    name: str
    projects: tuple[str, ...] = ()
    on_error: OnError = "fail"
    client_config: str = AUTO
    url: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    server_cert: str | None = None

    @property
    def access(self) -> Access:
        return Access(
            remote=self.name,
            client_config=self.client_config,
            url=self.url,
            client_cert=self.client_cert,
            client_key=self.client_key,
            server_cert=self.server_cert,
        )


@dataclass(frozen=True)
class Defaults:
    """What the file says for all its remotes. directory is the file's own: paths in it start there."""

    directory: str
    projects: tuple[str, ...] = ()
    on_error: OnError = "fail"
    client_config: str = AUTO


_KEYS = tuple(field.name for field in fields(Source))


def read_sources(remotes: Sequence[Any], defaults: Defaults, environment: Mapping[str, str]) -> list[Source]:
    """The file's ``remotes``: names, or maps with the keys of Source. None named is every server there is.

    Raises InvalidInput for what is not to be understood, ConfigurationError for a broken client configuration.
    """
    if not remotes:
        remotes = every_server(defaults.client_config, environment)
    sources = [_read(entry, defaults) for entry in remotes]
    names = [source.name for source in sources]
    for name in sorted(set(names)):
        if names.count(name) > 1:
            raise InvalidInput(
                f"remotes: {name} is there twice. Name its projects in one entry; give a second server of that name a"
                " name of its own, with its url"
            )
    return sources


def every_server(client_config: str, environment: Mapping[str, str]) -> list[str]:
    """The names of all LXD and Incus servers in the client configuration, and of this host's daemon if there is one.

    Image servers and servers added for their public images only are no places where containers are.
    """
    commands = COMMANDS if client_config == AUTO else (command(client_config),)
    names = {
        entry.name
        for one in commands
        for entry in Configuration.load(one, environment).entries.values()
        if _runs_containers(entry)
    }
    local = [LOCAL] if any(one.socket(environment) for one in commands) else []
    return [*local, *sorted(names)]


def _runs_containers(entry: Entry) -> bool:
    return entry.protocol in DAEMON_PROTOCOLS and not entry.public


def _read(entry: Any, defaults: Defaults) -> Source:
    if isinstance(entry, str) and entry:
        entry = {"name": entry}
    if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str) or not entry["name"]:
        raise InvalidInput(f"remotes: {entry!r} is neither the name of a remote nor a map with its name")
    name = str(entry["name"])
    for key in entry:
        refuse_unknown(f"remotes: {name}: unknown key {key}", key, _KEYS)
    for key in (*_WITH_URL, "client_config", "on_error"):
        if not isinstance(entry.get(key, ""), str):
            raise InvalidInput(f"remotes: {name}: {key} is to be text, not {entry[key]!r}")
    _check_together(name, entry)
    is_classic = str(entry.get("url")).startswith(CLASSIC)
    if is_classic and entry.get("projects"):
        raise InvalidInput(f"remotes: {name}: projects do not go with {entry['url']}: classic LXC has none")
    return Source(
        name=name,
        projects=() if is_classic else _projects(name, entry.get("projects", defaults.projects)),
        on_error=cast(OnError, _choice(name, entry, "on_error", _ON_ERROR, defaults.on_error)),
        client_config=_choice(name, entry, "client_config", _CLIENT_CONFIGS, defaults.client_config),
        url=entry.get("url"),
        **{key: _path(entry.get(key), defaults.directory) for key in _FILES},
    )


def _check_together(name: str, entry: Mapping[str, Any]) -> None:
    without_url = [key for key in _FILES if entry.get(key)]
    if without_url and not entry.get("url"):
        raise InvalidInput(f"remotes: {name}: {without_url[0]} goes with a url; else the client configuration has it")
    if bool(entry.get("client_cert")) != bool(entry.get("client_key")):
        raise InvalidInput(f"remotes: {name}: client_cert and client_key are needed both")


def _projects(name: str, given: Any) -> tuple[str, ...]:
    projects = [given] if isinstance(given, str) else given
    if not isinstance(projects, (list, tuple)) or not all(isinstance(one, str) and one for one in projects):
        raise InvalidInput(f"remotes: {name}: projects is to be a list of names, or all, not {given!r}")
    return tuple(dict.fromkeys(str(one) for one in projects))


def _choice(name: str, entry: Mapping[str, Any], key: str, choices: Sequence[str], default: str) -> str:
    chosen = str(entry.get(key, default))
    refuse_unknown(f"remotes: {name}: {key}: {chosen} is no choice", chosen, choices)
    return chosen


def _path(given: str | None, directory: str) -> str | None:
    """An absolute path, since whoever connects later need not stand where the file is. PEM text stays as it is."""
    if not given or "-----BEGIN" in given:
        return given or None
    return os.path.join(directory, os.path.expanduser(given))
