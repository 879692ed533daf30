# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the name of a remote, or an explicit URL, to the address and identity that the transport takes."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .._api.client import Client
from .._api.errors import ConfigurationError
from .._api.server import Kind
from .._api.tls import Identity
from .._api.transport import Address, TlsAddress, Transport, UnixAddress
from .commands import COMMANDS, Command, command
from .configuration import Configuration, Entry

AUTO = "auto"
LOCAL = "local"
DEFAULT_PORT = 8443
DAEMON_PROTOCOLS = ("lxd", "incus")
# The scheme of a url that means no server, but classic LXC on this host: no remote can be called that.
CLASSIC = "lxc:"


@dataclass(frozen=True)
class Remote:
    """A remote ready to talk to. url is what another daemon would be told; protocol as in the client configuration."""

    name: str
    url: str
    protocol: str
    public: bool = False
    project: str | None = None
    identity: Identity = field(default_factory=Identity)

    @property
    def is_daemon(self) -> bool:
        return self.protocol in DAEMON_PROTOCOLS

    def address(self) -> Address:
        """Raises ConfigurationError for an image server, and for a URL that names no server."""
        if not self.is_daemon:
            raise ConfigurationError(
                f"remote {self.name} is an image server ({self.protocol}): it has images, but runs no containers"
            )
        return parse_url(self.name, self.url, self.identity)


@dataclass(frozen=True)
class Access:
    """How the user says which server is meant: the options every module, the connection and the inventory share.

    remote names an entry of the client configuration; url, with the certificates, does without any.
    """

    remote: str | None = None
    client_config: str = AUTO
    project: str | None = None
    url: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    server_cert: str | None = None


def connect(access: Access, environment: Mapping[str, str] | None = None) -> Client:
    """A client for the server meant; nothing is sent yet. Raises ConfigurationError."""
    environment = os.environ if environment is None else environment
    remote = resolve(access, environment)
    return Client(Transport(remote.name, remote.address()), project=access.project or remote.project)


def resolve(access: Access, environment: Mapping[str, str]) -> Remote:
    """The remote meant. Raises ConfigurationError, which says what the configuration has instead."""
    if access.url:
        return _explicit(access)
    chosen = COMMANDS if access.client_config == AUTO else (command(access.client_config),)
    name = access.remote
    if name == LOCAL:
        return _local(chosen, environment)
    configurations = [Configuration.load(one, environment) for one in chosen]
    name = name or _default_name(configurations, environment)
    if name == LOCAL:
        return _local(chosen, environment)
    return _configured(name, configurations, environment)


def image_source(name: str, prefer: Kind, environment: Mapping[str, str], client_config: str = AUTO) -> Remote:
    """The remote that images come from, for a server of the kind that is to be preferred.

    The two commands know different servers by one name (``images``): the configuration of the command that belongs to
    the server is asked first, then the other's, and at last what the commands know without being told, in the same
    order. So a name in both is no contradiction here. Raises ConfigurationError.
    """
    chosen = COMMANDS if client_config == AUTO else (command(client_config),)
    ordered = sorted(chosen, key=lambda one: one.kind != prefer)
    if name == LOCAL:
        own = [one for one in ordered if one.socket(environment)]
        return _local(tuple(own[:1]) or chosen, environment)
    configurations = [Configuration.load(one, environment) for one in ordered]
    for configuration in configurations:
        if name in configuration.entries:
            return from_entry(configuration.entries[name], environment)
    for one in ordered:
        builtin = one.builtin_remote(name)
        if builtin:
            return Remote(name, builtin.address, builtin.protocol, public=True)
    raise ConfigurationError(_unknown(name, configurations))


def from_entry(entry: Entry, environment: Mapping[str, str]) -> Remote:
    """An entry of a client configuration as a remote. Raises ConfigurationError for one that cannot be used."""
    if not entry.address:
        raise ConfigurationError(f"remote {entry.name} has no addr in {os.path.join(entry.directory, 'config.yml')}")
    auth_type = entry.content.get("auth_type") or "tls"
    if auth_type != "tls" and not entry.public:
        raise ConfigurationError(
            f"remote {entry.name} is set up for {auth_type}: only TLS client certificates are supported. Add it again with"
            " flotilla.lxd.remote and a trust token"
        )
    variable = entry.command.project_variable
    return Remote(
        name=entry.name,
        url=_socket_url(entry, environment) if entry.address == "unix://" else entry.address,
        protocol=entry.protocol,
        public=entry.public,
        project=(environment.get(variable) if variable else None) or entry.project,
        identity=entry.identity() if entry.address.startswith("https://") else Identity(),
    )


def parse_url(name: str, url: str, identity: Identity) -> Address:
    """``unix:///path`` or ``https://host[:8443]`` as an address. Raises ConfigurationError."""
    parts = urlsplit(url if "://" in url else f"https://{url}")
    if parts.scheme in ("unix", "http+unix"):
        path = parts.netloc + parts.path
        if path.startswith("/"):
            return UnixAddress(path)
    elif parts.scheme == "https" and parts.hostname and not parts.path.strip("/"):
        try:
            return TlsAddress(parts.hostname, parts.port or DEFAULT_PORT, identity)
        except ValueError:
            pass
    raise ConfigurationError(f"remote {name}: {url} is no address of a server: it is unix:///path or https://host:port")


def _explicit(access: Access) -> Remote:
    url = str(access.url)
    if url.startswith(CLASSIC):
        raise ConfigurationError(
            f"url {url} is classic LXC on this host, with which only container_info, migrate, the inventory and the"
            " connection work"
        )
    identity = Identity(
        server_certificate=read_pem(access.server_cert),
        client_certificate=access.client_cert and os.path.expanduser(access.client_cert),
        client_key=access.client_key and os.path.expanduser(access.client_key),
    )
    return Remote(name=access.remote or url, url=url, protocol="lxd", identity=identity)


def read_pem(certificate: str | None) -> str | None:
    """A certificate given as PEM text or as the path of a file with it."""
    if not certificate or "-----BEGIN" in certificate:
        return certificate or None
    try:
        with open(os.path.expanduser(certificate), encoding="ascii") as stream:
            return stream.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"server_cert {certificate} cannot be read: {getattr(error, 'strerror', None) or 'it is not PEM text'}"
        ) from error


def _local(chosen: tuple[Command, ...], environment: Mapping[str, str]) -> Remote:
    """The daemon of this host. One that the environment names goes before one that is merely there."""
    there = [(one, one.socket(environment)) for one in chosen]
    there = [(one, socket) for one, socket in there if socket]
    named = [(one, socket) for one, socket in there if one.names_socket(environment)]
    candidates = named or there
    if not candidates:
        titles = " or ".join(one.kind.title for one in chosen)
        raise ConfigurationError(
            f"remote local: no {titles} has its socket on this host: install one, or name another remote"
        )
    if len(candidates) > 1:
        sockets = " and ".join(f"{socket} ({one.kind.title})" for one, socket in candidates)
        raise ConfigurationError(
            f"remote local: this host has two daemons, at {sockets}: choose by client_config: lxc or client_config: incus"
        )
    one, socket = candidates[0]
    return Remote(
        name=LOCAL,
        url=f"unix://{socket}",
        protocol=one.kind.protocol,
        project=environment.get(one.project_variable) if one.project_variable else None,
    )


def _default_name(configurations: list[Configuration], environment: Mapping[str, str]) -> str:
    """The remote the commands would use when none is named."""
    named = {
        environment.get(one.command.remote_variable) or one.default_remote or LOCAL
        for one in configurations
        if environment.get(one.command.remote_variable) or one.content or one.inherited
    }
    if len(named) > 1:
        raise ConfigurationError(
            f"the default remote is {' in one and '.join(sorted(named))} in the other client configuration: name the"
            " remote, or choose by client_config: lxc or client_config: incus"
        )
    return named.pop() if named else LOCAL


def _configured(name: str, configurations: list[Configuration], environment: Mapping[str, str]) -> Remote:
    found = [one.entries[name] for one in configurations if name in one.entries]
    if not found:
        raise ConfigurationError(_unknown(name, configurations))
    addresses = {entry.address.rstrip("/") for entry in found}
    if len(addresses) > 1:
        listing = ", ".join(f"{entry.address} for the {entry.command.name} command" for entry in found)
        raise ConfigurationError(
            f"remote {name} is two servers: {listing}. Choose by client_config: lxc or client_config: incus"
        )
    return from_entry(found[0], environment)


def _socket_url(entry: Entry, environment: Mapping[str, str]) -> str:
    socket = entry.command.socket(environment)
    if not socket:
        raise ConfigurationError(f"remote {entry.name}: no {entry.command.kind.title} has its socket on this host")
    return f"unix://{socket}"


def _unknown(name: str, configurations: list[Configuration]) -> str:
    known = sorted({LOCAL}.union(*(one.entries for one in configurations)))
    similar = difflib.get_close_matches(name, known, n=1)
    hint = f"there are {', '.join(known)}" + (f"; did you mean {similar[0]}?" if similar else ".")
    if name.endswith(":"):
        hint = f"name it without the colon, {name.rstrip(':')}."
    files = " and ".join(one.file for one in configurations)
    return f"remote {name} is not in the client configuration ({files}): {hint} flotilla.lxd.remote adds one"
