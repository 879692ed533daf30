# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bundle from its files: read, merged and verified."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .bundle import Bundle
from .charm import Charm
from .document import Value, documents
from .findings import Findings, Place
from .merge import overlaid, prepare
from .parse import bundle_from
from .roles import Roles, charms_of
from .verify import verify


@dataclass(frozen=True)
class Reading:
    """bundle: as Juju has it, None where a file is not even YAML. charms: as charms_of() has them."""

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
    parts = prepare(found, findings)
    is_typed = [_is_typed(each, findings) for each in parts]
    bundle = bundle_from(overlaid(parts), Findings())
    charms = charms_of(bundle, roles, findings)
    if not findings.problems:
        verify(bundle, charms, findings)
        return Reading(bundle, charms, findings)
    further = Findings(unsupported=findings.unsupported, warnings=findings.warnings)
    verify(bundle, charms, further)
    findings.later = further.problems
    if not all(is_typed):
        bundle = _as_juju_has_it(parts, is_typed, findings)
    return Reading(bundle, charms, findings)


def _is_typed(document: Value, findings: Findings) -> bool:
    """Tells what is of the wrong type, or unknown."""
    before = len(findings.problems)
    bundle_from(document, findings)
    return len(findings.problems) == before


def _as_juju_has_it(parts: list[Value], is_typed: list[bool], findings: Findings) -> Bundle:
    """With a document in which a type is wrong taken for an empty one."""
    kept = [part if typed else replace(part, data={}) for part, typed in zip(parts, is_typed)]
    bundle = bundle_from(overlaid(kept), Findings())
    if not bundle.applications:
        findings.problem(
            "at least one application must be specified: with a value of the wrong type in it, a document counts as empty",
            parts[0].at("applications"),
            follows=True,
        )
    return bundle
