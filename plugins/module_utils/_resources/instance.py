# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances, which this collection's users know as containers.

Source: doc/rest-api.yaml, /1.0/instances, of LXD and Incus.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Callable

from .._api.client import Client, Reply, path
from .._api.deadline import Deadline
from .._api.errors import FlotillaError, InvalidInput
from .._images.choice import ImageChoice
from .instance_plan import Observed, Wanted, plan
from .plan import Plan, Step, write

_NAME = re.compile(r"[a-zA-Z]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?")


class Instance:
    """A container on a server, as the user wants it.

    find_image looks an image up by its name and the instance's type. predicting: check mode, in which what is missing may
    yet be made by an earlier task.
    """

    def __init__(
        self,
        client: Client,
        wanted: Wanted,
        find_image: Callable[[str, str], ImageChoice],
        *,
        predicting: bool = False,
    ) -> None:
        for name in (wanted.name, wanted.rename_from or wanted.name):
            check_name(name)
        self.client = client
        self.wanted = wanted
        self._find_image = find_image
        self._predicting = predicting
        self._image: ImageChoice | None = None

    def read(self) -> Observed:
        """The container of the name, or else the one to be renamed, and what it takes to plan."""
        found = self._container()
        seen = Observed(self.client.remote, found.metadata if found else None, found.etag if found else None)
        if self.wanted.state == "absent":
            return seen
        return replace(seen, **self._image_facts(seen.content), **self._profile_facts(seen.content))

    def read_again(self, state: Observed) -> Observed:
        found = self._find(self.wanted.name)
        return replace(state, content=found.metadata if found else None, etag=found.etag if found else None)

    def plan(self, state: Observed) -> Plan:
        return plan(self.wanted, state, predicting=self._predicting)

    def perform(self, step: Step, deadline: Deadline) -> None:
        client = self.client
        if step.action == "create":
            client = client.scoped(target=self.wanted.target)
        if step.action in ("create", "rebuild") and self._image is not None:
            # The secret of a private image works once and not for long, so it is made last.
            step = replace(step, payload={**(step.payload or {}), "source": self._image.source_for(client, deadline)})
        write(client, step, deadline)

    def _container(self) -> Reply | None:
        wanted = self.wanted
        found = self._find(wanted.name)
        if wanted.rename_from in (None, wanted.name) or wanted.state == "absent":
            return found
        old = self._find(str(wanted.rename_from))
        if found and old:
            raise InvalidInput(
                f"remote {self.client.remote}: container {wanted.rename_from} cannot be renamed to {wanted.name}:"
                " there is a container of that name already"
            )
        return found or old

    def _find(self, name: str) -> Reply | None:
        return self.client.find(path("instances", name), doing=f"read container {name}")

    def _image_facts(self, content: Mapping[str, Any] | None) -> dict[str, Any]:
        """What the image stands for: to create from, and to see whether it has moved on since."""
        made_from_image = content is None or (content.get("config") or {}).get("volatile.base_image")
        if self.wanted.image is None or not made_from_image:
            return {}
        kind = self.wanted.type or (content or {}).get("type") or "container"
        try:
            self._image = self._find_image(self.wanted.image, kind)
        except FlotillaError as error:
            return {"image_problem": error}
        can_rebuild = self.wanted.rebuild and self.client.server.can("instances_rebuild")
        return {"image": self._image, "can_rebuild": can_rebuild}

    def _profile_facts(self, content: Mapping[str, Any] | None) -> dict[str, Any]:
        """Which profiles there are, if the container is to have others than it has.

        The server's own refusal comes late, when a container is half-made already, and in check mode not at all.
        """
        if not self.wanted.profiles or self.wanted.profiles == (content or {}).get("profiles"):
            return {}
        listing = self.client.get(path("profiles"), doing="list profiles", recursion="1").metadata
        return {"profiles": {profile["name"]: profile.get("config") or {} for profile in listing or ()}}


def check_name(name: str) -> None:
    """Refuse a name that the API would refuse: it becomes a host name. Raises InvalidInput."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} is no name for a container: up to 63 letters, digits and dashes, a letter first and no dash last"
            + (" (the remote is an option of its own)" if ":" in name else "")
        )
