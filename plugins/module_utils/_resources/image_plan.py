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
from .._images.choice import ImageChoice
from .plan import Plan, Step
from .values import merge_config

# What PUT takes. All of it is sent, for what is left out would be cleared.
WRITABLE = ("auto_update", "properties", "public", "expires_at", "profiles")
_COMPARED = ("auto_update", "properties", "public")
# Shorter ones are better names than fingerprints: 2204, cafe.
_FINGERPRINT_PREFIX = re.compile(r"[0-9a-f]{12,64}")


@dataclass(frozen=True)
class Wanted:
    """The options of the image module. None: not named, so left as it is or to the server."""

    name: str
    state: str
    source: str | None = None
    file: str | None = None
    rootfs: str | None = None
    type: str = "container"
    aliases: list[str] | None = None
    properties: Mapping[str, Any] | None = None
    public: bool | None = None
    auto_update: bool | None = None

    def could_be_fingerprint(self) -> bool:
        """Whether name is no alias but, unless there is an alias of that name, a fingerprint or its beginning."""
        return _FINGERPRINT_PREFIX.fullmatch(self.name) is not None


@dataclass(frozen=True)
class Observed:
    """What there is on the server. content: the image as the API gives it, or None.

    fingerprint: of the image meant, there or not, as far as it can be known. aliases: which alias stands for which
    fingerprint. choice: what the source stands for now, or else, if it was looked up in vain, choice_problem.
    """

    remote: str
    content: Mapping[str, Any] | None
    etag: str | None = None
    fingerprint: str | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    choice: ImageChoice | None = None
    choice_problem: FlotillaError | None = None


def plan(wanted: Wanted, seen: Observed) -> Plan:
    """The steps from what is seen to what is wanted. Raises InvalidInput for what cannot be."""
    before = _described(seen.content) if seen.content else {}
    if wanted.state == "absent":
        return _plan_absent(wanted, seen, before)
    after = _after(wanted, seen, before)
    # The update comes first of all, while the ETag read is still the object's.
    steps = [*_update(wanted, seen, before, after), *_create(wanted, seen), *_give_aliases(wanted, seen)]
    notes = {}
    if before and seen.choice and seen.choice.fingerprint:
        notes["image_moved_on"] = seen.choice.fingerprint != before["fingerprint"]
    warnings = [f"cannot tell whether the image has moved on: {seen.choice_problem}"] if seen.choice_problem else []
    in_api_terms = {"aliases": [{"name": alias, "description": ""} for alias in after["aliases"]]}
    return Plan(before, after, tuple(steps), notes, in_api_terms, tuple(warnings))


def aliases_wanted(wanted: Wanted, seen: Observed) -> list[str]:
    """The aliases that the image is to have, each once; the name is one unless it is a fingerprint."""
    is_fingerprint = (
        wanted.could_be_fingerprint()
        and wanted.name not in seen.aliases
        and (seen.fingerprint is None or seen.fingerprint.startswith(wanted.name))
    )
    names = [] if is_fingerprint else [wanted.name]
    return list(dict.fromkeys([*names, *(wanted.aliases or [])]))


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
    }


def _update(wanted: Wanted, seen: Observed, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Step]:
    if seen.content is None or all(before[key] == after[key] for key in _COMPARED):
        return []
    payload = {key: seen.content[key] for key in WRITABLE if key in seen.content}
    payload.update({key: after[key] for key in _COMPARED})
    where = path("images", before["fingerprint"])
    return [Step("update", f"update image {wanted.name}", "PUT", where, payload, etag=seen.etag)]


def _create(wanted: Wanted, seen: Observed) -> list[Step]:
    if seen.content is not None:
        return []
    if wanted.file is not None:
        return [Step("import", f"import image {wanted.name}", "POST", path("images"))]
    if seen.choice_problem is not None:
        raise seen.choice_problem
    if seen.choice is None:
        raise invalid(seen.remote, wanted.name, "it is not there, and to have it made source or file is needed")
    payload = {
        "source": dict(seen.choice.source),
        "auto_update": bool(wanted.auto_update),
        "public": bool(wanted.public),
    }
    return [Step("copy", f"copy image {wanted.name}", "POST", path("images"), payload)]


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
        elif alias == wanted.name:
            # The file is what the user means by this name now.
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
    }
