# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an application says of its storage, against what its charm declares. Source: state/storage.go of Juju."""

from __future__ import annotations

from collections.abc import Mapping

from .._api.errors import InvalidInput
from .bundle import Application, Bundle
from .charm import Charm
from .charm_storage import BLOCK, CharmStorage, wanted
from .findings import Findings, quoted
from .storage import Storage


def verify(bundle: Bundle, charms: Mapping[str, Charm | None], findings: Findings) -> None:
    for application in bundle.applications.values():
        if application.charm not in charms:
            continue
        charm = charms[application.charm]
        if charm is not None:
            _verify(application, charm, findings)
        elif application.storage:
            findings.warn(
                f"storage of application {quoted(application.name)} is left out: the role has no meta/charm.yml that says"
                " where it belongs",
                application.at("storage"),
            )


def _verify(application: Application, charm: Charm, findings: Findings) -> None:
    for name in application.storage:
        if name not in charm.storage:
            findings.problem(
                f"charm {quoted(application.charm)} of application {quoted(application.name)} has no store called"
                f" {quoted(name)}",
                application.at("storage", name),
            )
    for name, declared in charm.storage.items():
        try:
            asked = wanted(declared, application.storage.get(name))
        except InvalidInput:
            continue  # told with the application itself
        place = application.at("storage", name)
        what = f"storage {quoted(name)} of application {quoted(application.name)}"
        problem = _problem(declared, asked)
        if problem:
            findings.problem(f"{what}: {problem}", place)
        elif asked.count and declared.kind == BLOCK:
            findings.refuse(f"{what} is a block device, and containers have file systems only", place)
        elif asked.count and declared.shared:
            findings.refuse(f"{what} is shared by the units of an application, and here each unit has its own", place)


def _problem(declared: CharmStorage, asked: Storage) -> str:
    if asked.count < declared.least:
        return f"{declared.least} instances required, {asked.count} specified"
    if declared.most is not None and asked.count > declared.most:
        return f"at most {declared.most} instances supported, {asked.count} specified"
    if asked.size < declared.size:
        return f"minimum storage size is {declared.size}M, {asked.size}M specified"
    return ""
