# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers to measure with, in a project of their own on one of the lab's daemons."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

PROJECT = "flotilla-bench"


@contextmanager
def project(command: str, remote: str) -> Iterator[None]:
    """The project, empty at first; it goes away with all that was made in it. command is lxc or incus."""
    shared = ["-c", "features.images=false", "-c", "features.profiles=false"]
    with cleared(command, remote, PROJECT):
        _call(command, "project", "create", f"{remote}:{PROJECT}", *shared)
        yield


@contextmanager
def cleared(command: str, remote: str, project: str) -> Iterator[None]:
    """A project that something else makes: it is gone at first, and at the end."""
    _remove(command, remote, project)
    try:
        yield
    finally:
        _remove(command, remote, project)


def make(command: str, remote: str, image: str, names: list[str], *, start: bool = False) -> None:
    """Containers from one of the lab's images, a few at a time."""

    def one(name: str) -> None:
        verb = "launch" if start else "init"
        _call(command, verb, f"{remote}:{image}", f"{remote}:{name}", "--project", PROJECT)

    with ThreadPoolExecutor(max_workers=4) as threads:
        list(threads.map(one, names))


def _remove(command: str, remote: str, project: str) -> None:
    """What a run before this one may have left counts too."""
    if project not in _call(command, "project", "list", f"{remote}:", "--format=csv"):
        return
    listed = _call(command, "list", f"{remote}:", "--project", project, "--format=csv", "--columns=n").split()
    if listed:
        _call(command, "delete", "--force", "--project", project, *(f"{remote}:{name}" for name in listed))
    _call(command, "project", "delete", f"{remote}:{project}")


def _call(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed: {done.stdout}{done.stderr}")
    return done.stdout
