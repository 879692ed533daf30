# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client configuration of one command: config.yml and the certificates beside it.

Source: shared/cliconfig of Incus, lxc/config of LXD. Entries that are not ours to know are kept as they are.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._api import tls
from .._api.errors import ConfigurationError
from .._api.tls import Identity
from .commands import Command
from .files import write_file


@dataclass(frozen=True)
class Entry:
    """A remote as it stands in config.yml. content holds all its keys, ours and others.

    directory is the user's; machine_directory is set for an entry that is in the machine's own configuration instead.
    """

    name: str
    command: Command
    directory: str
    content: Mapping[str, Any]
    machine_directory: str | None = None

    @property
    def addresses(self) -> list[str]:
        """All its addresses, the one that the command reached last first. Incus 7 lists several, by commas."""
        addresses = [one.strip() for one in str(self.content.get("addr") or "").split(",")]
        latest = self.content.get("last_working_address")
        return sorted(addresses, key=lambda one: one != latest)

    @property
    def address(self) -> str:
        return self.addresses[0]

    @property
    def protocol(self) -> str:
        """``lxd``, ``incus``, ``simplestreams`` or ``oci``."""
        return str(self.content.get("protocol") or self.command.kind.protocol)

    @property
    def public(self) -> bool:
        return bool(self.content.get("public"))

    @property
    def project(self) -> str | None:
        return self.content.get("project") or None

    @property
    def server_certificate_file(self) -> str:
        return os.path.join(self.machine_directory or self.directory, "servercerts", f"{self.name}.crt")

    def server_certificate(self) -> str | None:
        """The pinned certificate (PEM), or None. Raises ConfigurationError."""
        return _read(self.server_certificate_file)

    def server_fingerprint(self) -> str | None:
        """The SHA-256 of the pinned certificate, or None. Raises ConfigurationError."""
        certificate = self.server_certificate()
        try:
            return tls.fingerprint(certificate) if certificate else None
        except ValueError as error:
            raise ConfigurationError(f"{self.server_certificate_file} is broken: {error}") from error

    def client_files(self) -> tuple[str, str]:
        """Paths of the client's certificate and key for this remote; they need not be there."""
        own = os.path.join(self.directory, "clientcerts", self.name)
        if self.command.per_remote_client_certificates and os.path.exists(f"{own}.crt"):
            return f"{own}.crt", f"{own}.key"
        common = os.path.join(self.directory, "client")
        return f"{common}.crt", f"{common}.key"

    def authority_file(self) -> str | None:
        """Path of the authorities that vouch for the server in place of the system's, if there are any."""
        certificate, _key = self.client_files()
        authority = f"{certificate[: -len('.crt')]}.ca"
        return authority if os.path.exists(authority) else None

    def identity(self) -> Identity:
        """What the transport needs for this remote, read from the files that are there."""
        certificate, key = self.client_files()
        present = os.path.exists(certificate) or os.path.exists(key)
        return Identity(
            server_certificate=self.server_certificate(),
            ca_file=self.authority_file(),
            client_certificate=certificate if present else None,
            client_key=key if present else None,
        )


@dataclass
class Configuration:
    """config.yml of one command; of the machine's own file what the user's does not say."""

    command: Command
    directory: str
    content: dict[str, Any] = field(default_factory=dict)
    inherited: dict[str, Any] = field(default_factory=dict)
    machine_directory: str = ""

    @classmethod
    def load(cls, command: Command, environment: Mapping[str, str]) -> Configuration:
        """Read what is there; nothing there is an empty configuration. Raises ConfigurationError with file and line."""
        directory = command.directory(environment)
        machine_directory = command.machine_directory(environment)
        return cls(
            command,
            directory,
            content=_load(os.path.join(directory, "config.yml")),
            inherited=_load(os.path.join(machine_directory, "config.yml")),
            machine_directory=machine_directory,
        )

    @property
    def file(self) -> str:
        return os.path.join(self.directory, "config.yml")

    @property
    def default_remote(self) -> str | None:
        return self.content.get("default-remote") or self.inherited.get("default-remote") or None

    @property
    def entries(self) -> dict[str, Entry]:
        """The remotes by name. ``local`` is not among them: it is built in."""
        own, machine = self.content.get("remotes") or {}, self.inherited.get("remotes") or {}
        entries = {name: self.entry(name, content or {}, inherited=True) for name, content in machine.items()}
        entries.update({name: self.entry(name, content or {}) for name, content in own.items()})
        entries.pop("local", None)
        return entries

    def entry(self, name: str, content: Mapping[str, Any], *, inherited: bool = False) -> Entry:
        """An entry of this configuration, which need not be in it (yet)."""
        machine_directory = self.machine_directory if inherited else None
        return Entry(name, self.command, self.directory, content, machine_directory)

    def save(self) -> None:
        """Write config.yml as a whole or not at all. Raises ConfigurationError."""
        import yaml

        text = yaml.safe_dump(self.content, default_flow_style=False, sort_keys=False, allow_unicode=True)
        write_file(self.file, text.encode(), 0o600)


def _load(path: str) -> dict[str, Any]:
    text = _read(path)
    if not text:
        return {}
    try:
        import yaml
    except ImportError as error:
        raise ConfigurationError(
            f"the client configuration {path} is YAML, and this Python has no PyYAML to read it: install it there, or give"
            " url and server_cert"
        ) from error
    try:
        content = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise ConfigurationError(f"the client configuration {path} is broken: {_where(error)}") from error
    if content is None:
        return {}
    remotes = content.get("remotes") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(remotes, (dict, type(None))):
        raise ConfigurationError(f"the client configuration {path} is broken: remotes is not a map of names")
    for name, entry in (remotes or {}).items():
        if not isinstance(name, str) or not isinstance(entry, (dict, type(None))):
            raise ConfigurationError(f"the client configuration {path} is broken: remote {name} is not a map of keys")
    return content


def _where(error: Any) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "not YAML"
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else str(problem)


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ConfigurationError(f"the client configuration {path} cannot be read: {reason}") from error
