# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bundle from its files: read, merged and verified."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .bundle import Bundle
from .charm import Charm
from .document import Value, documents
from .findings import Findings, Place
from .merge import merged
from .parse import bundle_from
from .roles import Roles, charms_of
from .verify import verify


@dataclass(frozen=True)
class Reading:
    """bundle: as far as it can be understood, None where a file is not even YAML. charms: as charms_of() has them."""

    bundle: Bundle | None
    charms: Mapping[str, Charm | None] | None
    findings: Findings

    @property
    def may_be_deployed(self) -> bool:
        return self.bundle is not None and not self.findings.problems and not self.findings.unsupported


def read(path: str, overlays: Sequence[str], roles: Roles) -> Reading:
    """path: of the file, or of a directory with a bundle.yaml. Raises InvalidInput for a file that cannot be read."""
    findings = Findings()
    if os.path.isdir(path):
        path = os.path.join(path, "bundle.yaml")
    found: list[Value] = []
    for file in (path, *overlays):
        content = documents(file, findings)
        if file == path and content == []:
            content = [Value(None, Place(file, 1))]
        found += content or []
    if findings.problems:
        return Reading(None, None, findings)
    bundle = bundle_from(merged(found, findings), findings)
    charms = charms_of(bundle, roles, findings)
    verify(bundle, charms, findings)
    return Reading(bundle, charms, findings)
