# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories as tarballs, written by GNU tar as a stream.

A directory that has not changed is packed the same way twice, byte for byte: an image can be hashed first and sent
afterwards, and needs no file in between. ``PackedDirectory`` is for that.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .._api.chunks import chunks
from .._api.errors import InvalidInput
from . import build_programs as programs

# The name's ending, and the program: what it makes depends on nothing but what it is given.
COMPRESSIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "none": ("", ()),
    "gzip": (".gz", ("gzip", "--no-name")),
    "xz": (".xz", ("xz", "--threads=2")),
    "zstd": (".zst", ("zstd", "--quiet", "--threads=2")),
}
_TAR = (
    *("tar", "--create", "--sort=name", "--numeric-owner", "--one-file-system", "--warning=no-file-ignored"),
    *("--xattrs", "--xattrs-include=*", "--acls"),
    # The later sparse formats, and the usual names and times of extended headers, differ from one run to the next.
    *("--sparse", "--sparse-version=0.0", "--format=posix"),
    "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
)


@dataclass(frozen=True)
class Members:
    """What of a directory goes into a tarball. names: relative to it; "." is all of it."""

    directory: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Tarball:
    """A tarball to write. as_: what the member "." is called in it; latest: no file in it is younger than this, in
    seconds since 1970; within: a command that tar is to be run by, which starts in the first directory: it may be one
    that cannot reach it otherwise.
    """

    members: Sequence[Members]
    compression: str = "gzip"
    as_: str = "."
    latest: int | None = None
    within: tuple[str, ...] = ()

    def chunks(self) -> Iterator[bytes]:
        """Its bytes. Raises InvalidInput with tar's words when tar fails; closing the iterator ends the processes."""
        command = [*_TAR]
        if self.latest is not None:
            command += [f"--mtime=@{self.latest}", "--clamp-mtime"]
        if self.as_ != ".":
            # Targets of symbolic links stay what they are.
            command.append(rf"--transform=flags=rhS;s,^\.\(/\|$\),{self.as_}\1,")
        start = self.members[0].directory if self.within else None
        for members in self.members:
            directory = "." if members.directory == start else os.path.abspath(members.directory)
            command += [f"--directory={directory}", *members.names]
        compress = COMPRESSIONS[self.compression][1]
        with contextlib.ExitStack() as stack:
            complaints = stack.enter_context(tempfile.TemporaryFile())
            last = first = stack.enter_context(
                programs.started(command, complaints, within=self.within, directory=start)
            )
            if compress:
                last = stack.enter_context(programs.started(compress, complaints, stdin=first.stdout))
                if first.stdout:
                    first.stdout.close()  # It is the other program's now, and tar is to notice if that ends.
            yield from _read(last)
            if any(process.wait() for process in (last, first)):
                raise InvalidInput(f"{self.members[0].directory} cannot be packed: {programs.complaint(complaints)}")


@dataclass(frozen=True)
class PackedDirectory:
    """A directory that holds an image, ``metadata.yaml`` and ``rootfs/`` and maybe ``templates/``, as a unified tarball."""

    directory: str
    compression: str = "gzip"

    def check(self) -> None:
        """Raises InvalidInput if it does not hold an image."""
        if not os.path.isfile(os.path.join(self.directory, "metadata.yaml")):
            raise InvalidInput(f"image directory {self.directory} has no metadata.yaml")
        if not os.path.isdir(os.path.join(self.directory, "rootfs")):
            raise InvalidInput(f"image directory {self.directory} has no directory rootfs")

    def chunks(self) -> Iterator[bytes]:
        """The bytes of the tarball: the same ones as long as nothing in the directory changes. Raises InvalidInput."""
        parts = ("metadata.yaml", "templates", "rootfs")
        names = tuple(name for name in parts if os.path.lexists(os.path.join(self.directory, name)))
        return Tarball([Members(self.directory, names)], self.compression).chunks()


def _read(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    if process.stdout:
        yield from chunks(process.stdout)
