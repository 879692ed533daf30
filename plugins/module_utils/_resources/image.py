# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images in a server's store. Source: doc/rest-api.yaml, /1.0/images, of LXD and Incus."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable
from urllib.parse import urlencode

from .._api.client import Client, path
from .._api.deadline import Deadline
from .._api.errors import FlotillaError, InvalidInput, OperationFailed
from .._images.choice import ImageChoice
from .._images.file import ImageFile
from .image_plan import WRITABLE, Observed, Wanted, invalid, plan
from .plan import Plan, Step, write
from .values import merge_config


class Image:
    """An image on a server, as the user wants it. find_image looks up the source, on whichever remote it is."""

    def __init__(self, client: Client, wanted: Wanted, find_image: Callable[[str, str], ImageChoice]) -> None:
        for alias in [wanted.name, *(wanted.aliases or [])]:
            check_alias(alias)
        self.client = client
        self.wanted = wanted
        self._find_image = find_image
        self._file = ImageFile(wanted.file, wanted.rootfs) if wanted.file and wanted.state == "present" else None
        self._choice: ImageChoice | None = None
        self._fingerprint: str | None = None

    def read(self) -> Observed:
        """The image meant, whether or not it bears the alias yet."""
        listing = self.client.get(path("images", "aliases"), doing="list image aliases", recursion="1").metadata
        aliases = {alias["name"]: alias["target"] for alias in listing or ()}
        problem: FlotillaError | None = None
        if self.wanted.source is not None and self.wanted.state == "present" and self._choice is None:
            try:
                self._choice = self._find_image(self.wanted.source, self.wanted.type)
            except FlotillaError as error:
                problem = error
        fingerprint = self._expected_fingerprint(aliases)
        seen = Observed(self.client.remote, None, None, fingerprint, aliases, self._choice, problem)
        if fingerprint is None:
            return seen
        found = self.client.find(path("images", fingerprint), doing=f"read image {self.wanted.name}")
        if found is None:
            return seen
        # Of the name only the beginning of the fingerprint may have been given.
        self._fingerprint = str(found.metadata["fingerprint"])
        return replace(seen, content=found.metadata, etag=found.etag, fingerprint=self._fingerprint)

    def read_again(self, state: Observed) -> Observed:
        where = path("images", str(state.fingerprint or self._fingerprint))
        found = self.client.find(where, doing=f"read image {self.wanted.name}")
        return replace(state, content=found.metadata if found else None, etag=found.etag if found else None)

    def plan(self, state: Observed) -> Plan:
        return plan(self.wanted, state)

    def perform(self, step: Step, deadline: Deadline) -> None:
        if step.action == "import":
            self._import(step, deadline)
        elif step.action == "copy":
            self._copy(step, deadline)
        elif step.action == "alias":
            write(self.client, replace(step, payload={**(step.payload or {}), "target": self._fingerprint}), deadline)
        else:
            write(self.client, step, deadline)

    def _expected_fingerprint(self, aliases: dict[str, str]) -> str | None:
        """Of the image meant: what the file has, else what bears the name, else what the source stands for."""
        wanted = self.wanted
        if self._file is not None:
            if self._fingerprint is None:
                self._file.check()
                self._fingerprint = self._file.fingerprint()
            return self._fingerprint
        if wanted.name in aliases:
            return aliases[wanted.name]
        if self._fingerprint is not None:
            return self._fingerprint
        if self._choice is not None:
            return self._choice.fingerprint
        return wanted.name if wanted.could_be_fingerprint() else None

    def _import(self, step: Step, deadline: Deadline) -> None:
        """Send the file. What the user says of the image goes along, so that it is never there without it."""
        wanted = self.wanted
        if self._file is None:
            raise invalid(self.client.remote, wanted.name, "there is no file to import")
        prefix = self.client.server.kind.header_prefix
        headers, body = self._file.upload()
        headers[f"{prefix}public"] = "true" if wanted.public else "false"
        properties = merge_config({}, wanted.properties, exact=False, owner=f"image {wanted.name}")
        if properties:
            headers[f"{prefix}properties"] = urlencode(properties)
        reply = self.client.send(
            step.method, step.path, doing=step.doing, body=body, headers=headers, deadline=deadline
        )
        self._settle(step, reply.operation.wait(deadline) if reply.operation else reply.metadata)

    def _copy(self, step: Step, deadline: Deadline) -> None:
        if self._choice is not None:
            step = replace(
                step, payload={**(step.payload or {}), "source": self._choice.source_for(self.client, deadline)}
            )
        self._settle(step, write(self.client, step, deadline))
        if self.wanted.properties:
            self._set_properties(deadline)

    def _settle(self, step: Step, metadata: Any) -> None:
        fingerprint = (metadata or {}).get("fingerprint")
        if not fingerprint:
            raise OperationFailed(self.client.remote, step.doing, 0, "the server names no fingerprint")
        self._fingerprint = str(fingerprint)

    def _set_properties(self, deadline: Deadline) -> None:
        """A copied image comes with its source's properties; the user's are laid over them."""
        where = path("images", str(self._fingerprint))
        state = self.client.get(where, doing=f"read image {self.wanted.name}")
        payload = {key: state.metadata[key] for key in WRITABLE if key in state.metadata}
        owner = f"image {self.wanted.name}"
        payload["properties"] = merge_config(payload["properties"], self.wanted.properties, exact=False, owner=owner)
        doing = f"update image {self.wanted.name}"
        self.client.write("PUT", where, payload, doing=doing, deadline=deadline, etag=state.etag)


def check_alias(name: str) -> None:
    """Refuse an alias that nobody could use. Raises InvalidInput."""
    if not name or ":" in name or name != name.strip() or name.startswith("/") or name.endswith("/"):
        raise InvalidInput(
            f"{name!r} is no alias for an image: it must not be empty, hold a colon, or begin or end with a slash"
            + (" (the remote is an option of its own)" if ":" in name else "")
        )
