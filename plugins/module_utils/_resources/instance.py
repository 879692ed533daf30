# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances, which this collection's users know as containers.

Source: doc/rest-api.yaml, /1.0/instances, of LXD and Incus; doc/explanation and doc/reference for the keys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Callable

from .._api.client import Client, Reply, path
from .._api.deadline import Deadline
from .._api.errors import FlotillaError, InvalidInput
from . import power
from .image_choice import ImageChoice
from .live_update import needs_restart
from .plan import Plan, Step, write
from .values import changed_keys, merge_config, merge_devices

# What PUT takes. All of it is sent, for what is left out would be cleared.
WRITABLE = ("architecture", "config", "description", "devices", "ephemeral", "profiles")
_NAME = re.compile(r"[a-zA-Z]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?")


@dataclass(frozen=True)
class Wanted:
    """The options of the container module. None: not named, so left as it is or to the server."""

    name: str
    state: str
    source: Mapping[str, Any] | None = None
    image: str | None = None
    rebuild: bool = False
    config: Mapping[str, Any] | None = None
    devices: Mapping[str, Any] | None = None
    profiles: list[str] | None = None
    description: str | None = None
    ephemeral: bool | None = None
    architecture: str | None = None
    type: str | None = None
    target: str | None = None
    rename_from: str | None = None
    exact: frozenset[str] = frozenset()
    allow_restart: bool = False
    force: bool = False
    stop_timeout: int = 30


class Instance:
    """A container on a server, as the user wants it.

    find_image looks the image up; it is called when the image matters: to create, and to see whether it has moved on.
    predicting: an image or a profile that is missing is a warning, for in check mode nobody has made it yet.
    """

    def __init__(
        self,
        client: Client,
        wanted: Wanted,
        find_image: Callable[[str, str], ImageChoice],
        *,
        predicting: bool = False,
    ) -> None:
        check_name(wanted.name)
        self.client = client
        self.wanted = wanted
        self.warnings: list[str] = []
        self._find_image = find_image
        self._predicting = predicting
        self._image: ImageChoice | None = None

    def read(self) -> Reply | None:
        """The container of the name, or else the one to be renamed."""
        wanted = self.wanted
        found = self._find(wanted.name)
        if wanted.rename_from is None or wanted.state == "absent":
            return found
        old = self._find(wanted.rename_from)
        if found and old:
            raise self._invalid(
                f"{wanted.rename_from} cannot be renamed to it: there is a container of that name already"
            )
        return found or old

    def plan(self, state: Reply | None) -> Plan:
        if self.wanted.state == "absent":
            return self._plan_absent(state)
        return self._plan_change(state) if state else self._plan_create()

    def perform(self, step: Step, deadline: Deadline) -> None:
        client = self.client
        if step.action == "create":
            client = client.scoped(target=self.wanted.target)
        if step.action in ("create", "rebuild") and self._image is not None:
            # The secret of a private image works once and not for long, so it is made last.
            step = replace(step, payload={**(step.payload or {}), "source": self._image.source_with_secret(deadline)})
        write(client, step, deadline)

    def _find(self, name: str) -> Reply | None:
        return self.client.find(path("instances", name), doing=f"read container {name}")

    def _plan_create(self) -> Plan:
        wanted = self.wanted
        kind = wanted.type or "container"
        payload: dict[str, Any] = {
            "name": wanted.name,
            "type": kind,
            "config": merge_config({}, wanted.config, exact=False),
            "devices": merge_devices({}, wanted.devices, exact=False, owner=self._whose),
            "description": wanted.description or "",
            "ephemeral": bool(wanted.ephemeral),
            "source": self._source(kind),
        }
        if wanted.architecture:
            payload["architecture"] = wanted.architecture
        if wanted.profiles is not None:
            payload["profiles"] = wanted.profiles
            self._require_profiles(wanted.profiles)
        steps = [Step("create", self._doing("create"), "POST", path("instances"), payload)]
        steps += [self._state_step(action, wanted.name) for action in power.way("stopped", wanted.state)]
        after = {key: value for key, value in payload.items() if key != "source"}
        after["status"] = power.status_after("stopped", wanted.state)
        return Plan({}, after, tuple(steps))

    def _plan_change(self, state: Reply) -> Plan:
        wanted, content = self.wanted, state.metadata
        self._refuse_what_cannot_change(content)
        before = {"name": content["name"], "status": power.status(content), **writable(content)}
        after = {**before, "name": wanted.name, **self._wanted_fields(before)}
        # The update comes first of all, while the ETag read is still the object's.
        steps = self._update_steps(state, before, after)
        drifted = self._moved_on(content)
        standing = self._steps_at_rest(before, drifted)
        restart = needs_restart(changed_keys(before["config"], after["config"])) and before["status"] != "stopped"
        steps += self._power_steps(before["status"], standing, restart)
        after["status"] = power.status_after(before["status"], wanted.state)
        notes: dict[str, Any] = {"restart_required": restart and "restart" not in {step.action for step in steps}}
        notes["restart_required"] = notes["restart_required"] and after["status"] != "stopped"
        if drifted is not None:
            notes["image_moved_on"] = drifted
        return Plan(before, after, tuple(steps), notes)

    def _plan_absent(self, state: Reply | None) -> Plan:
        if state is None:
            return Plan({}, {})
        content, name = state.metadata, self.wanted.name
        before = {"name": name, "status": power.status(content), **writable(content)}
        if (content.get("expanded_config") or {}).get("security.protection.delete") == "true":
            raise self._invalid("it is not removed, for security.protection.delete is set: unset that first")
        steps = [self._state_step(action, name) for action in power.way(before["status"], "stopped")]
        # An ephemeral container is gone once it has stopped.
        if not (content.get("ephemeral") and steps):
            steps.append(Step("delete", self._doing("delete"), "DELETE", path("instances", name)))
        return Plan(before, {}, tuple(steps))

    def _wanted_fields(self, before: Mapping[str, Any]) -> dict[str, Any]:
        wanted = self.wanted
        fields: dict[str, Any] = {
            "config": merge_config(before["config"], wanted.config, exact="config" in wanted.exact),
            "devices": merge_devices(
                before["devices"], wanted.devices, exact="devices" in wanted.exact, owner=self._whose
            ),
        }
        for key in ("profiles", "description", "ephemeral"):
            value = getattr(wanted, key)
            if value is not None:
                fields[key] = value
        return fields

    def _update_steps(self, state: Reply, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Step]:
        if all(before[key] == after[key] for key in WRITABLE):
            return []
        if before["profiles"] != after["profiles"]:
            self._require_profiles(after["profiles"])
        payload = {**{key: after[key] for key in WRITABLE}, "stateful": state.metadata.get("stateful", False)}
        where = path("instances", before["name"])
        return [Step("update", self._doing("update"), "PUT", where, payload, etag=state.etag)]

    def _steps_at_rest(self, before: Mapping[str, Any], drifted: bool | None) -> list[Step]:
        """What can only be done to a stopped container."""
        wanted, steps = self.wanted, []
        if wanted.rebuild and drifted:
            if not self.client.server.can("instances_rebuild"):
                raise self._invalid("this server cannot rebuild a container (it has no instances_rebuild)")
            where = path("instances", before["name"], "rebuild")
            payload = {"source": dict(self._chosen().source)}
            steps.append(Step("rebuild", self._doing("rebuild"), "POST", where, payload))
        if before["name"] != wanted.name:
            where = path("instances", before["name"])
            steps.append(
                Step("rename", self._doing(f"rename {before['name']} to"), "POST", where, {"name": wanted.name})
            )
        return steps

    def _power_steps(self, current: str, at_rest: list[Step], restart: bool) -> list[Step]:
        wanted = self.wanted
        old_name = wanted.rename_from if any(step.action == "rename" for step in at_rest) else wanted.name
        if not at_rest or current == "stopped":
            actions = power.way(current, wanted.state)
            if restart and wanted.allow_restart and not {"restart", "stop"} & set(actions):
                actions = ["restart", *actions] if current == "running" else actions
            return [*at_rest, *(self._state_step(action, wanted.name) for action in actions)]
        if wanted.state != "stopped" and not wanted.allow_restart:
            what = " and ".join(sorted(step.action for step in at_rest))
            raise self._invalid(
                f"to {what} it, it has to be stopped for a moment: say allow_restart: true, or stop it first"
            )
        target = power.STATE_THAT_KEEPS[current] if wanted.state == "present" else wanted.state
        stopping = [self._state_step(action, str(old_name)) for action in power.way(current, "stopped")]
        return [
            *stopping,
            *at_rest,
            *(self._state_step(action, wanted.name) for action in power.way("stopped", target)),
        ]

    def _state_step(self, action: str, name: str) -> Step:
        payload: dict[str, Any] = {"action": action}
        advice = ""
        if action in ("stop", "restart"):
            payload |= {"force": self.wanted.force, "timeout": self.wanted.stop_timeout}
            if not self.wanted.force:
                advice = "What runs in it may not heed a request to halt: give it a longer stop_timeout, or force: true"
        return Step(
            action, f"{action} container {name}", "PUT", path("instances", name, "state"), payload, advice=advice
        )

    def _source(self, kind: str) -> Mapping[str, Any]:
        wanted = self.wanted
        if wanted.source is not None:
            return wanted.source
        if wanted.image is None:
            raise self._invalid("there is no container of that name, and to create it image or source is needed")
        try:
            self._image = self._find_image(wanted.image, kind)
        except InvalidInput as error:
            self._lacks(error)
            return {}
        return self._image.source

    def _lacks(self, error: InvalidInput) -> None:
        if not self._predicting:
            raise error
        self.warnings.append(str(error))

    def _chosen(self) -> ImageChoice:
        if self._image is None:
            raise self._invalid("to rebuild it, image is needed")
        return self._image

    def _moved_on(self, content: Mapping[str, Any]) -> bool | None:
        """Whether the alias named now stands for another image than the container was made from. None: not known."""
        base = (content.get("config") or {}).get("volatile.base_image")
        if self.wanted.image is None or not base:
            return None
        try:
            self._image = self._find_image(self.wanted.image, str(content.get("type") or "container"))
        except FlotillaError as error:
            # The container is there and needs its image no more: unless it is to be rebuilt, that is no failure.
            if self.wanted.rebuild:
                raise
            self.warnings.append(f"cannot tell whether the image has moved on: {error}")
            return None
        return self._image.fingerprint != base if self._image.fingerprint else None

    def _refuse_what_cannot_change(self, content: Mapping[str, Any]) -> None:
        for key in ("type", "architecture"):
            value = getattr(self.wanted, key)
            if value is not None and content.get(key) and content[key] != value:
                raise self._invalid(f"its {key} is {content[key]} and cannot become {value}")

    def _require_profiles(self, names: list[str]) -> None:
        """The server's own message comes late, when a container is half-made already, and not in check mode at all."""
        there = {url.rpartition("/")[2].partition("?")[0] for url in self._profile_urls()}
        missing = [name for name in names if path(name).rpartition("/")[2] not in there]
        if missing:
            self._lacks(self._invalid(f"there is no profile {', '.join(missing)}: flotilla.lxd.profile makes one"))

    def _profile_urls(self) -> list[str]:
        return list(self.client.get(path("profiles"), doing="list profiles").metadata or ())

    def _doing(self, verb: str) -> str:
        return f"{verb} container {self.wanted.name}"

    @property
    def _whose(self) -> str:
        return f"container {self.wanted.name} on remote {self.client.remote}"

    def _invalid(self, reason: str) -> InvalidInput:
        return InvalidInput(f"remote {self.client.remote}: container {self.wanted.name}: {reason}")


def check_name(name: str) -> None:
    """Refuse a name that the API would refuse: it becomes a host name. Raises InvalidInput."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} is no name for a container: up to 63 letters, digits and dashes, a letter first and no dash last"
            + (" (the remote is an option of its own)" if ":" in name else "")
        )


def writable(content: Mapping[str, Any]) -> dict[str, Any]:
    """The writable part of an instance as the API gives it, in plain containers of our own."""
    return {
        "architecture": content.get("architecture") or "",
        "config": dict(content.get("config") or {}),
        "description": content.get("description") or "",
        "devices": {name: dict(options) for name, options in (content.get("devices") or {}).items()},
        "ephemeral": bool(content.get("ephemeral")),
        "profiles": list(content.get("profiles") or []),
    }
