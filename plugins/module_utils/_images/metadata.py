# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What metadata.yaml of an image needs, and the templates beside it. The one place that knows.

Source: doc/reference/image_format of LXD and Incus; shared/osarch and shared/api/image of both.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._api.errors import InvalidInput

WHEN = ("create", "copy", "start")
# The kernel's name, which the servers use, and Debian's.
ARCHITECTURES: Mapping[str, str] = {
    "i686": "i386",
    "x86_64": "amd64",
    "armv6l": "armel",
    "armv7l": "armhf",
    "armv8l": "armhf",
    "aarch64": "arm64",
    "ppc": "powerpc",
    "ppc64": "powerpc64",
    "ppc64le": "ppc64el",
    "s390x": "s390x",
    "mips": "mips",
    "mips64": "mips64el",
    "riscv32": "riscv32",
    "riscv64": "riscv64",
    "loongarch64": "loong64",
}
# A server that has an image with a later date can no longer list its images: the date does not go into JSON. A day is
# left for time zones.
_LAST_DATE = 253402300799 - 86400
HOSTNAME = "{{ container.name }}\n"
HOSTS = (
    "127.0.0.1\tlocalhost\n"
    "127.0.1.1\t{{ container.name }}\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "ff02::1\tip6-allnodes\n"
    "ff02::2\tip6-allrouters\n"
)


@dataclass(frozen=True)
class Template:
    """A file the server writes into a container. when: of WHEN; content: in the server's template language."""

    content: str
    when: tuple[str, ...] = ("create", "copy")
    create_only: bool = False
    properties: Mapping[str, str] = field(default_factory=dict)

    def entry(self, name: str) -> dict[str, Any]:
        """As metadata.yaml has it. name: of the file below templates/."""
        entry: dict[str, Any] = {"when": list(self.when), "template": name}
        if self.create_only:
            entry["create_only"] = True
        if self.properties:
            entry["properties"] = dict(self.properties)
        return entry


# What a system that was made and not installed needs to know who it is.
USUAL_TEMPLATES: Mapping[str, Template] = {"/etc/hostname": Template(HOSTNAME), "/etc/hosts": Template(HOSTS)}


def problems(metadata: Any) -> list[str]:
    """What is wrong with the parsed metadata.yaml of an image, each as a phrase; nothing is ``[]``."""
    if not isinstance(metadata, Mapping):
        return ["it is no map of keys and values"]
    found = []
    architecture = metadata.get("architecture")
    if not architecture:
        found.append("architecture is missing")
    elif architecture not in ARCHITECTURES and architecture not in ARCHITECTURES.values():
        found.append(f"architecture {architecture!r} is unknown to the servers")
    if not metadata.get("creation_date"):
        found.append("creation_date is missing")
    found += _date_problems("creation_date", metadata.get("creation_date") or 1)
    found += _date_problems("expiry_date", metadata.get("expiry_date") or 0)
    properties = metadata.get("properties") or {}
    if not isinstance(properties, Mapping) or not all(
        isinstance(text, str) for pair in properties.items() for text in pair
    ):
        found.append("properties is no map of texts")
    templates = metadata.get("templates") or {}
    if not isinstance(templates, Mapping):
        return [*found, "templates is no map of paths"]
    for path, entry in templates.items():
        found += [f"template {path}: {phrase}" for phrase in _template_problems(path, entry)]
    return found


def kernel_architecture(name: str) -> str:
    """The kernel's name for an architecture, of which Debian's is known too. Raises InvalidInput."""
    if name in ARCHITECTURES:
        return name
    for kernel, debian in ARCHITECTURES.items():
        if name == debian:
            return kernel
    raise InvalidInput(f"architecture {name} is unknown to the servers: it is one of {', '.join(ARCHITECTURES)}")


def templates_from(wanted: Mapping[str, Any]) -> dict[str, Template | None]:
    """Templates as the user writes them, by path in the container; None is one to leave out. Raises InvalidInput."""
    return {str(path): None if entry is None else _template(str(path), entry) for path, entry in wanted.items()}


def template_file(path: str) -> str:
    """What the template of a path is called below templates/."""
    return f"{path.strip('/').replace('/', '-')}.tpl"


def _template(path: str, entry: Any) -> Template:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("content"), str):
        raise InvalidInput(f"template {path} has no content: it takes content, when, create_only and properties")
    unknown = sorted(entry.keys() - {"content", "when", "create_only", "properties"})
    if unknown:
        raise InvalidInput(f"template {path}: {unknown[0]} is none of content, when, create_only and properties")
    when = entry.get("when", ("create", "copy"))
    create_only = entry.get("create_only", False)
    if not isinstance(create_only, bool):
        raise InvalidInput(f"template {path}: create_only is {create_only!r}, and has to be true or false")
    when = [when] if isinstance(when, str) else when
    properties = entry.get("properties") or {}
    for phrase in _template_problems(path, {"when": when, "template": template_file(path), "properties": properties}):
        raise InvalidInput(f"template {path}: {phrase}")
    return Template(entry["content"], tuple(when), create_only, texts(properties, f"template {path}: property"))


def texts(values: Mapping[str, Any], what: str) -> dict[str, str]:
    """A user's values as the servers have them, which is text. Raises InvalidInput, with what in it, for what has none."""
    for key, value in values.items():
        if not isinstance(value, (str, int, float)):
            raise InvalidInput(f"{what} {key} is no text")
    return {str(key): str(value).lower() if isinstance(value, bool) else str(value) for key, value in values.items()}


def _date_problems(key: str, value: Any) -> list[str]:
    if isinstance(value, bool) or not isinstance(value, int):
        return [f"{key} is {value!r}, and no number of seconds since 1970"]
    if not 0 <= value <= _LAST_DATE:
        return [f"{key} is {value}, which is not from 1970 to 9999"]
    return []


def _template_problems(path: Any, entry: Any) -> list[str]:
    if not isinstance(entry, Mapping):
        return ["it is no map"]
    found = []
    if (
        not isinstance(path, str)
        or not path.startswith("/")
        or posixpath.normpath(path) != path
        or path.strip("/") == ""
    ):
        found.append("its path is not a plain absolute one")
    when = entry.get("when")
    if not isinstance(when, (list, tuple)) or not when or any(one not in WHEN for one in when):
        found.append(f"when is {when!r}, and has to be of {', '.join(WHEN)}")
    name = entry.get("template")
    if not isinstance(name, str) or not name or "/" in name or name in (".", ".."):
        found.append(f"template is {name!r}, and no name of a file")
    if not isinstance(entry.get("properties") or {}, Mapping):
        found.append("properties is no map")
    return found
