# SPDX-License-Identifier: GPL-3.0-or-later
"""Build each image once, keep it, and have it in every daemon."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab import daemon as daemons
from lab.images import busybox, debian
from lab.settings import BUILD, IMAGES, Daemon


@dataclass(frozen=True)
class Image:
    """An image to build: `build` writes metadata.tar.gz and one rootfs.* to a directory."""

    alias: str
    build: Callable[[Path], None]
    recipe: tuple[str, ...]  # the files beside this one that say how it is made; a change in them builds it anew

    @property
    def name(self) -> str:
        """The alias as a file name."""
        return self.alias.replace("/", "-")


@dataclass(frozen=True)
class Kept:
    """An image that was built, as two files."""

    alias: str
    metadata: Path
    rootfs: Path
    fingerprint: str


ALL = (
    Image("busybox", busybox.build, ("metadata.py", "busybox.py", "busybox-init", "busybox-udhcpc")),
    Image("debian/12", debian.build, ("metadata.py", "debian.py", "debian-setup")),
)


def is_kept(image: Image) -> bool:
    """Whether the image was built already, from the recipe as it is now."""
    return _place(image).is_dir()


def keep(image: Image) -> Kept:
    """Return the image, built if need be."""
    place = _place(image)
    if not is_kept(image):
        scratch = BUILD / image.name
        scratch.mkdir(parents=True)
        image.build(scratch)
        (scratch / "fingerprint").write_text(_fingerprint(scratch))
        for outdated in IMAGES.glob(f"{image.name}@*"):
            shutil.rmtree(outdated)
        IMAGES.mkdir(parents=True, exist_ok=True)
        # Under its name only once it is whole.
        scratch.rename(place)
    return Kept(
        alias=image.alias,
        metadata=place / "metadata.tar.gz",
        rootfs=next(place.glob("rootfs.*")),
        fingerprint=(place / "fingerprint").read_text(),
    )


def provide(daemon: Daemon, image: Kept) -> bool:
    """Have the image in the daemon, under its alias. Returns whether anything was to do."""
    aliases = {entry["name"]: entry["target"] for entry in daemons.query(daemon, "/1.0/images/aliases?recursion=1")}
    if aliases.get(image.alias) == image.fingerprint:
        return False
    if image.alias in aliases:  # an earlier build
        daemons.client(daemon, "image", "delete", image.alias)
    known = {entry["fingerprint"] for entry in daemons.query(daemon, "/1.0/images?recursion=1")}
    if image.fingerprint in known:
        daemons.client(daemon, "image", "alias", "create", image.alias, image.fingerprint)
    else:
        files = (str(image.metadata), str(image.rootfs))
        daemons.client(daemon, "image", "import", *files, "--alias", image.alias, timeout=300)
    return True


def _place(image: Image) -> Path:
    digest = hashlib.sha256()
    for name in image.recipe:
        digest.update((Path(__file__).parent / name).read_bytes())
    return IMAGES / f"{image.name}@{digest.hexdigest()[:12]}"


def _fingerprint(directory: Path) -> str:
    """As the daemons name a split image: the hash of both its files, one after the other."""
    digest = hashlib.sha256()
    for file in (directory / "metadata.tar.gz", next(directory.glob("rootfs.*"))):
        digest.update(file.read_bytes())
    return digest.hexdigest()
