# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of other servers, of another project, and of image servers.

Three ways lead from one daemon to another. ``pull``: the one that gets it fetches it. ``push``: the one that has it sends
it. ``relay``: it goes through the host the task runs on, for daemons that do not reach each other.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Callable, TypeVar

from .._api.client import Client, path
from .._api.deadline import Deadline
from .._api.errors import ApiError, FlotillaError, InvalidInput
from .._remotes.resolve import image_source
from . import choice
from .download import download
from .remote_file import RemoteFile
from .source import Offer, Traits
from .streams import ImageServer, Streamed
from .upload import Content, settled, upload


@dataclass(frozen=True)
class Where:
    """Which image is meant. text: ``REMOTE:ALIAS`` as the user writes it; type: of the image; project: of the remote."""

    text: str
    type: str = "container"
    project: str | None = None
    client_config: str = "auto"


class CopySource:
    """An image of another server. expected: the fingerprint it has to have, or None. thorough: what an image server has
    now is looked up as well, and not left to the daemon; that is a request more, and a big one.
    """

    action = "copy"
    is_the_name = False

    def __init__(self, where: Where, mode: str, expected: str | None, *, thorough: bool) -> None:
        self._where = where
        self._mode = mode
        self._expected = expected
        self._thorough = thorough
        self._choice: choice.ImageChoice | None = None
        self._streamed: Streamed | None = None

    def look(self, store: Client) -> Offer:
        if self._choice is None:
            where = self._where
            self._choice = choice.find(
                store,
                where.text,
                kind=where.type,
                client_config=where.client_config,
                project=where.project,
                pulled=self._mode == "pull",
            )
            if self._choice.fingerprint is None and (self._thorough or self._mode != "pull"):
                self._streamed = self._look_it_up(store)
        offer = self._offer(self._choice)
        if self._expected and offer.fingerprint and offer.fingerprint != self._expected:
            raise InvalidInput(
                f"image {self._where.text} is not the one wanted: its fingerprint is {offer.fingerprint}, and"
                f" {self._expected} is asked for"
            )
        return offer

    def check(self, store: Client) -> None:
        found = self._choice
        if self._mode != "push" or found is None:
            return
        if found.home is None:
            raise InvalidInput(
                f"image {self._where.text}: an image server does not push: take mode: pull or mode: relay"
            )
        if found.home.server.kind != store.server.kind:
            raise InvalidInput(
                f"image {self._where.text}: {found.home.server.kind.title} and {store.server.kind.title} do not push to"
                " each other: take mode: pull or mode: relay"
            )

    def bring(self, store: Client, traits: Traits, deadline: Deadline) -> str:
        offer = self.look(store)
        found = self._choice
        if found is None or (found.home is None and self._streamed is None and "mode" not in found.source):
            return str(offer.fingerprint)  # It is in the store already: there is nothing to copy.
        ways: dict[str, Callable[[choice.ImageChoice, Client, Traits, Deadline], str]]
        ways = {"pull": self._pull, "push": self._push, "relay": self._relay}
        return ways[self._mode](found, store, traits, deadline)

    def _pull(self, found: choice.ImageChoice, store: Client, traits: Traits, deadline: Deadline) -> str:
        doing = f"copy image {self._where.text}"
        source = found.source_for(store, deadline)
        if "mode" not in source:
            return str(source["fingerprint"])  # Another task has brought it meanwhile.
        payload = {"source": source, "auto_update": traits.auto_update, "public": traits.public}
        try:
            return settled(store, store.write("POST", path("images"), payload, doing=doing, deadline=deadline), doing)
        except ApiError:
            # Incus fails over the aliases of an image that it has already.
            fingerprint = found.fingerprint or self._look_it_up(store).fingerprint
            if store.find(path("images", fingerprint), doing=f"look for image {self._where.text}") is None:
                raise
            return fingerprint

    def _push(self, found: choice.ImageChoice, store: Client, traits: Traits, deadline: Deadline) -> str:
        """The store gives the daemon that has the image a secret, by which that one may bring it."""
        doing = f"push image {self._where.text} to {store.remote}"
        home, fingerprint = _present(found.home), str(found.fingerprint)
        url = choice.own_url(store, "push")
        ticket = {"source": {"type": "image", "mode": "push", "fingerprint": fingerprint}, "public": traits.public}
        answer = store.send("POST", path("images"), ticket, doing=doing, deadline=deadline)
        permit = _present(answer.operation)
        order = {
            "target": url,
            "secret": permit.metadata["secret"],
            "certificate": store.server.environment.get("certificate"),
            "project": store.project or "default",
        }
        try:
            home.write("POST", path("images", fingerprint, "export"), order, doing=doing, deadline=deadline)
        except FlotillaError:
            permit.cancel()  # A secret that nobody redeems would stay good.
            raise
        return fingerprint

    def _relay(self, found: choice.ImageChoice, store: Client, traits: Traits, deadline: Deadline) -> str:
        with ExitStack() as open_files:
            if self._streamed:
                urls, identity = self._streamed.urls, self._image_server(store).identity
                files = tuple(RemoteFile(url, identity, deadline) for url in urls)
                fingerprint = self._streamed.fingerprint
                content = Content(files, is_disk=self._where.type != "container")
            else:
                fingerprint = str(found.fingerprint)
                is_disk = found.content.get("type") == "virtual-machine"
                parts = open_files.enter_context(download(_present(found.home), fingerprint, deadline))
                content = Content(parts, is_disk=is_disk, is_known=True)
            return upload(store, content, fingerprint, traits, what=self._where.text, deadline=deadline)

    def _offer(self, found: choice.ImageChoice) -> Offer:
        can_be_followed = self._mode == "pull" and "alias" in found.source
        if self._streamed:
            return Offer(self._streamed.fingerprint, self._streamed.aliases, can_be_followed=can_be_followed)
        aliases = tuple(alias["name"] for alias in found.content.get("aliases") or ())
        return Offer(found.fingerprint, aliases, found.content.get("properties") or {}, can_be_followed)

    def _look_it_up(self, store: Client) -> Streamed:
        _remote, name = choice.split(self._where.text)
        architectures = store.server.environment.get("architectures") or ()
        server = self._image_server(store)
        return server.find(name, kind=store.server.kind, type_=self._where.type, architectures=architectures)

    def _image_server(self, store: Client) -> ImageServer:
        name, _colon, _image = self._where.text.partition(":")
        remote = image_source(name, store.server.kind, os.environ, self._where.client_config)
        return ImageServer(name, remote.url, remote.identity)


Thing = TypeVar("Thing")


def _present(thing: Thing | None) -> Thing:
    """What is there by the way this was reached."""
    if thing is None:
        raise InvalidInput("the image is on no other server")
    return thing
