# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A remote's standing before and after a task, and what leads from the one to the other. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_DEFAULT_PROJECT = "default"


@dataclass(frozen=True)
class Standing:
    """How things stand with a remote.

    content: its entry in config.yml, None without one; fingerprint: of the pinned server certificate; default: it is the
    default remote; trusted: the server trusts this client (None: nobody asks, as with an image server); client_key: there
    is one for it.
    """

    content: Mapping[str, Any] | None = None
    fingerprint: str | None = None
    default: bool = False
    trusted: bool | None = None
    client_key: bool = False

    def shown(self) -> dict[str, Any]:
        """For the diff: empty where there is nothing."""
        shown: dict[str, Any] = {}
        if self.content is not None:
            shown.update(self.content)
            shown["fingerprint"] = self.fingerprint
            shown["default"] = self.default
        if self.trusted is not None:
            shown["trusted"] = self.trusted
            shown["client_key"] = self.client_key
        return shown


def actions(before: Standing, after: Standing) -> list[str]:
    """What is done to get from before to after, in the order it is done, in the words the user reads."""
    done = []
    if after.client_key and not before.client_key:
        done.append("make_key")
    if after.trusted and not before.trusted:
        done.append("trust")
    if before.trusted and after.trusted is False:
        done.append("revoke")
    if after.content is None:
        return [*done, "remove"] if before.content is not None else done
    if before.content is None:
        done.append("add")
    else:
        if after.content != before.content:
            done.append("change")
        if after.fingerprint != before.fingerprint:
            done.append("pin")
    if after.default and not before.default:
        done.append("set_default")
    return done


def merged(existing: Mapping[str, Any] | None, wanted: Mapping[str, Any], native_protocol: str) -> dict[str, Any]:
    """The entry as it is to be in config.yml: the wanted keys in place of the existing ones, all others kept.

    A key that already says the same in other words, or by its absence, stays as it is.
    """
    content = dict(existing or {})
    for key, value in wanted.items():
        is_so = _meaning(key, content.get(key), native_protocol) == _meaning(key, value, native_protocol)
        if existing is None or not is_so:
            content[key] = value
    if existing is not None and content.get("addr") != existing.get("addr"):
        content.pop("last_working_address", None)
    return {key: value for key, value in content.items() if value is not None}


def _meaning(key: str, value: Any, native_protocol: str) -> Any:
    """What a key of an entry means where it is absent; for the rest, what its text means."""
    if key == "addr":
        return str(value or "").rstrip("/")
    meant_by_absence = {
        "auth_type": "tls",
        "project": _DEFAULT_PROJECT,
        "protocol": native_protocol,
        "public": False,
    }
    return value or meant_by_absence.get(key)
