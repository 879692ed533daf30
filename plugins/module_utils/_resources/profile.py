# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Profiles. Source: doc/rest-api.yaml, /1.0/profiles, of LXD and Incus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from .._api.client import Client, Reply, path
from .._api.deadline import Deadline
from .._api.errors import InvalidInput
from .plan import Plan, Step, write
from .values import merge_config, merge_devices


@dataclass(frozen=True)
class Wanted:
    """The options of the profile module."""

    name: str
    state: str
    config: Mapping[str, Any] | None = None
    devices: Mapping[str, Any] | None = None
    description: str | None = None
    rename_from: str | None = None
    exact: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Observed:
    """A profile as the API gives it, or None."""

    content: Mapping[str, Any] | None
    etag: str | None = None


class Profile:
    """A profile on a server, as the user wants it."""

    def __init__(self, client: Client, wanted: Wanted) -> None:
        for name in (wanted.name, wanted.rename_from or wanted.name):
            check_name(name)
        self.client = client
        self.wanted = wanted

    def read(self) -> Observed:
        """The profile of the name, or else the one to be renamed."""
        return _observed(self._profile())

    def read_again(self, state: Observed) -> Observed:
        return _observed(self._find(self.wanted.name))

    def plan(self, state: Observed) -> Plan:
        before = _described(state.content) if state.content else {}
        if self.wanted.state == "absent":
            return self._plan_absent(state.content, before)
        after = self._after(before)
        if not before:
            payload = {key: after[key] for key in ("name", "config", "devices", "description")}
            return Plan(before, after, (Step("create", self._doing("create"), "POST", path("profiles"), payload),))
        steps = []
        where = path("profiles", before["name"])
        if any(before[key] != after[key] for key in ("config", "devices", "description")):
            payload = {key: after[key] for key in ("config", "devices", "description")}
            steps.append(Step("update", self._doing("update"), "PUT", where, payload, etag=state.etag))
        if before["name"] != after["name"]:
            steps.append(Step("rename", self._doing("rename"), "POST", where, {"name": after["name"]}))
        return Plan(before, after, tuple(steps))

    def perform(self, step: Step, deadline: Deadline) -> None:
        write(self.client, step, deadline)

    def _profile(self) -> Reply | None:
        found = self._find(self.wanted.name)
        if self.wanted.rename_from in (None, self.wanted.name) or self.wanted.state == "absent":
            return found
        old = self._find(str(self.wanted.rename_from))
        if found and old:
            raise InvalidInput(
                f"remote {self.client.remote}: profile {self.wanted.rename_from} cannot be renamed to"
                f" {self.wanted.name}: there is a profile of that name already"
            )
        return found or old

    def _find(self, name: str) -> Reply | None:
        return self.client.find(path("profiles", name), doing=f"read profile {name}")

    def _after(self, before: Mapping[str, Any]) -> dict[str, Any]:
        wanted = self.wanted
        description = before.get("description", "") if wanted.description is None else wanted.description
        return {
            "name": wanted.name,
            "description": description,
            "config": merge_config(
                before.get("config", {}),
                wanted.config,
                exact="config" in wanted.exact,
                owner=f"profile {wanted.name} on remote {self.client.remote}",
            ),
            "devices": merge_devices(
                before.get("devices", {}),
                wanted.devices,
                exact="devices" in wanted.exact,
                owner=f"profile {wanted.name} on remote {self.client.remote}",
            ),
        }

    def _plan_absent(self, content: Mapping[str, Any] | None, before: Mapping[str, Any]) -> Plan:
        if content is None:
            return Plan({}, {})
        if self.wanted.name == "default":
            raise InvalidInput(f"remote {self.client.remote}: profile default is not removed: every project has one")
        users = [_user(url) for url in content.get("used_by") or ()]
        if users:
            raise InvalidInput(
                f"remote {self.client.remote}: profile {self.wanted.name} is not removed, for it is used by"
                f" {', '.join(sorted(users))}: take it out of their profiles first"
            )
        step = Step("delete", self._doing("delete"), "DELETE", path("profiles", self.wanted.name))
        return Plan(before, {}, (step,))

    def _doing(self, verb: str) -> str:
        return f"{verb} profile {self.wanted.name}"


def _observed(found: Reply | None) -> Observed:
    return Observed(found.metadata, found.etag) if found else Observed(None)


def check_name(name: str) -> None:
    """Refuse a name that the API would refuse. Raises InvalidInput."""
    if not name or "/" in name or name in (".", "..") or name != name.strip() or ":" in name:
        raise InvalidInput(f"{name!r} is no name for a profile: it must not be empty or hold a slash or a colon")


def _described(content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": content["name"],
        "description": content.get("description") or "",
        "config": dict(content.get("config") or {}),
        "devices": dict(content.get("devices") or {}),
    }


def _user(url: str) -> str:
    """``/1.0/instances/c1?project=p`` as a person says it."""
    parts = urlsplit(url)
    kind, _slash, name = parts.path.removeprefix("/1.0/").partition("/")
    project = parse_qs(parts.query).get("project", ["default"])[0]
    noun = {"instances": "container", "profiles": "profile"}.get(kind, kind)
    return f"{noun} {unquote(name)}" + (f" of project {project}" if project != "default" else "")
