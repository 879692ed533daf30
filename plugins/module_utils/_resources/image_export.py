# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of a server's store in files: there, or to be brought."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .._api.client import Client, path
from .._api.deadline import Deadline
from .._images.choice import fingerprint_of
from .._images.destination import Destination
from .image_plan import invalid
from .plan import Plan, Step


@dataclass(frozen=True)
class Observed:
    """content: the image as the API gives it. files: those that are the image, metadata first; none: to be brought."""

    content: Mapping[str, Any]
    files: list[str]


class ImageExport:
    """An image that is to be in files at dest. expected: the fingerprint it has to have, or None."""

    def __init__(self, client: Client, name: str, dest: str, expected: str | None = None) -> None:
        self.client = client
        self._name = name
        self._expected = expected
        self._destination = Destination(dest)
        self._files: list[str] = []

    def read(self) -> Observed:
        self._destination.check()
        fingerprint = fingerprint_of(self.client, self._name)
        if self._expected not in (None, fingerprint):
            raise invalid(self.client.remote, self._name, f"it is {fingerprint}, and {self._expected} is asked for")
        content = self.client.get(path("images", fingerprint), doing=f"read image {self._name}").metadata
        return Observed(content, self._destination.whole(fingerprint))

    def read_again(self, state: Observed) -> Observed:
        return replace(state, files=self._files)

    def plan(self, state: Observed) -> Plan:
        fingerprint = state.content["fingerprint"]
        after = {"fingerprint": fingerprint}
        if state.files:
            return Plan(after, after)
        step = Step("export", f"export image {self._name}", "GET", path("images", fingerprint, "export"))
        return Plan({}, after, (step,))

    def perform(self, step: Step, deadline: Deadline) -> None:
        fingerprint = step.path.split("/")[3]
        self._files = self._destination.fetch(self.client, fingerprint, deadline)
