# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as a whole: both ends of a migration in one compressed tarball."""

from __future__ import annotations

import io
import os
import tarfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from .._api.client import Client
from .._api.deadline import Deadline
from .._api.errors import InvalidInput, Unreachable
from .gather import Gap, Gathering
from .masking import Masks


@dataclass(frozen=True)
class End:
    """One end of a migration. role: ``source`` or ``target``, the directory it has in the report."""

    role: str
    client: Client
    container: str


def gather(ends: list[End], deadline: Deadline) -> tuple[dict[str, str], list[Gap]]:
    """All parts of the report by their name in it, without secrets, and what is missing.

    Raises Unreachable if no end gave anything, and DeadlineExceeded.
    """
    masks = Masks()
    parts: dict[str, str] = {}
    gaps: list[Gap] = []
    for end in ends:
        found = Gathering(end.client, end.container, masks, deadline)
        found.gather()
        parts.update({f"{end.role}/{name}": text for name, text in found.parts.items()})
        gaps += [Gap(f"{end.role}/{gap.part}", gap.reason) for gap in found.gaps]
    if not parts:
        raise Unreachable(ends[0].client.remote, f"nothing to report: {gaps[0].reason}")
    # Only now is every secret known that has to be looked for in all of it.
    gaps = [Gap(gap.part, masks.text(gap.reason)) for gap in gaps]
    clean = {name: masks.text(text) for name, text in parts.items()}
    if gaps:
        clean["left-out.txt"] = "".join(f"{gap.part}: {gap.reason}\n" for gap in gaps)
    return clean, gaps


def destination(dest: str, container: str) -> str:
    """The file to write: dest itself, or in it, if it is a directory. Raises InvalidInput if that cannot be."""
    if os.path.isdir(dest) or dest.endswith(os.sep):
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        dest = os.path.join(dest, f"migration-{container}-{stamp}.tar.gz")
    directory = os.path.dirname(dest) or "."
    if not os.path.isdir(directory):
        raise InvalidInput(f"dest {dest}: there is no directory {directory}")
    return dest


def write(parts: Mapping[str, str], dest: str) -> None:
    """Write the tarball, for its owner alone to read. It gets its name once it is whole. Raises InvalidInput."""
    partial = f"{dest}.part"
    root = os.path.basename(dest).partition(".")[0]
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream, tarfile.open(fileobj=stream, mode="w:gz") as tar:
            for name in sorted(parts):
                content = parts[name].encode(errors="replace")
                member = tarfile.TarInfo(f"{root}/{name}")
                member.size, member.mtime, member.mode = len(content), int(time.time()), 0o644
                tar.addfile(member, io.BytesIO(content))
        os.replace(partial, dest)
    except OSError as error:
        raise InvalidInput(f"dest {dest}: cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            os.unlink(partial)
