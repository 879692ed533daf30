# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which image is meant by the text a user writes: ``debian/12``, ``foo:debian/12``, a fingerprint or its beginning."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._api.client import Client, path
from .._api.deadline import Deadline
from .._api.errors import InvalidInput
from .._api.transport import Transport
from .._remotes.resolve import LOCAL, Remote, image_source

_FINGERPRINT = re.compile(r"[0-9a-f]{1,64}")


@dataclass(frozen=True)
class ImageChoice:
    """An image found. fingerprint is None where only the server itself will look (simplestreams).

    source is what the API takes for a container's or an image's source. owner, for a private image on another remote:
    a client that can have a one-time secret for it made.
    """

    text: str
    fingerprint: str | None
    source: Mapping[str, Any]
    owner: Client | None = field(default=None, repr=False)

    def source_for(self, target: Client, deadline: Deadline) -> dict[str, Any]:
        """The source for this server, with a fresh secret where one is needed. To be asked for right before it is used.

        A secret that nobody redeems stays good, so none is made for an image that the server has already.
        """
        if self.owner is None:
            return dict(self.source)
        if target.find(path("images", str(self.fingerprint)), doing=f"look for image {self.text}"):
            return {"type": "image", "fingerprint": self.fingerprint}
        answer = self.owner.send(
            "POST",
            path("images", str(self.fingerprint), "secret"),
            {},
            doing=f"have a secret made for image {self.text}",
            deadline=deadline,
        )
        secret = answer.operation.metadata["secret"] if answer.operation else answer.metadata["secret"]
        return {**self.source, "secret": secret}


def split(text: str) -> tuple[str | None, str]:
    """``foo:debian/12`` as remote and name; no remote: None. Raises InvalidInput."""
    remote, colon, name = text.partition(":")
    if not colon:
        remote, name = "", text
    if not name or (colon and not remote):
        raise InvalidInput(f"image {text!r} is not understood: it is an alias or a fingerprint, or remote:alias")
    return remote or None, name


def find(client: Client, text: str, *, kind: str, client_config: str = "auto") -> ImageChoice:
    """Look an image up for the server of client. kind: ``container`` or ``virtual-machine``.

    Raises InvalidInput where there is none, with what there is instead; ConfigurationError for the remote.
    """
    remote_name, name = split(text)
    if remote_name is None or remote_name == client.remote:
        fingerprint = _fingerprint(client, name, text)
        return ImageChoice(text, fingerprint, {"type": "image", "fingerprint": fingerprint})
    remote = image_source(remote_name, client.server.kind, os.environ, client_config)
    if not remote.is_daemon:
        return ImageChoice(text, None, _remote_source(client, remote, remote.url, name, None, kind))
    owner = Client(Transport(remote.name, remote.address()), project=remote.project)
    fingerprint = _fingerprint(owner, name, text)
    public = owner.get(path("images", fingerprint), doing=f"read image {text}").metadata.get("public")
    # A private image's alias is hidden from the pulling daemon, secret or not; only an alias can be followed later, though.
    alias = name if public and not fingerprint.startswith(name) else None
    source = _remote_source(client, remote, _reachable_url(owner, remote), alias, fingerprint, kind)
    return ImageChoice(text, fingerprint, source, owner=None if public else owner)


def _fingerprint(client: Client, name: str, text: str) -> str:
    """The full fingerprint that an alias or the beginning of a fingerprint stands for on this server."""
    alias = client.find(path("images", "aliases", name), doing=f"look up image {text}")
    if alias is not None:
        return str(alias.metadata["target"])
    if _FINGERPRINT.fullmatch(name):
        image = client.find(path("images", name), doing=f"look up image {text}")
        if image is not None:
            return str(image.metadata["fingerprint"])
    aliases = client.get(path("images", "aliases"), doing="list image aliases", recursion="1").metadata
    known = sorted(alias["name"] for alias in aliases or ())
    similar = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {similar[0]}?" if similar else f"its aliases are {', '.join(known[:20]) or 'none'}."
    raise InvalidInput(
        f"remote {client.remote}: there is no image {name}: {hint} An image of another remote is REMOTE:{name}"
    )


def _remote_source(
    client: Client, remote: Remote, url: str, alias: str | None, fingerprint: str | None, kind: str
) -> dict[str, Any]:
    source: dict[str, Any] = {
        "type": "image",
        "mode": "pull",
        "server": url,
        # LXD knows both daemons' protocol as "lxd" only; Incus takes either.
        "protocol": client.server.kind.protocol if remote.is_daemon else remote.protocol,
        "image_type": kind,
    }
    if remote.identity.server_certificate:
        source["certificate"] = remote.identity.server_certificate
    if alias:
        source["alias"] = alias
    elif fingerprint:
        source["fingerprint"] = fingerprint
    return source


def _reachable_url(owner: Client, remote: Remote) -> str:
    """Where the other daemon reaches this one. A Unix socket is of no use to it."""
    if not remote.url.startswith("unix:") and remote.name != LOCAL:
        return remote.url
    addresses = owner.server.environment.get("addresses") or ()
    if not addresses:
        raise InvalidInput(
            f"remote {remote.name} is reached by its socket only, and another daemon cannot pull from there: set"
            " core.https_address on it, or copy the image with flotilla.lxd.image first"
        )
    return f"https://{addresses[0]}"
