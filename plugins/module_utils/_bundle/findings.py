# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found wrong with a bundle, each with its place. Nothing is raised for it: a user wants to hear of all at once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, order=True)
class Place:
    """A line of a file, counted from 1."""

    file: str
    line: int


@dataclass(frozen=True)
class Finding:
    """One sentence, and where what it speaks of stands. follows: it is so only because of another one."""

    text: str
    place: Place
    follows: bool = False

    def as_dict(self) -> dict[str, Any]:
        return {"text": self.text, "line": self.place.line, "file": self.place.file}


@dataclass
class Findings:
    """problems: what Juju refuses too. later: what it comes to when these are mended. unsupported: what a bundle may say and
    nothing here can do. warnings: what is left out of it.
    """

    problems: list[Finding] = field(default_factory=list)
    later: list[Finding] = field(default_factory=list)
    unsupported: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)

    def problem(self, text: str, place: Place, *, follows: bool = False) -> None:
        self.problems.append(Finding(text, place, follows))

    def refuse(self, text: str, place: Place) -> None:
        self.unsupported.append(Finding(text, place))

    def warn(self, text: str, place: Place) -> None:
        self.warnings.append(Finding(text, place))


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """By file and line, and what follows from others after them."""
    return sorted(findings, key=lambda finding: (finding.follows, finding.place))


def quoted(text: str) -> str:
    """In one line, whatever is in it."""
    return json.dumps(text, ensure_ascii=False)


def quoted_list(texts: Iterable[str]) -> str:
    """As Juju shows a relation: ``["a:db" "b:db"]``."""
    return f"[{' '.join(quoted(text) for text in texts)}]"
