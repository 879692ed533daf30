# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done for a container to have the snapshots it is to have: a pure function of the two.

Source: doc/rest-api.yaml, /1.0/instances/NAME/snapshots, of LXD and Incus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from .._api.client import path
from .._api.errors import InvalidInput
from . import expiry, power
from .plan import Outcome, Plan, Step

# An expiry that counts from the moment of the snapshot is as wanted if it is that near: the servers' own, which are made
# from snapshots.expiry, differ from it by milliseconds. No unit of a span is shorter.
_SAME = timedelta(minutes=1)
# Under this name, added to its own, a snapshot is taken anew while the old one is still there.
RETAKEN = ".new"
# The servers take these for names, and overwrite or delete the snapshots of all containers in the pool.
_DOTS = (".", "..")
_ONLY_PRESENT = ("expires_at", "retake", "rename_from")
_ONLY_RETENTION = ("pattern", "keep", "younger_than")


@dataclass(frozen=True)
class Wanted:
    """The options of the snapshot module. None: not named, so left as it is."""

    container: str
    state: str
    name: str | None = None
    stateful: bool | None = None
    expires_at: str | None = None
    retake: bool = False
    rename_from: str | None = None
    pattern: str | None = None
    keep: int | None = None
    younger_than: str | None = None


@dataclass(frozen=True)
class Observed:
    """What there is on the server.

    container: the instance as the API gives it, or None. snapshots: all it has, as the API gives them, in order of time.
    content: the one that is meant, or the one to be renamed; etag: its own. now: for what is reckoned from now.
    """

    remote: str
    container: Mapping[str, Any] | None
    now: datetime
    snapshots: Sequence[Mapping[str, Any]] = ()
    content: Mapping[str, Any] | None = None
    etag: str | None = None


def check(wanted: Wanted) -> None:
    """Refuse options that do not go together, and values that are none. Raises InvalidInput."""
    strangers = {"absent": (*_ONLY_PRESENT, "stateful"), "restored": (*_ONLY_PRESENT, *_ONLY_RETENTION)}
    for option in strangers.get(wanted.state, ()):
        if getattr(wanted, option) not in (None, False):
            raise InvalidInput(f"{option} does not go with state: {wanted.state}")
    for name in (wanted.name, wanted.rename_from):
        if name is not None:
            check_name(name)
    if wanted.expires_at is not None and not expiry.is_span(wanted.expires_at):
        try:
            expiry.expiry(wanted.expires_at)
        except InvalidInput as error:
            raise InvalidInput(f"{error}, or a span of time like 2w or 1d 12H") from error
    if wanted.keep is not None and wanted.keep < 0:
        raise InvalidInput(f"keep is {wanted.keep}, and has to be 0 or more")
    if wanted.state == "present" and wanted.pattern is not None and wanted.keep is None and wanted.younger_than is None:
        raise InvalidInput("pattern says which snapshots are thinned out: say keep or younger_than too, to say how far")
    if wanted.younger_than is not None and not expiry.is_span(wanted.younger_than):
        raise InvalidInput(f"younger_than {wanted.younger_than!r} is no span of time: write 7d, 12H or 2w 3d")


def check_name(name: str) -> None:
    """Refuse a name that the servers would refuse, or had better. Raises InvalidInput."""
    if not name or name in _DOTS or "/" in name or any(character.isspace() for character in name):
        raise InvalidInput(
            f"{name!r} is no name for a snapshot: it must not be empty, one dot or two, or hold a slash or a blank"
        )
    if len(name.encode()) > 200:
        raise InvalidInput(f"{name[:20]}… is no name for a snapshot: it is longer than 200 bytes")


def plan(wanted: Wanted, seen: Observed, *, predicting: bool = False) -> Plan:
    """The steps from what is seen to what is wanted.

    predicting: a container or a snapshot that is missing is a warning. Raises InvalidInput for what cannot be.
    """
    planner = _Planner(wanted, seen, predicting)
    if wanted.state == "restored":
        return planner.restored()
    return planner.present() if wanted.state == "present" else planner.absent()


class _Planner:
    """The parts of a plan. after: what the snapshots will be, by name and in order; it grows as the plan does."""

    def __init__(self, wanted: Wanted, seen: Observed, predicting: bool) -> None:
        self.wanted = wanted
        self.seen = seen
        self.predicting = predicting
        self.warnings: list[str] = []
        self.name = wanted.name or ""
        self.before = {str(each["name"]): _described(each) for each in seen.snapshots}
        self.after = dict(self.before)

    def present(self) -> Plan:
        if self.seen.container is None:
            self._missing(f"there is no such container on remote {self.seen.remote}")
        found, steps = self.seen.content, []
        if found is None:
            steps.append(self._take(self.name))
            # What an earlier run that was cut short has taken, and nobody needs any more.
            steps += self._delete([self.name + RETAKEN])
        elif self.wanted.retake:
            steps += self._retake(str(found["name"]))
        else:
            steps += self._change(found)
        self.after[self.name] = self._described_as_wanted(found)
        steps += self._delete(self._past_retention(spare=self.name))
        return self._planned(steps, {"name": self.name, **self.after[self.name]})

    def absent(self) -> Plan:
        names = [self.name] if self.name else []
        if self.wanted.pattern is not None:
            names += self._past_retention(spare=None)
        return self._planned(self._delete(names), {})

    def restored(self) -> Plan:
        wanted, found, container = self.wanted, self.seen.content, self.seen.container
        if found is None or container is None:
            there = f"there are {', '.join(self.before)}" if self.before else "there is none"
            self._missing(
                f"it has no snapshot {self.name} to go back to ({there})" if container else "there is no such container"
            )
        elif wanted.stateful and not found.get("stateful"):
            # The servers find that out when they have stopped the container and written its files.
            raise self._invalid(
                f"snapshot {self.name} holds no state of processes: it can only be restored without stateful"
            )
        payload = {"restore": self.name, "stateful": bool(wanted.stateful)}
        doing = f"restore snapshot {self.name} of container {wanted.container}"
        status = power.status(container or {})
        advice = ""
        if status != "stopped":
            advice = "The server stops a container that runs before it restores it: look whether it runs, and start it"
        steps = [Step("restore", doing, "PUT", path("instances", wanted.container), payload, advice=advice)]
        if status == "frozen" and not wanted.stateful:
            # The servers start again whatever ran, and forget that it was frozen.
            where = path("instances", wanted.container, "state")
            steps.append(Step("freeze", f"freeze container {wanted.container}", "PUT", where, {"action": "freeze"}))
        before = _what_is_restored(container or {})
        after = {**before, **_what_is_restored(found or {}), "restored_from": self.name}
        return Plan(before, after, tuple(steps), in_api_terms=dict(found or {}), warnings=tuple(self.warnings))

    def _planned(self, steps: list[Step], predicted: Mapping[str, Any]) -> Plan:
        removed = [name for name in self.before if name not in self.after and name != self.wanted.rename_from]
        ends = {"container": self.wanted.container, "snapshots": self.after}
        begins = {"container": self.wanted.container, "snapshots": self.before}
        return Plan(begins, ends, tuple(steps), {"removed": removed}, predicted, tuple(self.warnings))

    def _take(self, name: str) -> Step:
        payload: dict[str, Any] = {"name": name, "stateful": bool(self.wanted.stateful)}
        wanted = self.wanted.expires_at
        if wanted is not None and not expiry.is_span(wanted):
            payload["expires_at"] = expiry.expiry(wanted) or expiry.NEVER
        if payload["stateful"] and self.seen.container and power.status(self.seen.container) != "running":
            raise self._invalid(
                "it does not run, so that there is no state to take into a snapshot: leave out stateful"
            )
        advice = ""
        if payload["stateful"]:
            advice = f"{power.HOW_TO_SAVE}; without stateful, only files and configuration are taken"
        doing = f"take snapshot {self.name} of container {self.wanted.container}"
        return Step("create", doing, "POST", self._path(), payload, advice=advice)

    def _retake(self, old: str) -> list[Step]:
        """The old one goes once the new one is there."""
        new = self.name + RETAKEN
        steps = [*self._delete([new]), self._take(new), *self._delete([old])]
        doing = f"rename snapshot {new} of container {self.wanted.container}"
        return [*steps, Step("rename", doing, "POST", self._path(new), {"name": self.name})]

    def _change(self, found: Mapping[str, Any]) -> list[Step]:
        wanted, old, steps = self.wanted, str(found["name"]), []
        if wanted.stateful is not None and wanted.stateful != bool(found.get("stateful")):
            was = "with" if found.get("stateful") else "without"
            raise self._invalid(f"snapshot {old} was taken {was} the state of processes: retake: true takes it anew")
        expires_at = self._expiry_wanted(found)
        # The update comes first of all, while the ETag read is still the object's.
        if not _same(expires_at, expiry.stored_expiry(found)):
            doing = f"update snapshot {old} of container {wanted.container}"
            payload = {"expires_at": expires_at or expiry.NEVER}
            steps.append(Step("update", doing, "PUT", self._path(old), payload, etag=self.seen.etag))
        if old != self.name:
            doing = f"rename snapshot {old} of container {wanted.container} to {self.name}"
            steps.append(Step("rename", doing, "POST", self._path(old), {"name": self.name}))
            self.after = {self.name if name == old else name: each for name, each in self.after.items()}
        return steps

    def _described_as_wanted(self, found: Mapping[str, Any] | None) -> dict[str, Any]:
        if found is None or self.wanted.retake:
            taken_now = {"created_at": expiry.written(self.seen.now)}
            return {"stateful": bool(self.wanted.stateful), "expires_at": self._expiry_wanted(taken_now)}
        wanted, stored = self._expiry_wanted(found), expiry.stored_expiry(found)
        return {**_described(found), "expires_at": stored if _same(wanted, stored) else wanted}

    def _expiry_wanted(self, found: Mapping[str, Any]) -> str:
        """As the servers write it; that of a span counts from when the snapshot was taken."""
        wanted = self.wanted.expires_at
        if wanted is None:
            return expiry.stored_expiry(found)
        return expiry_from(wanted, found) if expiry.is_span(wanted) else expiry.expiry(wanted)

    def _past_retention(self, spare: str | None) -> list[str]:
        """Those that match the pattern and are kept by nothing, neither their rank nor their age."""
        wanted = self.wanted
        if wanted.pattern is None or (
            wanted.state == "present" and wanted.keep is None and wanted.younger_than is None
        ):
            return []
        taken = {str(each["name"]): expiry.moment(each["created_at"]) for each in self.seen.snapshots}
        matching = [name for name in self.after if fnmatchcase(name, wanted.pattern) and name not in _DOTS]
        kept = set(matching[len(matching) - min(wanted.keep or 0, len(matching)) :])
        if wanted.younger_than is not None:
            limit = expiry.before(self.seen.now, wanted.younger_than)
            kept |= {name for name in matching if taken.get(name, self.seen.now) > limit}
        return [name for name in matching if name not in kept and name != spare]

    def _delete(self, names: list[str]) -> list[Step]:
        steps = []
        for name in names:
            if self.after.pop(name, None) is not None:
                doing = f"delete snapshot {name} of container {self.wanted.container}"
                steps.append(Step("delete", doing, "DELETE", self._path(name)))
        return steps

    def _path(self, *name: str) -> str:
        return path("instances", self.wanted.container, "snapshots", *name)

    def _missing(self, reason: str) -> None:
        """What is missing may, in check mode, be made by an earlier task."""
        if not self.predicting:
            raise self._invalid(reason)
        self.warnings.append(str(self._invalid(reason)))

    def _invalid(self, reason: str) -> InvalidInput:
        return InvalidInput(f"remote {self.seen.remote}: container {self.wanted.container}: {reason}")


def found(outcome: Outcome[Observed]) -> dict[str, Any]:
    """The snapshot, if it is there, and the names of all, for a result: as read back, or as predicted."""
    plan, state = outcome.plan, outcome.state
    names, content = [str(each["name"]) for each in state.snapshots], dict(state.content or {})
    if outcome.checked_only and outcome.changed:
        names = list(plan.after.get("snapshots", names))
        content = {**content, **plan.in_api_terms} if plan.in_api_terms else {}
    return {"snapshots": names, **({"snapshot": content} if content else {})}


def expiry_from(span: str, snapshot: Mapping[str, Any]) -> str:
    """When a snapshot expires that may live for a span, as the servers write it."""
    return expiry.written(expiry.after(expiry.moment(snapshot["created_at"]), span))


def _same(wanted: str, stored: str) -> bool:
    if not wanted or not stored:
        return wanted == stored
    return abs(expiry.moment(wanted) - expiry.moment(stored)) < _SAME


def _described(content: Mapping[str, Any]) -> dict[str, Any]:
    return {"stateful": bool(content.get("stateful")), "expires_at": expiry.stored_expiry(content)}


def _what_is_restored(content: Mapping[str, Any]) -> dict[str, Any]:
    """What of a container's configuration a snapshot brings back, but for what the server writes there itself."""
    config = {key: value for key, value in (content.get("config") or {}).items() if not key.startswith("volatile.")}
    named = {key: content[key] for key in ("architecture", "devices", "ephemeral", "profiles") if key in content}
    return {**named, "config": config} if "config" in content else named
