# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images at a URL.

A page may name an image in its headers, as ``lxc image import https://...`` takes it; the server then fetches the image
by itself. Where it no longer does, or where the URL is that of the file itself, this host fetches and sends it on.

Source: doc/rest-api.md (source of type url) and lxd/images.go (imgPostURLInfo) of LXD and Incus.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin

from .._api.client import Client, path
from .._api.deadline import REQUEST_SECONDS, Deadline
from .._api.errors import ApiError, InvalidInput
from .._api.fetch import check_url, fetch, url_shown
from .._api.tls import Identity
from .remote_file import RemoteFile
from .source import Offer, Traits
from .upload import Content, settled, upload

_PREFIXES = ("LXD", "Incus")


@dataclass(frozen=True)
class Address:
    """Where an image is. rootfs_url: of the second file of a split image. ca_path: authorities that vouch for the host."""

    url: str
    rootfs_url: str | None = None
    ca_path: str | None = None
    type: str = "container"

    @property
    def identity(self) -> Identity:
        return Identity(ca_file=self.ca_path)


@dataclass(frozen=True)
class _Page:
    """What the headers of a page say of the image: its hash, and where it is."""

    fingerprint: str
    url: str


class UrlSource:
    """An image at a URL. expected: the fingerprint it has to have; needed where the URL is that of the file itself."""

    action = "import"
    is_the_name = False

    def __init__(self, address: Address, expected: str | None) -> None:
        check_url(address.url)
        if address.rootfs_url:
            check_url(address.rootfs_url)
            if not expected:
                raise InvalidInput("rootfs_url goes with fingerprint: the SHA-256 of both files, one after the other")
        self._address = address
        self._expected = expected
        self._page: _Page | None = None
        self._is_read = False

    def look(self, store: Client) -> Offer:
        if self._expected:
            return Offer(self._expected)
        page = self._read_page(store)
        if page is None:
            raise InvalidInput(
                f"{url_shown(self._address.url)} names no image (it answers without LXD-Image-Hash and LXD-Image-URL): if it"
                " is the image file itself, say its SHA-256 as fingerprint"
            )
        return Offer(page.fingerprint)

    def check(self, store: Client) -> None:
        if self._address.rootfs_url:
            return
        page = self._read_page(store)
        if page and self._expected and page.fingerprint != self._expected:
            raise InvalidInput(
                f"{url_shown(self._address.url)} names image {page.fingerprint}, and {self._expected} is asked for"
            )

    def bring(self, store: Client, traits: Traits, deadline: Deadline) -> str:
        fingerprint = str(self.look(store).fingerprint)
        page = None if self._address.rootfs_url else self._read_page(store)
        if page and not self._address.ca_path:  # The server knows nothing of authorities that only we are told of.
            doing = f"import image {url_shown(self._address.url)}"
            payload = {"source": {"type": "url", "url": self._address.url}, "public": traits.public}
            try:
                return settled(
                    store, store.write("POST", path("images"), payload, doing=doing, deadline=deadline), doing
                )
            except ApiError:
                pass  # Newer servers do not fetch any more. Others that cannot may still be helped.
        urls = [page.url if page else self._address.url, self._address.rootfs_url]
        parts = tuple(RemoteFile(url, self._address.identity, deadline) for url in urls if url)
        content = Content(parts, is_disk=self._address.type != "container")
        return upload(store, content, fingerprint, traits, what=url_shown(self._address.url), deadline=deadline)

    def _read_page(self, store: Client) -> _Page | None:
        if not self._is_read:
            headers = _asking(store)
            url = self._address.url
            with fetch(
                url, identity=self._address.identity, method="HEAD", headers=headers, deadline=Deadline(REQUEST_SECONDS)
            ) as answer:
                found = {name.lower(): value for name, value in answer.headers.items()}
            self._page, self._is_read = _named(found, url), True
        return self._page


def _asking(store: Client) -> dict[str, str]:
    """What a server would say of itself, by which the page may choose the image."""
    environment = store.server.environment
    facts = {
        "Server-Architectures": ", ".join(environment.get("architectures") or ()),
        "Server-Version": str(environment.get("server_version") or ""),
    }
    return {f"{prefix}-{name}": value for prefix in _PREFIXES for name, value in facts.items()}


def _named(headers: Mapping[str, str], base: str) -> _Page | None:
    for prefix in _PREFIXES:
        fingerprint, url = (headers.get(f"{prefix}-Image-{name}".lower()) for name in ("Hash", "URL"))
        if fingerprint and url:
            return _Page(fingerprint.strip().lower(), urljoin(base, url.strip()))
    return None
