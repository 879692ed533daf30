# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client configuration of one command: config.yml and the certificates beside it.

Source: shared/cliconfig of Incus, lxc/config of LXD. Entries that are not ours to know are kept as they are.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from .._api.errors import ConfigurationError
from .._api.tls import Identity
from .commands import Command


@dataclass(frozen=True)
class Entry:
    """A remote as it stands in config.yml. content holds all its keys, ours and others."""

    name: str
    command: Command
    directory: str
    content: Mapping[str, Any]

    @property
    def address(self) -> str:
        return str(self.content.get("addr") or "")

    @property
    def protocol(self) -> str:
        """``lxd``, ``incus``, ``simplestreams`` or ``oci``."""
        return str(self.content.get("protocol") or self.command.kind.protocol)

    @property
    def public(self) -> bool:
        return bool(self.content.get("public"))

    @property
    def project(self) -> Optional[str]:
        return self.content.get("project") or None

    @property
    def server_certificate_file(self) -> str:
        return os.path.join(self.directory, "servercerts", f"{self.name}.crt")

    def client_files(self) -> tuple[str, str]:
        """Paths of the client's certificate and key for this remote; they need not be there."""
        own = os.path.join(self.directory, "clientcerts", self.name)
        if self.command.per_remote_client_certificates and os.path.exists(f"{own}.crt"):
            return f"{own}.crt", f"{own}.key"
        common = os.path.join(self.directory, "client")
        return f"{common}.crt", f"{common}.key"

    def identity(self) -> Identity:
        """What the transport needs for this remote, read from the files that are there."""
        certificate, key = self.client_files()
        present = os.path.exists(certificate) or os.path.exists(key)
        authority = f"{certificate[: -len('.crt')]}.ca"
        return Identity(
            server_certificate=_read(self.server_certificate_file),
            ca_file=authority if os.path.exists(authority) else None,
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

    @classmethod
    def load(cls, command: Command, environment: Mapping[str, str]) -> Configuration:
        """Read what is there; nothing there is an empty configuration. Raises ConfigurationError with file and line."""
        directory = command.directory(environment)
        return cls(
            command,
            directory,
            content=_load(os.path.join(directory, "config.yml")),
            inherited=_load(command.global_configuration(environment)),
        )

    @property
    def file(self) -> str:
        return os.path.join(self.directory, "config.yml")

    @property
    def default_remote(self) -> Optional[str]:
        return self.content.get("default-remote") or self.inherited.get("default-remote") or None

    @property
    def entries(self) -> dict[str, Entry]:
        """The remotes by name. ``local`` is not among them: it is built in."""
        remotes = {**(self.inherited.get("remotes") or {}), **(self.content.get("remotes") or {})}
        return {
            name: Entry(name, self.command, self.directory, content or {})
            for name, content in remotes.items()
            if name != "local"
        }

    def save(self) -> None:
        """Write config.yml as a whole or not at all."""
        import yaml

        text = yaml.safe_dump(self.content, default_flow_style=False, sort_keys=True)
        write_file(self.file, text.encode(), 0o600)


def write_file(path: str, content: bytes, mode: int) -> None:
    """Put a file in place at once, so that nobody ever reads half of it. Makes its directory (0750) when needed."""
    directory = os.path.dirname(path)
    os.makedirs(directory, mode=0o750, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=directory, prefix=f".{os.path.basename(path)}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


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


def _read(path: str) -> Optional[str]:
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ConfigurationError(f"the client configuration {path} cannot be read: {reason}") from error
