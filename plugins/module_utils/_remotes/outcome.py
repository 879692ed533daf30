# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a remote, for the user to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from .standing import Standing, actions


@dataclass(frozen=True)
class Outcome:
    """What was done, or in check mode would be. now: how things stand, as read back."""

    before: Standing
    after: Standing
    command: str
    name: str
    now: Standing

    def result(self) -> dict[str, Any]:
        """A module's result."""
        done = actions(self.before, self.after)
        result: dict[str, Any] = {"changed": bool(done), "actions": done}
        if self.now.content is not None:
            result["remote"] = describe(self.name, self.command, self.now)
        if done:
            result["diff"] = {"before": _shown(self.before), "after": _shown(self.after)}
        return result


def describe(name: str, command: str, standing: Standing) -> dict[str, Any]:
    """A remote in the words of the options. command: whose configuration it is in, ``lxc`` or ``incus``."""
    content = standing.content or {}
    return {
        "name": name,
        "command": command,
        "addr": without_password(str(content.get("addr") or "")),
        "protocol": content.get("protocol") or {"lxc": "lxd"}.get(command, command),
        "public": bool(content.get("public")),
        "project": content.get("project") or None,
        "fingerprint": standing.fingerprint,
        "default": standing.default,
    }


def without_password(url: str) -> str:
    """A URL with no password in it: image servers may need one."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}:***@{host}"))


def _shown(standing: Standing) -> Mapping[str, Any | None]:
    shown = standing.shown()
    if "addr" in shown:
        shown["addr"] = without_password(str(shown["addr"]))
    return shown
