# SPDX-License-Identifier: GPL-3.0-or-later
"""Build each image once, keep it, and have it in every daemon."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab import apt
from lab import daemon as daemons
from lab.run import LabError, run
from lab.settings import BUILD, CHECKOUT, IMAGES, MARK, STATE, Daemon

HERE = Path(__file__).parent
MODULE = CHECKOUT / "plugins" / "modules" / "image_build.py"
# What the module is made of, beside itself.
LAYER = CHECKOUT / "plugins" / "module_utils" / "_images"
LAYER_FILES = ("archive", "bootstrap", "build", "build_programs", "build_source", "busybox", "metadata", "pack")


def _apt_variables() -> dict[str, object]:
    """What of this machine's apt goes into the Debian image."""
    return {
        "archive": apt.archive(),
        "security_archive": apt.security_archive(),
        "aptopts": [f'--aptopt={name} "{value}"' for name, value in apt.settings().items()],
    }


@dataclass(frozen=True)
class Image:
    """An image to build. files: beside this one, the playbook first; a change in them, or the module, builds it anew.

    variables: gives what the playbook needs to know of this machine.
    """

    alias: str
    files: tuple[str, ...]
    variables: Callable[[], Mapping[str, object]] = dict

    @property
    def name(self) -> str:
        """The alias as a file name."""
        return self.alias.replace("/", "-")

    @property
    def sources(self) -> list[Path]:
        """All that says how it is made."""
        return [*(HERE / name for name in self.files), MODULE, *(LAYER / f"{name}.py" for name in LAYER_FILES)]


@dataclass(frozen=True)
class Kept:
    """An image that was built, as two files."""

    alias: str
    metadata: Path
    rootfs: Path
    fingerprint: str


ALL = (
    Image("busybox", ("busybox.yml",)),
    Image("debian/12", ("debian.yml", "debian-setup"), _apt_variables),
)


def is_kept(image: Image) -> bool:
    """Whether the image was built already, from the recipe as it is now."""
    return _place(image).is_dir()


def keep(image: Image) -> Kept:
    """Return the image, built if need be."""
    place = _place(image)
    if not is_kept(image):
        scratch = BUILD / image.name
        elsewhere = next(STATE.parent.glob(f"flotilla-lab*/{IMAGES.name}/{place.name}"), None)
        if elsewhere:  # of another lab of this machine, from the same recipe
            shutil.copytree(elsewhere, scratch, copy_function=os.link)
        else:
            scratch.mkdir(parents=True)
            _build(image, scratch)
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


def _build(image: Image, directory: Path) -> None:
    """Have the image's playbook write metadata.tar.gz and one rootfs.* to a directory."""
    playbook = Path(sys.executable).parent / "ansible-playbook"
    if not playbook.exists():
        raise LabError("The images are built with Ansible, which this Python does not have: run `make lab`.")
    variables = {"ansible_python_interpreter": sys.executable, "dest": str(directory), **image.variables()}
    run(
        str(playbook),
        "--inventory=localhost,",
        str(HERE / image.files[0]),
        f"--extra-vars={json.dumps(variables)}",
        env={
            "ANSIBLE_CONFIG": str(HERE / "ansible.cfg"),
            # Below BUILD and marked, so that a build which was cut off is found and cleared.
            "ANSIBLE_HOME": str(BUILD / f"{image.name}.ansible"),
            "TMPDIR": str(BUILD),
            MARK: str(BUILD),
        },
        timeout=1000,
    )


def _place(image: Image) -> Path:
    digest = hashlib.sha256()
    for source in image.sources:
        digest.update(source.read_bytes())
    return IMAGES / f"{image.name}@{digest.hexdigest()[:12]}"


def _fingerprint(directory: Path) -> str:
    """As the daemons name a split image: the hash of both its files, one after the other."""
    digest = hashlib.sha256()
    for file in (directory / "metadata.tar.gz", next(directory.glob("rootfs.*"))):
        digest.update(file.read_bytes())
    return digest.hexdigest()
