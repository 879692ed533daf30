# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A classic container on its way to a server: the same journey, but for what only its source can do and say."""

from __future__ import annotations

from typing import Any

from .._api.deadline import Deadline
from . import mark as marks
from . import steps, transfer
from .classic import ClassicEnd
from .end import End, Seen
from .journey import Migration, Options, Report


class ClassicMigration(Migration):
    """source: classic LXC on this host."""

    def __init__(self, source: ClassicEnd, target: End, options: Options, report: Report | None = None) -> None:
        super().__init__(source, target, options, report)
        self._classic = source

    def _objections(self, source: Seen) -> list[str]:
        self.report.warnings += self._classic.notes
        options = self.options
        return self._classic.objections(
            options.mode, options.transfer, options.snapshots, options.running, options.changes
        )

    def _body(self, source: Seen) -> dict[str, Any]:
        body = self._classic.body(source, self.options.mode, self.target, self.options.changes)
        if self.options.mode != steps.MOVE:
            body["config"][marks.COPY_OF] = str(self.source.place)
        return body

    def _send(self, parcel: transfer.Parcel, deadline: Deadline) -> str:
        return self._classic.send(self.target, parcel, self.options.target, deadline)
