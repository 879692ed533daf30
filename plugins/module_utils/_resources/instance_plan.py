# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done for a container to be as it is wanted: a pure function of the two.

Source: doc/rest-api.yaml, /1.0/instances, of LXD and Incus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._api.client import path
from .._api.errors import FlotillaError, InvalidInput
from .._images.choice import ImageChoice
from . import power
from .live_update import needs_restart
from .plan import Plan, Step
from .values import changed_keys, merge_config, merge_devices

# What people call an architecture, and what the servers say.
_KERNEL_ARCHITECTURES = {
    "amd64": "x86_64",
    "arm64": "aarch64",
    "armhf": "armv7l",
    "i386": "i686",
    "ppc64el": "ppc64le",
}
# What PUT takes. All of it is sent, for what is left out would be cleared.
WRITABLE = ("architecture", "config", "description", "devices", "ephemeral", "profiles")


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
    stateful: bool | None = None
    wait_for: Sequence[str] = ()


@dataclass(frozen=True)
class Observed:
    """What there is on the server, as far as it matters for what is wanted.

    content: the instance as the API gives it, or None. image: what the image named stands for now, or else, if it was
    looked up in vain, image_problem. profiles: the config of those there are by name, or None where none are needed.
    """

    remote: str
    content: Mapping[str, Any] | None
    etag: str | None = None
    image: ImageChoice | None = None
    image_problem: FlotillaError | None = None
    profiles: Mapping[str, Mapping[str, str]] | None = None
    can_rebuild: bool = False


def plan(wanted: Wanted, seen: Observed, *, predicting: bool = False) -> Plan:
    """The steps from what is seen to what is wanted.

    predicting: an image or a profile that is missing is a warning. Raises InvalidInput for what cannot be.
    """
    planner = _Planner(wanted, seen, predicting)
    planner.refuse_contradictions()
    if wanted.state == "absent":
        return planner.absent(seen.content)
    return planner.change(seen.content) if seen.content else planner.create()


class _Planner:
    """What the parts of a plan are made from, and the warnings that come up on the way."""

    def __init__(self, wanted: Wanted, seen: Observed, predicting: bool) -> None:
        self.wanted = wanted
        self.seen = seen
        self.predicting = predicting
        self.warnings: list[str] = []

    def refuse_contradictions(self) -> None:
        if not self.wanted.stateful:
            return
        if self.wanted.state not in ("started", "stopped"):
            raise self._invalid(f"stateful goes with state: stopped and started, and not with {self.wanted.state}")
        if self.wanted.force:
            raise self._invalid("stateful saves what runs, and force cuts it off: say one of the two")

    def absent(self, content: Mapping[str, Any] | None) -> Plan:
        if content is None:
            return Plan({}, {})
        name, before = self.wanted.name, _described(content)
        broken = before["status"] == power.BROKEN
        if (content.get("expanded_config") or {}).get("security.protection.delete") == "true":
            raise self._invalid("it is not removed, for security.protection.delete is set: unset that first")
        steps = [self._state_step(action, name, force=broken) for action in power.way(before["status"], "stopped")]
        # An ephemeral container is gone once it has stopped.
        if not (content.get("ephemeral") and steps):
            steps.append(Step("delete", f"delete container {name}", "DELETE", path("instances", name)))
        return Plan(before, {}, tuple(steps))

    def create(self) -> Plan:
        wanted = self.wanted
        payload: dict[str, Any] = {
            "name": wanted.name,
            "type": wanted.type or "container",
            "config": merge_config({}, wanted.config, exact=False, owner=self._owner),
            "devices": merge_devices({}, wanted.devices, exact=False, owner=self._owner),
            "description": wanted.description or "",
            "ephemeral": bool(wanted.ephemeral),
        }
        if wanted.architecture:
            payload["architecture"] = wanted.architecture
        if wanted.profiles is not None:
            payload["profiles"] = wanted.profiles
            self._require_profiles()
        ends_as = power.status_after("stopped", wanted.state)
        self._require_running(ends_as)
        after = {**payload, "status": ends_as}
        creation = {**payload, "source": self._source()}
        steps = [Step("create", f"create container {wanted.name}", "POST", path("instances"), creation)]
        steps += [self._state_step(action, wanted.name) for action in power.way("stopped", wanted.state)]
        notes = {"restart_required": False}
        return Plan({}, after, tuple(steps), notes, power.IN_API_TERMS[ends_as], tuple(self.warnings))

    def change(self, content: Mapping[str, Any]) -> Plan:
        before = _described(content)
        self._refuse_what_cannot_change(content, before["status"])
        after = {**before, "name": self.wanted.name, **self._wanted_fields(before)}
        after["status"] = power.status_after(before["status"], self.wanted.state)
        self._require_running(after["status"])
        moved_on = self._moved_on(content)
        restart = before["status"] != "stopped" and needs_restart(self._changed_keys(content, before, after))
        # The update comes first of all, while the ETag read is still the object's.
        steps = [
            *self._update(content, before, after),
            *self._run_state(before, self._at_rest(before, moved_on), restart),
        ]
        actions = {step.action for step in steps}
        after["stateful"] = power.holds_state(before["stateful"], actions, saving=bool(self.wanted.stateful))
        notes = {"restart_required": restart and after["status"] != "stopped" and not {"restart", "stop"} & actions}
        if moved_on is not None:
            notes["image_moved_on"] = moved_on and "rebuild" not in actions
        if "rebuild" in actions and self.seen.image:
            before["image"], after["image"] = content["config"]["volatile.base_image"], self.seen.image.fingerprint
        in_api_terms = power.IN_API_TERMS.get(after["status"], {})
        return Plan(before, after, tuple(steps), notes, in_api_terms, tuple(self.warnings))

    def _wanted_fields(self, before: Mapping[str, Any]) -> dict[str, Any]:
        wanted = self.wanted
        config = merge_config(before["config"], wanted.config, exact="config" in wanted.exact, owner=self._owner)
        devices = merge_devices(before["devices"], wanted.devices, exact="devices" in wanted.exact, owner=self._owner)
        named = {key: getattr(wanted, key) for key in ("profiles", "description", "ephemeral")}
        return {
            "config": config,
            "devices": devices,
            **{key: value for key, value in named.items() if value is not None},
        }

    def _update(self, content: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Step]:
        if all(before[key] == after[key] for key in WRITABLE):
            return []
        if before["profiles"] != after["profiles"]:
            self._require_profiles()
        payload = {**{key: after[key] for key in WRITABLE}, "stateful": bool(content.get("stateful"))}
        where = path("instances", before["name"])
        return [Step("update", f"update container {before['name']}", "PUT", where, payload, etag=self.seen.etag)]

    def _at_rest(self, before: Mapping[str, Any], moved_on: bool | None) -> list[Step]:
        """What can only be done to a stopped container."""
        wanted, old, steps = self.wanted, before["name"], []
        if wanted.rebuild and moved_on and self.seen.image:
            if not self.seen.can_rebuild:
                raise self._invalid("this server cannot rebuild a container (it has no instances_rebuild)")
            source = {"source": dict(self.seen.image.source)}
            steps.append(Step("rebuild", f"rebuild container {old}", "POST", path("instances", old, "rebuild"), source))
        if old != wanted.name:
            doing = f"rename container {old} to {wanted.name}"
            steps.append(Step("rename", doing, "POST", path("instances", old), {"name": wanted.name}))
        return steps

    def _run_state(self, before: Mapping[str, Any], at_rest: list[Step], restart: bool) -> list[Step]:
        """The steps between run states, with those at rest where the container is at rest."""
        wanted, current = self.wanted, before["status"]
        if at_rest and current != "stopped":
            return self._through_a_stop(before, at_rest)
        actions = power.way(current, wanted.state)
        if restart and wanted.allow_restart and current == "running" and not {"restart", "stop"} & set(actions):
            actions = ["restart", *actions]
        return [*at_rest, *(self._state_step(action, wanted.name) for action in actions)]

    def _through_a_stop(self, before: Mapping[str, Any], at_rest: list[Step]) -> list[Step]:
        wanted, current = self.wanted, before["status"]
        if before["ephemeral"]:
            raise self._invalid("it is ephemeral, and what has to be done would stop it, which deletes it")
        if wanted.state not in ("stopped", "restarted") and not wanted.allow_restart:
            what = " and ".join(sorted(step.action for step in at_rest))
            raise self._invalid(
                f"to {what} it, it has to be stopped for a moment: say allow_restart: true, or stop it first"
            )
        target = power.STATE_THAT_KEEPS.get(current, "started") if wanted.state == "present" else wanted.state
        down = [self._state_step(action, before["name"]) for action in power.way(current, "stopped")]
        up = [self._state_step(action, wanted.name) for action in power.way("stopped", target)]
        return [*down, *at_rest, *up]

    def _state_step(self, action: str, name: str, *, force: bool = False) -> Step:
        payload: dict[str, Any] = {"action": action}
        advice = ""
        if action == "stop" and self.wanted.stateful:
            payload["stateful"] = True
            advice = f"{power.HOW_TO_SAVE}; without stateful, it is stopped as usual"
        elif action == "start" and self._has_saved_state and self.wanted.stateful is not False:
            payload["stateful"], advice = True, power.HOW_TO_RESUME
        elif action in ("stop", "restart"):
            force = force or self.wanted.force
            payload.update(force=force, timeout=self.wanted.stop_timeout)
            if not force:
                advice = "What runs in it may not heed a request to halt: give it a longer stop_timeout, or force: true"
        where = path("instances", name, "state")
        return Step(action, f"{action} container {name}", "PUT", where, payload, advice=advice)

    @property
    def _has_saved_state(self) -> bool:
        return bool(self.seen.content and self.seen.content.get("stateful"))

    def _source(self) -> Mapping[str, Any]:
        wanted, seen = self.wanted, self.seen
        if wanted.source is not None:
            return wanted.source
        if seen.image is not None:
            return seen.image.source
        if seen.image_problem is None:
            raise self._invalid("there is no container of that name, and to create it image or source is needed")
        if not (self.predicting and isinstance(seen.image_problem, InvalidInput)):
            raise seen.image_problem
        self.warnings.append(str(seen.image_problem))
        return {}

    def _moved_on(self, content: Mapping[str, Any]) -> bool | None:
        """Whether the image named is another now than the container was made from. None: not known."""
        seen = self.seen
        if seen.image_problem is not None:
            # The container is there and needs its image no more: unless it is to be rebuilt, that is no failure.
            if self.wanted.rebuild:
                raise seen.image_problem
            self.warnings.append(f"cannot tell whether the image has moved on: {seen.image_problem}")
        base = (content.get("config") or {}).get("volatile.base_image")
        if seen.image is None or seen.image.fingerprint is None or not base:
            return None
        return bool(seen.image.fingerprint != base)

    def _refuse_what_cannot_change(self, content: Mapping[str, Any], status: str) -> None:
        wanted = self.wanted
        kernel_name = _KERNEL_ARCHITECTURES.get(wanted.architecture or "", wanted.architecture)
        for key, value in (("type", wanted.type), ("architecture", kernel_name)):
            if value is not None and content.get(key) and content[key] != value:
                raise self._invalid(f"its {key} is {content[key]} and cannot become {value}")
        if status == power.BROKEN and wanted.state != "present" and not (wanted.force and wanted.state == "stopped"):
            raise self._invalid(
                "the server says that it is in error, and cannot tell whether it runs: look at the server's log; state:"
                " stopped with force: true ends what there is of it"
            )
        if content.get("ephemeral") and wanted.ephemeral is not False and wanted.state == "stopped":
            raise self._invalid("it is ephemeral, so that stopping deletes it: say state: absent, or ephemeral: false")

    def _require_running(self, status: str) -> None:
        if self.wanted.wait_for and status != "running":
            raise self._invalid(f"wait_for needs one that runs, and this one is {status}: say state: started")

    def _changed_keys(
        self, content: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> set[str]:
        """The config keys that change, with those of the profiles if there are to be others."""
        if before["profiles"] == after["profiles"] or self.seen.profiles is None:
            return changed_keys(before["config"], after["config"])
        layers = [self.seen.profiles.get(name, {}) for name in after["profiles"]]
        expanded = {key: value for layer in [*layers, after["config"]] for key, value in layer.items()}
        return changed_keys(content.get("expanded_config") or {}, expanded)

    def _require_profiles(self) -> None:
        there, names = self.seen.profiles, self.wanted.profiles or []
        if len(set(names)) < len(names):
            raise self._invalid("a profile is named twice")
        missing = [name for name in names if there is not None and name not in there]
        if not missing:
            return
        error = self._invalid(f"there is no profile {', '.join(missing)}: flotilla.lxd.profile makes one")
        if not self.predicting:
            raise error
        self.warnings.append(str(error))

    @property
    def _owner(self) -> str:
        return f"container {self.wanted.name} on remote {self.seen.remote}"

    def _invalid(self, reason: str) -> InvalidInput:
        return InvalidInput(f"remote {self.seen.remote}: container {self.wanted.name}: {reason}")


def _described(content: Mapping[str, Any]) -> dict[str, Any]:
    """An instance in the terms of the options, in plain containers of our own."""
    return {
        "name": content["name"],
        "status": power.status(content),
        "architecture": content.get("architecture") or "",
        "config": dict(content.get("config") or {}),
        "description": content.get("description") or "",
        "devices": {name: dict(options) for name, options in (content.get("devices") or {}).items()},
        "ephemeral": bool(content.get("ephemeral")),
        "profiles": list(content.get("profiles") or []),
        "stateful": bool(content.get("stateful")),
    }
