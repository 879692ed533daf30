# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images in a server's store. Source: doc/rest-api.yaml, /1.0/images, of LXD and Incus."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Callable
from urllib.parse import urlencode

from .._api.client import Client, Reply, path
from .._api.deadline import Deadline
from .._api.errors import InvalidInput, OperationFailed
from .image_choice import ImageChoice
from .image_file import ImageFile
from .plan import Plan, Step, write
from .values import merge_config

WRITABLE = ("auto_update", "properties", "public", "expires_at", "profiles")
_FINGERPRINT_PREFIX = re.compile(r"[0-9a-f]{4,64}")


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

    @property
    def by_alias(self) -> bool:
        """Whether name is an alias. A text that can be the beginning of a fingerprint is taken for one."""
        return _FINGERPRINT_PREFIX.fullmatch(self.name) is None


class Image:
    """An image on a server, as the user wants it. find_image looks up the source, on whichever remote it is."""

    def __init__(self, client: Client, wanted: Wanted, find_image: Callable[[str, str], ImageChoice]) -> None:
        for alias in [wanted.name, *(wanted.aliases or [])]:
            check_alias(alias)
        self.client = client
        self.wanted = wanted
        self._find_image = find_image
        self._file = ImageFile(wanted.file, wanted.rootfs) if wanted.file else None
        self._choice: ImageChoice | None = None
        self._fingerprint: str | None = None
        self._targets: dict[str, str] = {}

    def read(self) -> Reply | None:
        """The image meant, whether or not it bears the alias yet."""
        listing = self.client.get(path("images", "aliases"), doing="list image aliases", recursion="1").metadata
        self._targets = {alias["name"]: alias["target"] for alias in listing or ()}
        self._fingerprint = self._expected_fingerprint()
        if self._fingerprint is None:
            return None
        return self.client.find(path("images", self._fingerprint), doing=f"read image {self.wanted.name}")

    def plan(self, state: Reply | None) -> Plan:
        before = _described(state.metadata) if state else {}
        if self.wanted.state == "absent":
            return self._plan_absent(before)
        steps = [] if state else [self._create_step()]
        after = self._after(before)
        known = state.metadata["fingerprint"] if state else self._fingerprint
        steps += self._alias_steps(known)
        if state and any(before.get(key) != after.get(key) for key in ("properties", "public", "auto_update")):
            payload = {key: state.metadata.get(key) for key in WRITABLE if key in state.metadata}
            payload |= {key: after[key] for key in ("properties", "public", "auto_update")}
            where = path("images", state.metadata["fingerprint"])
            steps.append(Step("update", self._doing("update"), "PUT", where, payload, etag=state.etag))
        # The update comes first, while the ETag read is still the object's.
        steps.sort(key=lambda step: step.action != "update")
        return Plan(before, after, tuple(steps), self._notes(before))

    def perform(self, step: Step, deadline: Deadline) -> None:
        if step.action == "import":
            self._import(step, deadline)
        elif step.action == "copy":
            self._copy(step, deadline)
        elif step.action == "alias" and step.payload is not None:
            write(self.client, replace(step, payload={**step.payload, "target": self._fingerprint}), deadline)
        else:
            write(self.client, step, deadline)

    def _expected_fingerprint(self) -> str | None:
        wanted = self.wanted
        if self._file is not None and wanted.state == "present":
            self._file.check()
            return self._fingerprint or self._file.fingerprint()
        if not wanted.by_alias:
            return wanted.name if wanted.source is None else self._chosen().fingerprint
        if wanted.name in self._targets:
            return self._targets[wanted.name]
        if wanted.source is not None and wanted.state == "present":
            return self._chosen().fingerprint
        return None

    def _chosen(self) -> ImageChoice:
        if self._choice is None:
            self._choice = self._find_image(str(self.wanted.source), self.wanted.type)
        return self._choice

    def _create_step(self) -> Step:
        wanted = self.wanted
        if self._file is not None:
            return Step("import", self._doing("import"), "POST", path("images"))
        if wanted.source is None:
            raise self._invalid("it is not there, and to have it made source or file is needed")
        payload: dict[str, Any] = {"source": dict(self._chosen().source)}
        payload["auto_update"] = bool(wanted.auto_update)
        payload["public"] = bool(wanted.public)
        return Step("copy", self._doing("copy"), "POST", path("images"), payload)

    def _after(self, before: Mapping[str, Any]) -> dict[str, Any]:
        wanted = self.wanted
        aliases = [*([wanted.name] if wanted.by_alias else []), *(wanted.aliases or [])]
        return {
            "fingerprint": before.get("fingerprint") or self._fingerprint,
            "aliases": sorted({*before.get("aliases", []), *aliases}),
            "properties": merge_config(before.get("properties", {}), wanted.properties, exact=False),
            "public": before.get("public", False) if wanted.public is None else wanted.public,
            "auto_update": before.get("auto_update", False) if wanted.auto_update is None else wanted.auto_update,
        }

    def _alias_steps(self, fingerprint: str | None) -> list[Step]:
        wanted, steps = self.wanted, []
        for alias in [*([wanted.name] if wanted.by_alias else []), *(wanted.aliases or [])]:
            target = self._targets.get(alias)
            if target is not None and target == fingerprint:
                continue
            payload = {"name": alias, "description": ""}
            if target is None:
                steps.append(
                    Step("alias", self._doing(f"give alias {alias} to"), "POST", path("images", "aliases"), payload)
                )
            elif alias == wanted.name:
                # The file is what the user means by this name now.
                where = path("images", "aliases", alias)
                steps.append(Step("alias", self._doing(f"move alias {alias} to"), "PUT", where, {"description": ""}))
            else:
                raise self._invalid(f"alias {alias} is taken by image {target[:12]}: remove it there first")
        return steps

    def _plan_absent(self, before: Mapping[str, Any]) -> Plan:
        if not before:
            return Plan({}, {})
        return Plan(
            before, {}, (Step("delete", self._doing("delete"), "DELETE", path("images", before["fingerprint"])),)
        )

    def _notes(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """Whether the source has another image by now. Looked up only where it was needed anyway, or is cheap."""
        if not before or self.wanted.source is None:
            return {}
        fingerprint = self._chosen().fingerprint
        return {"image_moved_on": fingerprint != before["fingerprint"]} if fingerprint else {}

    def _import(self, step: Step, deadline: Deadline) -> None:
        """Send the file. What the user says of the image goes along, so that it is never there without it."""
        wanted = self.wanted
        if self._file is None:
            raise self._invalid("there is no file to import")
        prefix = self.client.server.kind.header_prefix
        headers, body = self._file.upload()
        headers[f"{prefix}public"] = "true" if wanted.public else "false"
        properties = merge_config({}, wanted.properties, exact=True)
        if properties:
            headers[f"{prefix}properties"] = urlencode(properties)
        reply = self.client.send(
            step.method, step.path, doing=step.doing, body=body, headers=headers, deadline=deadline
        )
        self._settle(reply.operation.wait(deadline) if reply.operation else reply.metadata)

    def _copy(self, step: Step, deadline: Deadline) -> None:
        payload = {**(step.payload or {}), "source": self._chosen().source_with_secret(deadline)}
        self._settle(write(self.client, replace(step, payload=payload), deadline))
        if self.wanted.properties:
            self._set_properties(deadline)

    def _settle(self, metadata: Any) -> None:
        fingerprint = (metadata or {}).get("fingerprint")
        if not fingerprint:
            raise OperationFailed(self.client.remote, self._doing("create"), 0, "the server names no fingerprint")
        self._fingerprint = str(fingerprint)

    def _set_properties(self, deadline: Deadline) -> None:
        """A copied image comes with its source's properties; the user's are laid over them."""
        where = path("images", str(self._fingerprint))
        state = self.client.get(where, doing=self._doing("read"))
        payload = {key: state.metadata[key] for key in WRITABLE if key in state.metadata}
        payload["properties"] = merge_config(payload["properties"], self.wanted.properties, exact=False)
        self.client.write("PUT", where, payload, doing=self._doing("update"), deadline=deadline, etag=state.etag)

    def _doing(self, verb: str) -> str:
        return f"{verb} image {self.wanted.name}"

    def _invalid(self, reason: str) -> InvalidInput:
        return InvalidInput(f"remote {self.client.remote}: image {self.wanted.name}: {reason}")


def check_alias(name: str) -> None:
    """Refuse an alias that nobody could use. Raises InvalidInput."""
    if not name or ":" in name or name != name.strip() or name.startswith("/") or name.endswith("/"):
        raise InvalidInput(
            f"{name!r} is no alias for an image: it must not be empty, hold a colon, or begin or end with a slash"
            + (" (the remote is an option of its own)" if ":" in name else "")
        )


def _described(content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "fingerprint": content["fingerprint"],
        "aliases": sorted(alias["name"] for alias in content.get("aliases") or ()),
        "properties": dict(content.get("properties") or {}),
        "public": bool(content.get("public")),
        "auto_update": bool(content.get("auto_update")),
    }
