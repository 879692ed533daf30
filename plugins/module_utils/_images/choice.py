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

from .._api.client import Client, Reply, path
from .._api.deadline import Deadline
from .._api.errors import ApiError, InvalidInput
from .._api.transport import Transport
from .._remotes.resolve import LOCAL, image_source

_FINGERPRINT = re.compile(r"[0-9a-f]{1,64}")


@dataclass(frozen=True)
class ImageChoice:
    """An image found. fingerprint is None where only the server itself will look (simplestreams).

    source is what the API takes for a container's or an image's source. home: the daemon that has the image, if that is
    another one or another project than where it is to go; content: the image as home describes it.
    """

    text: str
    fingerprint: str | None
    source: Mapping[str, Any]
    home: Client | None = field(default=None, repr=False)
    content: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def source_for(self, target: Client, deadline: Deadline) -> dict[str, Any]:
        """The source for this server, with a fresh secret where one is needed. To be asked for right before it is used.

        A secret that nobody redeems stays good, so none is made for an image that the server has already.
        """
        if self.home is None or self.content.get("public"):
            return dict(self.source)
        if target.find(path("images", str(self.fingerprint)), doing=f"look for image {self.text}"):
            return {"type": "image", "fingerprint": self.fingerprint}
        answer = self.home.send(
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


def find(
    client: Client,
    text: str,
    *,
    kind: str,
    client_config: str = "auto",
    project: str | None = None,
    pulled: bool = True,
) -> ImageChoice:
    """Look an image up for the server of client. kind: ``container`` or ``virtual-machine``.

    project: of the remote that has the image, if not its usual one. pulled: that server is to fetch it by itself, and so
    has to be able to. Raises InvalidInput where there is no such image, with what there is instead; ConfigurationError
    for the remote.
    """
    remote_name, name = split(text)
    if remote_name is None or remote_name == client.remote:
        if project in (None, client.project or "default"):
            fingerprint = fingerprint_of(client, name)
            return ImageChoice(text, fingerprint, {"type": "image", "fingerprint": fingerprint})
        home, certificate, url = client.scoped(project=project), None, None
    else:
        remote = image_source(remote_name, client.server.kind, os.environ, client_config)
        certificate = remote.identity.server_certificate
        if not remote.is_daemon:
            return ImageChoice(text, None, _pulled(remote.url, remote.protocol, certificate, name, None, kind))
        home = Client(Transport(remote.name, remote.address()), project=project or remote.project)
        url = None if remote.url.startswith("unix:") or remote.name == LOCAL else remote.url
    fingerprint = fingerprint_of(home, name)
    content = home.get(path("images", fingerprint), doing=f"read image {text}").metadata
    if not pulled:
        return ImageChoice(text, fingerprint, {}, home, content)
    # A private image's alias is hidden from the pulling daemon, secret or not; only an alias can be followed later, though.
    alias = name if content.get("public") and not fingerprint.startswith(name) else None
    if url is None:
        url, certificate = own_url(home, "pull"), home.server.environment.get("certificate")
    # LXD knows both daemons' protocol as "lxd" only; Incus takes either.
    source = _pulled(url, client.server.kind.protocol, certificate, alias, fingerprint, kind)
    if home.project not in (None, "default"):
        source["project"] = home.project
    return ImageChoice(text, fingerprint, source, home, content)


def fingerprint_of(client: Client, name: str) -> str:
    """The full fingerprint that an alias or the beginning of a fingerprint stands for on this server."""
    alias = client.find(path("images", "aliases", name), doing=f"look up image {name}")
    if alias is not None:
        return str(alias.metadata["target"])
    if _FINGERPRINT.fullmatch(name):
        image = _by_fingerprint(client, name)
        if image is not None:
            return str(image.metadata["fingerprint"])
    aliases = client.get(path("images", "aliases"), doing="list image aliases", recursion="1").metadata
    known = sorted(alias["name"] for alias in aliases or ())
    similar = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {similar[0]}?" if similar else f"its aliases are {', '.join(known[:20]) or 'none'}."
    raise InvalidInput(
        f"remote {client.remote}: there is no image {name}: {hint} An image of another remote is REMOTE:{name}"
    )


def _by_fingerprint(client: Client, beginning: str) -> Reply | None:
    try:
        return client.find(path("images", beginning), doing=f"look up image {beginning}")
    except ApiError as error:
        # The servers have a status of their own for every trouble, but not for a beginning that several have.
        advice = "If several fingerprints begin like this, say more of the one meant"
        raise type(error)(error.remote, error.doing, error.status, error.text, advice) from error


def own_url(server: Client, verb: str) -> str:
    """Where other daemons reach this one, as it says itself. verb: what they want to do there, for the message."""
    addresses = server.server.environment.get("addresses") or ()
    if not addresses:
        preposition = {"pull": "from", "push": "to"}[verb]
        raise InvalidInput(
            f"remote {server.remote} is reached by its socket only, and another daemon cannot {verb} {preposition} there:"
            " set core.https_address on it, or copy the image with flotilla.lxd.image and mode: relay"
        )
    return f"https://{addresses[0]}"


def _pulled(
    url: str, protocol: str, certificate: str | None, alias: str | None, fingerprint: str | None, kind: str
) -> dict[str, Any]:
    source: dict[str, Any] = {
        "type": "image",
        "mode": "pull",
        "server": url,
        "protocol": protocol,
        "image_type": kind,
    }
    if certificate:
        source["certificate"] = certificate
    if alias:
        source["alias"] = alias
    elif fingerprint:
        source["fingerprint"] = fingerprint
    return source
