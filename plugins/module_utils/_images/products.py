# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a simplestreams tree says of images: products, their versions, and the items of these.

Source: shared/simplestreams/products.go of LXD and Incus.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from .._api.errors import InvalidInput
from .metadata import ARCHITECTURES, kernel_architecture

# LXD reads only its own items, Incus only its own.
METADATA = ("lxd.tar.xz", "incus.tar.xz")
UNIFIED = ("lxd_combined.tar.gz", "incus_combined.tar.gz")
# The types of root file systems, with the metadata item's fields that may have the image's fingerprint.
ROOT_SUMS: Mapping[str, tuple[str, ...]] = {
    "squashfs": ("combined_squashfs_sha256",),
    "root.tar.xz": ("combined_rootxz_sha256", "combined_sha256"),
    "disk-kvm.img": ("combined_disk-kvm-img_sha256",),
    "uefi1.img": ("combined_uefi1-img_sha256",),
    "disk1.img": ("combined_disk1-img_sha256",),
}
_DATE = "%Y%m%d"
_DATE_LENGTH = 8
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]*")
_VERSION = re.compile(r"[0-9]{8}[A-Za-z0-9._:+~-]*")


@dataclass(frozen=True)
class ProductName:
    """What tells one product from another. architecture: Debian's name, as simplestreams has it."""

    os: str
    release: str
    architecture: str
    variant: str

    @property
    def key(self) -> str:
        """Its name in the products file."""
        return ":".join((self.os.lower(), self.release, self.architecture, self.variant))

    @property
    def directory(self) -> str:
        """Where its files are, relative to the root of the tree."""
        return "/".join(("images", self.os.lower(), self.release, self.architecture, self.variant))

    @property
    def usual_alias(self) -> str:
        parts = (self.os, self.release) if self.variant == "default" else (self.os, self.release, self.variant)
        return "/".join(parts).lower()


@dataclass(frozen=True)
class Published:
    """An image in a version of a product. files: metadata first, relative to the root of the tree; size: in bytes."""

    type: str
    fingerprint: str
    files: tuple[str, ...]
    size: int


def product_name(os: str, release: str, architecture: str, variant: str) -> ProductName:
    """The parts checked: they become names of directories. architecture: Debian's or the kernel's. Raises InvalidInput."""
    for what, part in (("os", os), ("release", release), ("variant", variant)):
        if not _PART.fullmatch(part):
            raise InvalidInput(
                f"{what} {part!r} cannot be part of a product's name: it begins with a letter or a digit, and goes on"
                " with those and ._+~-"
            )
    return ProductName(os, release, ARCHITECTURES[kernel_architecture(architecture)], variant)


def check_aliases(aliases: tuple[str, ...]) -> None:
    """Raises InvalidInput for what could not be asked for."""
    for alias in aliases:
        if not alias or re.search(r"[\s,:]", alias):
            raise InvalidInput(
                f"alias {alias!r} cannot be: it must not be empty or hold a comma, a colon or white space"
            )


def check_version(version: str) -> None:
    """Raises InvalidInput for what the servers would pass over."""
    with suppress(ValueError):
        if _VERSION.fullmatch(version):
            time.strptime(version[:_DATE_LENGTH], _DATE)
            return
    raise InvalidInput(f"version {version!r} is no version: it begins with a date, as 20260101_05:24 does")


def new_version(there: Mapping[str, Any], created: float | None, now: float) -> str:
    """A version that is newer than those there, as text, for that is how clients compare them.

    created, now: in seconds since 1970. Raises InvalidInput.
    """
    newest = max(there, default="")
    for form, moment in (("%H:%M", created), ("%H:%M", now), ("%H:%M:%S", now)):
        if moment is not None:
            version = time.strftime(f"{_DATE}_{form}", time.gmtime(moment))
            if version > newest:
                return version
    raise InvalidInput(f"version {newest} is the newest and not yet past: name a version that is newer")


def aliases_of(product: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(one.strip() for one in str(product.get("aliases") or "").split(",") if one.strip())


def published(version: Mapping[str, Any]) -> tuple[Published, ...]:
    """The images of a version, each once, though LXD and Incus have items of their own for it."""
    return tuple(dict.fromkeys(_published(version)))


def types_of(product: Mapping[str, Any]) -> set[str]:
    """Of its images: ``container``, ``virtual-machine``."""
    return {image.type for version in product["versions"].values() for image in published(version)}


def files_of(version: Mapping[str, Any]) -> dict[str, int | None]:
    """The files of a version, relative to the root of the tree, with their sizes in bytes."""
    return {item["path"]: item.get("size") for item in version["items"].values() if item.get("path")}


def _published(version: Mapping[str, Any]) -> Iterator[Published]:
    items = [item for item in version["items"].values() if item.get("path")]
    for item in items:
        if item.get("ftype") in UNIFIED and item.get("sha256"):
            yield Published("container", item["sha256"], (item["path"],), item.get("size") or 0)
    for metadata in (item for item in items if item.get("ftype") in METADATA):
        for root in items:
            fingerprint = next(
                (metadata[one] for one in ROOT_SUMS.get(root.get("ftype"), ()) if metadata.get(one)), None
            )
            if fingerprint:
                type_ = "virtual-machine" if root["ftype"].endswith(".img") else "container"
                size = (metadata.get("size") or 0) + (root.get("size") or 0)
                yield Published(type_, fingerprint, (metadata["path"], root["path"]), size)
