# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done for a container to be in a file, or for one in a file to be on a server: pure functions.

Source: doc/rest-api.yaml, /1.0/instances/NAME/backups and POST /1.0/instances, of LXD and Incus.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._api.client import path
from .._api.errors import InvalidInput
from .backup_file import IDENTITY, BackupFile
from .plan import Plan, Step

# Where a container that was imported has the SHA-256 of the file it came from.
MARK = "user.flotilla.backup"
_LONGEST_NAME = 63


@dataclass(frozen=True)
class Export:
    """The options for state exported."""

    name: str
    dest: str
    instance_only: bool = False
    optimized_storage: bool = False
    compression: str | None = None
    force: bool = False


@dataclass(frozen=True)
class ExportObserved:
    """content: the instance as the API gives it, or None.

    file: the backup that is at dest; problem: why that which is there is none. None of the two: nothing is there, or nothing
    that matters.
    """

    remote: str
    content: Mapping[str, Any] | None
    file: BackupFile | None = None
    problem: InvalidInput | None = None


@dataclass(frozen=True)
class Import:
    """The options for state imported. name: the one in the backup, if the user names none."""

    name: str
    pool: str | None = None


@dataclass(frozen=True)
class ImportObserved:
    """content: the instance of the name, as the API gives it, or None.

    pools: the drivers of those there are, by name; profiles: the names of those there are; unknown: keys in the backup that
    the server does not know. Only read where they matter.
    """

    remote: str
    file: BackupFile
    content: Mapping[str, Any] | None = None
    pools: Mapping[str, str] = field(default_factory=dict)
    profiles: frozenset[str] = frozenset()
    unknown: Sequence[str] = ()


def plan_export(wanted: Export, seen: ExportObserved, *, predicting: bool = False) -> Plan:
    """Raises InvalidInput for what cannot be. predicting: a container that is missing is a warning."""
    if seen.file is not None:
        _require_the_same(wanted, seen, seen.file)
        there = seen.file.described()
        return Plan(there, there)
    if seen.problem is not None:
        raise InvalidInput(f"dest {wanted.dest} is there, and is left alone: {seen.problem}. force: true replaces it")
    warnings: tuple[str, ...] = ()
    if seen.content is None:
        error = InvalidInput(f"remote {seen.remote}: there is no container {wanted.name} to export")
        if not predicting:
            raise error
        warnings = (str(error),)
    payload: dict[str, Any] = {"instance_only": wanted.instance_only, "optimized_storage": wanted.optimized_storage}
    if wanted.compression is not None:
        payload["compression_algorithm"] = wanted.compression
    step = Step("export", f"export container {wanted.name}", "POST", path("instances", wanted.name, "backups"), payload)
    after = {"file": wanted.dest, "name": wanted.name, "optimized_storage": wanted.optimized_storage}
    return Plan({}, after, (step,), warnings=warnings)


def plan_import(wanted: Import, seen: ImportObserved) -> Plan:
    """Raises InvalidInput for what cannot be."""
    name, index = wanted.name, seen.file.index
    after = {"name": name, "imported_from": seen.file.sha256, "snapshots": list(index.snapshots)}
    if seen.content is not None:
        if (seen.content.get("config") or {}).get(MARK) == seen.file.sha256:
            return Plan(after, after)
        raise InvalidInput(
            f"remote {seen.remote}: there is a container {name} already, and it did not come from {seen.file.path}: give the"
            " new one another name, or remove the one that is there"
        )
    _require_pool(wanted, seen)
    missing = [profile for profile in index.profiles if profile not in seen.profiles]
    if missing:
        raise InvalidInput(
            f"remote {seen.remote}: {seen.file.path} cannot be imported: its container has the profile"
            f" {', '.join(missing)}, which is not there: flotilla.lxd.profile makes one"
        )
    if seen.unknown and not seen.file.settings:
        raise InvalidInput(
            f"remote {seen.remote}: {seen.file.path} cannot be imported: it has {', '.join(seen.unknown)}, which this server"
            " does not know and which cannot be taken out of a file made with optimized_storage: make one without"
        )
    doing = f"import container {name} from {seen.file.path}"
    return Plan({}, after, (Step("import", doing, "POST", path("instances")),))


def interim_name(name: str, sha256: str) -> str:
    """What a container is called until it is whole and marked. The same in every run, so that the next goes on with it."""
    ending = f"-import-{sha256[:8]}"
    return name[: _LONGEST_NAME - len(ending)].rstrip("-") + ending


def config_once_imported(config: Mapping[str, str], sha256: str, *, is_twin: bool) -> dict[str, str]:
    """The config of a container that came out of a backup: marked, and with an identity of its own if another has that.

    is_twin: another has it. That the container ran is forgotten: a server that is restarted would start it.
    """
    dropped = re.compile("|".join((r"volatile\.last_state\.power", *(IDENTITY if is_twin else ()))))
    return {**{key: value for key, value in config.items() if not dropped.fullmatch(key)}, MARK: sha256}


def _require_the_same(wanted: Export, seen: ExportObserved, file: BackupFile) -> None:
    """Refuse to take a file for a backup of this container that is one of another."""
    index = file.index
    uuid = ((seen.content or {}).get("config") or {}).get("volatile.uuid")
    if index.name != wanted.name:
        other = f"container {index.name}"
    elif uuid and index.uuid and uuid != index.uuid:
        other = f"another container {index.name}, which has been there before this one"
    else:
        return
    raise InvalidInput(f"dest {wanted.dest} is there, and is a backup of {other}. force: true replaces it")


def _require_pool(wanted: Import, seen: ImportObserved) -> None:
    """The servers find these out when all of the file has been sent."""
    pools, index = seen.pools, seen.file.index
    if wanted.pool is not None and wanted.pool not in pools:
        raise InvalidInput(
            f"remote {seen.remote}: there is no storage pool {wanted.pool}: there are {', '.join(sorted(pools))}"
        )
    driver = pools.get(wanted.pool or index.pool)
    if index.optimized and driver is not None and driver != index.backend:
        raise InvalidInput(
            f"remote {seen.remote}: {seen.file.path} is in the format of {index.backend} (optimized_storage), and pool"
            f" {wanted.pool or index.pool} is of {driver}: only one of {index.backend} takes it"
        )
