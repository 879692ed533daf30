# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images in a server's store. Source: doc/rest-api.yaml, /1.0/images, of LXD and Incus."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .._api.client import Client, path
from .._api.deadline import Deadline
from .._api.errors import FlotillaError, InvalidInput
from .._images.refresh import newest
from .._images.source import Offer, Source, Traits
from .expiry import expiry
from .image_plan import WRITABLE, Observed, Wanted, plan
from .plan import Plan, Step, write
from .values import merge_config


class Image:
    """An image on a server, as the user wants it. source: where to get it from, if the user says."""

    def __init__(self, client: Client, wanted: Wanted, source: Source | None) -> None:
        for alias in [wanted.name, *(wanted.aliases or [])]:
            check_alias(alias)
        self.client = client
        self.wanted = wanted
        self._source = source if wanted.state in ("present", "refreshed") else None
        self._fingerprint: str | None = None
        self._brought = False

    def read(self) -> Observed:
        """The image meant, whether or not it bears the alias yet."""
        listing = self.client.get(path("images", "aliases"), doing="list image aliases", recursion="1").metadata
        aliases = {alias["name"]: alias["target"] for alias in listing or ()}
        offer, problem = self._offer()
        current = aliases.get(self.wanted.name) or (self.wanted.name if self.wanted.could_be_fingerprint() else None)
        fingerprint = self._meant(current, offer)
        seen = Observed(self.client.remote, None, None, fingerprint, aliases, offer=offer, offer_problem=problem)
        if self._source is not None:
            seen = replace(seen, action=self._source.action)
        if fingerprint is not None:
            found = self.client.find(path("images", fingerprint), doing=f"read image {self.wanted.name}")
            if found:
                # Of the name only the beginning of the fingerprint may have been given.
                self._fingerprint = str(found.metadata["fingerprint"])
                seen = replace(seen, content=found.metadata, etag=found.etag, fingerprint=self._fingerprint)
        if seen.content is None and self._source is not None and problem is None:
            self._source.check(self.client)
        return replace(seen, **self._facts_of_old(aliases, seen), **self._refresh_facts(seen))

    def read_again(self, state: Observed) -> Observed:
        where = path("images", str(self._fingerprint or state.fingerprint))
        found = self.client.find(where, doing=f"read image {self.wanted.name}")
        return replace(state, content=found.metadata if found else None, etag=found.etag if found else None)

    def plan(self, state: Observed) -> Plan:
        return plan(self.wanted, state)

    def perform(self, step: Step, deadline: Deadline) -> None:
        if self._source is not None and step.action == self._source.action:
            self._bring(self._source, deadline)
        elif step.action == "alias":
            self._undone_on_failure(
                replace(step, payload={**(step.payload or {}), "target": self._fingerprint}), deadline
            )
        elif step.action == "refresh":
            write(self.client, step, deadline)
            self._follow_name()
        else:
            write(self.client, step, deadline)

    def _offer(self) -> tuple[Offer | None, FlotillaError | None]:
        if self._source is None:
            return None, None
        try:
            return self._source.look(self.client), None
        except FlotillaError as error:
            if self._source.is_the_name:
                raise
            return None, error

    def _meant(self, current: str | None, offer: Offer | None) -> str | None:
        """The fingerprint of the image meant, as far as it can be known."""
        if self._brought:
            return self._fingerprint
        if self._source is None:
            return current
        if self._source.is_the_name or self.wanted.state == "refreshed" or current is None:
            return offer.fingerprint if offer else current
        return current

    def _facts_of_old(self, aliases: dict[str, str], seen: Observed) -> dict[str, Any]:
        """The image that has the name until now, if it is to make way for another."""
        holder = aliases.get(self.wanted.name)
        if holder in (None, seen.fingerprint) or self._source is None:
            return {}
        found = self.client.find(path("images", str(holder)), doing=f"read image {self.wanted.name}")
        if found is None or not self.wanted.remove_old:
            return {"old": found.metadata if found else None}
        query = {"recursion": "1", "all-projects": "true"}
        listing = self.client.send("GET", path("instances"), doing="list containers", query=query).metadata
        users = [one["name"] for one in listing or () if one["config"].get("volatile.base_image") == holder]
        return {"old": found.metadata, "old_users": tuple(sorted(users))}

    def _refresh_facts(self, seen: Observed) -> dict[str, Any]:
        if self.wanted.state != "refreshed" or self._source is not None or seen.content is None:
            return {}
        return {"newest": newest(self.client, seen.content)}

    def _bring(self, source: Source, deadline: Deadline) -> None:
        wanted = self.wanted
        properties = merge_config({}, wanted.properties, exact=False, owner=f"image {wanted.name}")
        traits = Traits(bool(wanted.public), bool(wanted.auto_update), properties)
        offered = source.look(self.client).properties
        self._fingerprint = source.bring(self.client, traits, deadline)
        self._brought = True
        where = path("images", self._fingerprint)
        state = self.client.get(where, doing=f"read image {wanted.name}")
        # Pushed and relayed, an image has lost what its source says of it. The user's own properties are laid over those.
        payload = {key: state.metadata[key] for key in WRITABLE if key in state.metadata}
        merged = {
            **payload,
            "properties": {**payload["properties"], **offered, **properties},
            "public": bool(wanted.public),
        }
        if wanted.expires_at is not None:
            merged["expires_at"] = expiry(wanted.expires_at) or None
        if merged != payload:
            doing = f"update image {wanted.name}"
            self._undone_on_failure(Step("update", doing, "PUT", where, merged, etag=state.etag), deadline)

    def _undone_on_failure(self, step: Step, deadline: Deadline) -> None:
        """A step after the image came: if it fails, the image is not left behind without it."""
        try:
            write(self.client, step, deadline)
        except FlotillaError:
            if self._brought:
                where = path("images", str(self._fingerprint))
                self.client.write("DELETE", where, doing=f"remove image {self.wanted.name} again", deadline=deadline)
                self._brought, self._fingerprint = False, None
            raise

    def _follow_name(self) -> None:
        """A refreshed image is another one, by the same name."""
        found = self.client.find(path("images", "aliases", self.wanted.name), doing=f"read image {self.wanted.name}")
        if found:
            self._fingerprint = str(found.metadata["target"])


def check_alias(name: str) -> None:
    """Refuse an alias that nobody could use. Raises InvalidInput."""
    if not name or ":" in name or name != name.strip() or name.startswith("/") or name.endswith("/"):
        raise InvalidInput(
            f"{name!r} is no alias for an image: it must not be empty, hold a colon, or begin or end with a slash"
            + (" (the remote is an option of its own)" if ":" in name else "")
        )
