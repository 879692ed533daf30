# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building the files of an image, once: a manifest beside them says what of, and that they are whole."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import shutil
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .._api.chunks import sha256
from .._api.deadline import Deadline
from .._api.errors import DeadlineExceeded, InvalidInput
from . import build_programs as programs
from .build_source import Base, Source
from .metadata import Template, kernel_architecture, problems, template_file
from .pack import COMPRESSIONS, Members, Tarball

SQUASHFS = "squashfs"
MANIFEST = ".flotilla-image.json"


@dataclass(frozen=True)
class Wanted:
    """An image as the user wants it. Dates in seconds since 1970; of properties and templates, None is one to leave out."""

    dest: str
    format: str = "split"
    compression: str = "gzip"
    architecture: str | None = None
    creation_date: int | None = None
    expiry_date: int | None = None
    properties: Mapping[str, str | None] = field(default_factory=dict)
    templates: Mapping[str, Template | None] = field(default_factory=dict)
    rebuild: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The files of the image: the unified one, or metadata and root file system."""
        ending = ".squashfs" if self.compression == SQUASHFS else f".tar{COMPRESSIONS[self.compression][0]}"
        return (f"image{ending}",) if self.format == "unified" else ("metadata.tar.gz", f"rootfs{ending}")


@dataclass(frozen=True)
class Built:
    """What build() did, or would do. fingerprint: None where that is not known yet; before: metadata of what was there."""

    changed: bool
    paths: tuple[str, ...]
    metadata: Mapping[str, Any]
    before: Mapping[str, Any]
    fingerprint: str | None


def build(wanted: Wanted, source: Source, deadline: Deadline, *, check: bool) -> Built:
    """Have the image's files in dest. Raises InvalidInput, and leaves what was there."""
    try:
        with _ended_by_signals():
            return _build(wanted, source, deadline, check=check)
    except OSError as error:
        raise InvalidInput(f"dest {wanted.dest} cannot be built: {error.strerror}: {error.filename}") from error


def _build(wanted: Wanted, source: Source, deadline: Deadline, *, check: bool) -> Built:
    _check(wanted)
    architecture = kernel_architecture(wanted.architecture or platform.machine())
    recipe = _recipe(wanted, source, architecture)
    manifest = _manifest(wanted.dest)
    before = manifest.get("metadata") or {}
    paths = tuple(os.path.join(wanted.dest, name) for name in wanted.names)
    if not wanted.rebuild and manifest.get("recipe") == recipe and _fingerprint(paths) == manifest["fingerprint"]:
        return Built(False, paths, before, before, manifest["fingerprint"])
    for path in paths:
        if os.path.lexists(path) and os.path.basename(path) not in manifest.get("files", ()):
            raise InvalidInput(
                f"dest {wanted.dest} has {os.path.basename(path)} of somebody else's: name another directory"
            )
    base = source.look(architecture)
    for program in ("tar", *_compressors(wanted)):
        programs.find(program)
    created = int(time.time()) if wanted.creation_date is None else wanted.creation_date
    metadata, files = _composed(wanted, source, base, architecture, created)
    if check:
        return Built(True, paths, metadata, before, None)
    with _scratch(wanted.dest) as scratch:
        rootfs = source.make(scratch, created, metadata["architecture"], deadline)
        out = os.path.join(scratch, "out")
        os.mkdir(out, 0o755)
        _write_metadata(os.path.join(scratch, "metadata"), metadata, files, created)
        _pack(wanted, os.path.join(scratch, "metadata"), rootfs, out, created if source.is_made else None, deadline)
        fingerprint = _fingerprint(tuple(os.path.join(out, name) for name in wanted.names))
        content = {"recipe": recipe, "fingerprint": fingerprint, "files": wanted.names, "metadata": metadata}
        _write(os.path.join(out, MANIFEST), json.dumps(content, indent=2).encode() + b"\n")
        _put_in_place(out, wanted.dest, manifest.get("files", ()))
    return Built(True, paths, metadata, before, fingerprint)


def _check(wanted: Wanted) -> None:
    there = wanted.dest
    while not os.path.lexists(there):
        there = os.path.dirname(there)
    if not os.path.isdir(there):
        raise InvalidInput(f"dest {wanted.dest}: {there} is a file, and has to be a directory")
    if wanted.format == "unified" and wanted.compression == SQUASHFS:
        raise InvalidInput(
            "compression squashfs is for the root file system of a split image, and not for a unified one"
        )
    dates = {"creation_date": wanted.creation_date, "expiry_date": wanted.expiry_date}
    given = {key: date for key, date in dates.items() if date is not None}
    for phrase in problems({"architecture": "x86_64", "creation_date": 1, **given}):
        raise InvalidInput(f"{phrase}: it takes seconds since 1970")


def _recipe(wanted: Wanted, source: Source, architecture: str) -> str:
    """A digest of all that the image depends on, except for the time."""
    content = {
        "names": wanted.names,
        "architecture": architecture,
        "creation_date": wanted.creation_date,
        "expiry_date": wanted.expiry_date,
        "properties": wanted.properties,
        "templates": {
            path: template and [template.content, template.entry("")]
            for path, template in _templates(wanted, source).items()
        },
        **source.inputs(),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _templates(wanted: Wanted, source: Source) -> dict[str, Template | None]:
    return {**source.templates, **wanted.templates}


def _composed(
    wanted: Wanted, source: Source, base: Base, architecture: str, created: int
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The metadata, and the files below templates/: what the source brings with what the user says laid over it."""
    metadata = dict(base.metadata)
    if wanted.architecture is not None or "architecture" not in metadata:
        metadata["architecture"] = architecture
    metadata["creation_date"] = created
    if wanted.expiry_date is not None:
        metadata["expiry_date"] = wanted.expiry_date
    properties = {**(metadata.get("properties") or {}), **wanted.properties}
    metadata["properties"] = {name: text for name, text in properties.items() if text is not None}
    named = [properties[name] for name in ("os", "release", "architecture") if properties.get(name)]
    if named and "description" not in properties:
        metadata["properties"]["description"] = " ".join(named)
    metadata["templates"], files = _laid_over(base, _templates(wanted, source))
    return metadata, files


def _laid_over(base: Base, wanted: Mapping[str, Template | None]) -> tuple[dict[str, Any], dict[str, bytes]]:
    entries = {path: entry for path, entry in (base.metadata.get("templates") or {}).items() if path not in wanted}
    taken = {entry["template"]: path for path, entry in entries.items()}
    files = dict(base.files)
    for path, template in wanted.items():
        if template is None:
            continue
        name = template_file(path)
        if name in taken:
            raise InvalidInput(f"the templates {taken[name]} and {path} are both kept as {name}: leave one of them out")
        taken[name] = path
        entries[path] = template.entry(name)
        files[name] = template.content.encode()
    for name, path in taken.items():
        if name not in files:
            raise InvalidInput(f"template {path} is named in metadata.yaml, and there is no templates/{name}")
    return entries, {name: files[name] for name in taken}


def _write_metadata(directory: str, metadata: Mapping[str, Any], files: Mapping[str, bytes], created: int) -> None:
    """All of it is as old as the image, for the same image to have the same bytes."""
    templates = os.path.join(directory, "templates")
    os.makedirs(templates, 0o755)
    # The servers read YAML, of which JSON is a part.
    _write(os.path.join(directory, "metadata.yaml"), json.dumps(metadata, indent=2).encode() + b"\n")
    for name, content in files.items():
        _write(os.path.join(templates, name), content)
    for path in (
        *(os.path.join(templates, name) for name in files),
        os.path.join(directory, "metadata.yaml"),
        templates,
    ):
        os.chmod(path, 0o755 if path == templates else 0o644)
        os.utime(path, (created, created))


def _pack(wanted: Wanted, metadata: str, rootfs: str, out: str, latest: int | None, deadline: Deadline) -> None:
    described, tree = Members(metadata, ("metadata.yaml", "templates")), Members(rootfs, (".",))
    paths = [os.path.join(out, name) for name in wanted.names]
    if wanted.format == "unified":
        _stream(Tarball([described, tree], wanted.compression, "rootfs", latest), paths[0], deadline)
        return
    _stream(Tarball([described]), paths[0], deadline)
    if wanted.compression == SQUASHFS:
        dates = {} if latest is None else {"SOURCE_DATE_EPOCH": str(latest)}
        command = ["mksquashfs", rootfs, paths[1], "-noappend", "-no-progress", "-one-file-system"]
        programs.run(command, deadline, extra=dates)
    else:
        _stream(Tarball([tree], wanted.compression, latest=latest), paths[1], deadline)


def _stream(tarball: Tarball, path: str, deadline: Deadline) -> None:
    chunks = tarball.chunks()
    try:
        with open(path, "wb") as stream:
            for chunk in chunks:
                deadline.remaining()
                stream.write(chunk)
    except DeadlineExceeded:
        raise DeadlineExceeded(f"packing {path} was not done within {deadline.seconds:g} seconds") from None
    finally:
        close = getattr(chunks, "close", None)
        if close:
            close()


def _compressors(wanted: Wanted) -> set[str]:
    if wanted.compression == SQUASHFS:
        return {"mksquashfs", "gzip"}
    own = {*COMPRESSIONS[wanted.compression][1][:1]}
    return own if wanted.format == "unified" else {*own, "gzip"}


def _manifest(dest: str) -> dict[str, Any]:
    """What the last build left; of none, or one that cannot be read, {}."""
    try:
        with open(os.path.join(dest, MANIFEST), "rb") as stream:
            content = json.loads(stream.read())
    except (OSError, ValueError):
        return {}
    return (
        content
        if isinstance(content, dict) and {"recipe", "fingerprint", "files", "metadata"} <= content.keys()
        else {}
    )


def _fingerprint(paths: tuple[str, ...]) -> str | None:
    """As the servers name an image. None where one is not there."""
    return sha256(paths) if all(map(os.path.isfile, paths)) else None


def _put_in_place(out: str, dest: str, outdated: tuple[str, ...]) -> None:
    """Move what was built to dest, where other files may lie. The manifest comes last: it vouches for the others."""
    if not os.path.exists(dest):
        os.rename(out, dest)
        return
    names = sorted(os.listdir(out), key=lambda name: name == MANIFEST)
    for name in names:
        os.replace(os.path.join(out, name), os.path.join(dest, name))
    for name in outdated:
        if name not in names and os.path.basename(name) == name and os.path.isfile(os.path.join(dest, name)):
            os.unlink(os.path.join(dest, name))


def _write(path: str, content: bytes) -> None:
    with open(path, "wb") as stream:
        stream.write(content)


@contextmanager
def _scratch(dest: str) -> Iterator[str]:
    """A directory beside dest. It has one name, so that the next build finds and clears what a killed one left."""
    path = os.path.join(os.path.dirname(dest), f".{os.path.basename(dest)}.build")
    # Others may pass, as apt's own user does, but not look: there are programs in it that make one root.
    os.makedirs(path, 0o711, exist_ok=True)
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InvalidInput(f"dest {dest} is being built by another task: let that one end") from None
        try:
            for name in os.listdir(path):
                _clear(os.path.join(path, name))
            yield path
        finally:
            _clear(path)
    finally:
        os.close(handle)


def _clear(path: str) -> None:
    """Raises InvalidInput instead of following a mount of what may be the host's own."""
    if os.path.exists("/proc/self/mountinfo"):
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as table:
            for line in table:
                point = line.split()[4]
                if point == path or point.startswith(f"{path}/"):
                    raise InvalidInput(f"{point} is still mounted, by a build that was killed: unmount it")
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Being told to end is an exception, for what was begun to be cleared."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    numbers = (signal.SIGTERM, signal.SIGHUP)
    previous = [signal.signal(number, leave) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, previous):
            signal.signal(number, handler)
