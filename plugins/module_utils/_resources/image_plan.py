# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done for an image to be as it is wanted: a pure function of the two.

Source: doc/rest-api.yaml, /1.0/images, of LXD and Incus.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._api.client import path
from .._api.errors import FlotillaError, InvalidInput
from .._images.source import Offer
from .expiry import expiry, stored_expiry
from .plan import Plan, Step
from .values import merge_config

# What PUT takes. All of it is sent, for what is left out would be cleared.
WRITABLE = ("auto_update", "properties", "public", "expires_at", "profiles")
_COMPARED = ("auto_update", "properties", "public", "expires_at")
# Shorter ones are better names than fingerprints: 2204, cafe.
_FINGERPRINT_PREFIX = re.compile(r"[0-9a-f]{12,64}")


@dataclass(frozen=True)
class Wanted:
    """The options of the image module. None: not named, so left as it is or to the server."""

    name: str
    state: str
    aliases: list[str] | None = None
    copy_aliases: bool = False
    properties: Mapping[str, Any] | None = None
    public: bool | None = None
    auto_update: bool | None = None
    expires_at: str | None = None
    remove_old: bool = False

    def could_be_fingerprint(self) -> bool:
        """Whether name is no alias but, unless there is an alias of that name, a fingerprint or its beginning."""
        return _FINGERPRINT_PREFIX.fullmatch(self.name) is not None


@dataclass(frozen=True)
class Observed:
    """What there is on the server. content: the image meant, as the API gives it, or None.

    fingerprint: of the image meant, there or not, as far as it can be known. aliases: which alias stands for which
    fingerprint. action: what bringing the image is called, "" where no source is named. offer: what the source has now,
    or else, if that was asked in vain, offer_problem. old: the image that has the name until now, if that is another, and
    old_users the containers made from it, if anyone wants to know. newest: what the server would find if it refreshed.
    """

    remote: str
    content: Mapping[str, Any] | None
    etag: str | None = None
    fingerprint: str | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    action: str = ""
    offer: Offer | None = None
    offer_problem: FlotillaError | None = None
    old: Mapping[str, Any] | None = None
    old_users: tuple[str, ...] = ()
    newest: str | None = None


def plan(wanted: Wanted, seen: Observed) -> Plan:
    """The steps from what is seen to what is wanted. Raises InvalidInput for what cannot be."""
    before = _described(seen.content) if seen.content else {}
    if wanted.state == "absent":
        return _plan_absent(wanted, seen, before)
    after = _after(wanted, seen, before)
    warnings = []
    # The update comes first of all, while the ETag read is still the object's.
    steps = [*_update(wanted, seen, before, after), *_create(wanted, seen), *_give_aliases(wanted, seen)]
    if seen.content and seen.newest not in (None, before["fingerprint"]):
        where = path("images", before["fingerprint"], "refresh")
        steps.append(Step("refresh", f"refresh image {wanted.name}", "POST", where, {}))
        after["fingerprint"] = seen.newest
    if wanted.remove_old and seen.old:
        reason = _still_needed(wanted, seen)
        if reason:
            warnings.append(f"the image that was {wanted.name} until now is kept: {reason}")
        else:
            where = path("images", seen.old["fingerprint"])
            steps.append(Step("delete_old", f"delete the old image {wanted.name}", "DELETE", where))
    notes = {}
    if before and seen.offer and seen.offer.fingerprint:
        notes["image_moved_on"] = seen.offer.fingerprint != before["fingerprint"]
    if seen.offer_problem:
        warnings.append(f"cannot tell whether the image has moved on: {seen.offer_problem}")
    in_api_terms = {"aliases": [{"name": alias, "description": ""} for alias in after["aliases"]]}
    shown = before or (_described(seen.old) if seen.old else {})
    return Plan(shown, after, tuple(steps), notes, in_api_terms, tuple(warnings))


def aliases_wanted(wanted: Wanted, seen: Observed) -> list[str]:
    """The aliases that the image is to have, each once; the name is one unless it is a fingerprint."""
    is_fingerprint = (
        wanted.could_be_fingerprint()
        and wanted.name not in seen.aliases
        and (seen.fingerprint is None or seen.fingerprint.startswith(wanted.name))
    )
    names = [] if is_fingerprint else [wanted.name]
    offered = seen.offer.aliases if wanted.copy_aliases and seen.offer else ()
    return list(dict.fromkeys([*names, *(wanted.aliases or []), *offered]))


def invalid(remote: str, name: str, reason: str) -> InvalidInput:
    """What is wrong with an image, as one sentence."""
    return InvalidInput(f"remote {remote}: image {name}: {reason}")


def _plan_absent(wanted: Wanted, seen: Observed, before: Mapping[str, Any]) -> Plan:
    """An image that others know by other names only loses the ones named: it is not ours alone to delete."""
    if not before:
        return Plan({}, {})
    named = aliases_wanted(wanted, seen)
    others = [alias for alias in before["aliases"] if alias not in named]
    if wanted.name in named and others:
        mine = [alias for alias in before["aliases"] if alias in named]
        steps = [
            Step("unalias", f"take alias {alias} away", "DELETE", path("images", "aliases", alias)) for alias in mine
        ]
        return Plan(before, {**before, "aliases": others}, tuple(steps))
    where = path("images", before["fingerprint"])
    return Plan(before, {}, (Step("delete", f"delete image {wanted.name}", "DELETE", where),))


def _after(wanted: Wanted, seen: Observed, before: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "fingerprint": before.get("fingerprint") or seen.fingerprint,
        "aliases": sorted({*before.get("aliases", []), *aliases_wanted(wanted, seen)}),
        "properties": merge_config(
            before.get("properties", {}), wanted.properties, exact=False, owner=f"image {wanted.name}"
        ),
        "public": before.get("public", False) if wanted.public is None else wanted.public,
        "auto_update": before.get("auto_update", False) if wanted.auto_update is None else wanted.auto_update,
        "expires_at": before.get("expires_at", "") if wanted.expires_at is None else expiry(wanted.expires_at),
    }


def _update(wanted: Wanted, seen: Observed, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Step]:
    if seen.content is None or all(before[key] == after[key] for key in _COMPARED):
        return []
    payload = {key: seen.content[key] for key in WRITABLE if key in seen.content}
    payload.update({key: after[key] for key in _COMPARED})
    payload["expires_at"] = after["expires_at"] or None
    where = path("images", before["fingerprint"])
    return [Step("update", f"update image {wanted.name}", "PUT", where, payload, etag=seen.etag)]


def _create(wanted: Wanted, seen: Observed) -> list[Step]:
    if seen.content is not None:
        return []
    if seen.offer_problem is not None:
        raise seen.offer_problem
    if not seen.action:
        reason = "it is not there, and to have it made it takes source, file, source_url or source_container"
        raise invalid(seen.remote, wanted.name, reason)
    return [Step(seen.action, f"{seen.action} image {wanted.name}", "POST", path("images"))]


def _still_needed(wanted: Wanted, seen: Observed) -> str:
    """Why the old image cannot be removed; empty if it can."""
    named = aliases_wanted(wanted, seen)
    others = [alias["name"] for alias in (seen.old or {}).get("aliases") or () if alias["name"] not in named]
    if others:
        return f"it is {', '.join(sorted(others))} as well"
    return f"it is used by {', '.join(seen.old_users)}" if seen.old_users else ""


def _give_aliases(wanted: Wanted, seen: Observed) -> list[Step]:
    """Steps that leave out the alias's target: for an image yet to come it is known only then."""
    steps = []
    for alias in aliases_wanted(wanted, seen):
        holder = seen.aliases.get(alias)
        if holder is None:
            doing, payload = f"give alias {alias} to image {wanted.name}", {"name": alias, "description": ""}
            steps.append(Step("alias", doing, "POST", path("images", "aliases"), payload))
        elif holder == seen.fingerprint:
            continue
        elif alias == wanted.name or (seen.old and holder == seen.old["fingerprint"]):
            # It is the new image that the user means by this name now.
            doing, payload = f"move alias {alias} to its new image", {"description": ""}
            steps.append(Step("alias", doing, "PUT", path("images", "aliases", alias), payload))
        else:
            reason = f"alias {alias} is taken by image {holder[:12]}: remove it there first"
            raise invalid(seen.remote, wanted.name, reason)
    return steps


def _described(content: Mapping[str, Any]) -> dict[str, Any]:
    """An image in the terms of the options."""
    return {
        "fingerprint": content["fingerprint"],
        "aliases": sorted(alias["name"] for alias in content.get("aliases") or ()),
        "properties": dict(content.get("properties") or {}),
        "public": bool(content.get("public")),
        "auto_update": bool(content.get("auto_update")),
        "expires_at": stored_expiry(content),
    }
