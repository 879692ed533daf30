# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image servers that speak simplestreams: what an alias stands for there, read as LXD and Incus read it.

Source: shared/simplestreams/products.go of both.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .._api.deadline import REQUEST_SECONDS, Deadline
from .._api.errors import InvalidInput, Unreachable
from .._api.fetch import fetch
from .._api.server import Kind
from .._api.tls import Identity
from .metadata import ARCHITECTURES
from .products import ROOT_SUMS, aliases_of

# More is no index of images: the largest public ones have a few megabytes.
_MOST_BYTES = 64 * 1024 * 1024
# The root file systems of each type, the ones that servers prefer first.
_ROOTS: Mapping[str, tuple[str, ...]] = {
    "container": ("squashfs", "root.tar.xz"),
    "virtual-machine": ("disk-kvm.img", "uefi1.img", "disk1.img"),
}


@dataclass(frozen=True)
class Streamed:
    """An image on an image server. urls: of its one file, or of metadata and root file system."""

    fingerprint: str
    aliases: tuple[str, ...]
    urls: tuple[str, ...]


class ImageServer:
    """One image server. name: as the user calls it; url: without a slash at its end."""

    def __init__(self, name: str, url: str, identity: Identity) -> None:
        self.name = name
        self.identity = identity
        self._url = url.rstrip("/")

    def find(self, wanted: str, *, kind: Kind, type_: str, architectures: Iterable[str]) -> Streamed:
        """The newest image of an alias, or the image of a fingerprint, for a server of that kind.

        architectures: the kernel's names of those the server runs, its own first. Raises InvalidInput where there is none.
        """
        try:
            return self._find(wanted, kind, type_, architectures)
        except (AttributeError, KeyError, TypeError) as error:
            raise Unreachable(self.name, f"what {self._url} has is no index of images: {error!r}") from error

    def _find(self, wanted: str, kind: Kind, type_: str, architectures: Iterable[str]) -> Streamed:
        known: set[str] = set()
        products = self._products()
        for architecture in architectures:
            for product in products:
                if product.get("arch") != ARCHITECTURES.get(architecture, architecture):
                    continue
                aliases = aliases_of(product)
                known.update(aliases)
                named = wanted in aliases or wanted in {f"{alias}/{product['arch']}" for alias in aliases}
                for image in self._images(product, aliases, kind, type_):
                    if named or (len(wanted) >= 12 and image.fingerprint.startswith(wanted)):
                        return image
        raise InvalidInput(
            f"remote {self.name}: there is no image {wanted} for {kind.title} and this architecture ({type_})"
            + (f"; it has {', '.join(sorted(known)[:20])}" if known else "")
        )

    def _images(
        self, product: Mapping[str, Any], aliases: tuple[str, ...], kind: Kind, type_: str
    ) -> Iterable[Streamed]:
        """The product's images, the newest first."""
        versions = product.get("versions") or {}
        for version in sorted(versions, reverse=True):
            items = {item.get("ftype"): item for item in (versions[version].get("items") or {}).values()}
            unified = items.get(f"{kind.name}_combined.tar.gz")
            if unified and type_ == "container":
                yield Streamed(unified["sha256"], aliases, (self._file(unified),))
            metadata = items.get(f"{kind.name}.tar.xz")
            for root in _ROOTS[type_]:
                sums = ROOT_SUMS[root]
                fingerprint = next((metadata[one] for one in sums if metadata and metadata.get(one)), None)
                if metadata and root in items and fingerprint:
                    yield Streamed(fingerprint, aliases, (self._file(metadata), self._file(items[root])))
                    break

    def _products(self) -> list[Mapping[str, Any]]:
        index = self._json("streams/v1/index.json")
        entries = (index.get("index") or {}).values()
        wanted = [entry for entry in entries if entry.get("datatype") == "image-downloads" and entry.get("products")]
        return [product for entry in wanted for product in (self._json(entry["path"]).get("products") or {}).values()]

    def _json(self, where: str) -> Any:
        url = f"{self._url}/{where}"
        with fetch(url, identity=self.identity, deadline=Deadline(REQUEST_SECONDS)) as answer:
            text = answer.read(_MOST_BYTES)
        try:
            content = json.loads(text)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise Unreachable(self.name, f"{url} is not what an image server has there")
        return content

    def _file(self, item: Mapping[str, Any]) -> str:
        return f"{self._url}/{item['path']}"
