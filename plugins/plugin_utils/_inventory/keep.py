# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answers of the remotes, kept from one run to the next."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, MutableMapping
from dataclasses import asdict, dataclass
from typing import Any

from .listing import Instances
from .sources import Source


@dataclass(frozen=True)
class Kept:
    """An answer and when it was given, in seconds since the epoch."""

    instances: Instances
    at: float


class Keep:
    """Answers in a store such as Ansible's cache, an entry a remote, each with its own age.

    The age is judged here and not by the store: Ansible's caches renew the age of everything when they write anything,
    and do not give out what is too old, which is just what is wanted of a remote that does not answer any more.
    """

    def __init__(
        self,
        store: MutableMapping[str, Any],
        prefix: str = "",
        *,
        seconds: float = 0,
        reading: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """seconds is how long an answer is as good as new, 0 for ever; without reading, none is."""
        self._store = store
        self._prefix = prefix
        self._seconds = seconds
        self._reading = reading
        self._clock = clock

    def fresh(self, source: Source) -> Kept | None:
        """The answer to use instead of asking, if there is one."""
        kept = self.last(source) if self._reading else None
        if kept and self._seconds and self._clock() - kept.at > self._seconds:
            return None
        return kept

    def last(self, source: Source) -> Kept | None:
        """The last answer, however old."""
        try:
            entry = self._store[self._key(source)]
            return Kept(entry["instances"], entry["at"])
        except (KeyError, TypeError):
            return None

    def put(self, source: Source, instances: Instances) -> None:
        self._store[self._key(source)] = {"at": self._clock(), "instances": instances}

    def _key(self, source: Source) -> str:
        """Another for another question, so that an answer never serves for one that was not asked."""
        question = {**asdict(source), "on_error": None}
        digest = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()
        return f"{self._prefix}_{digest[:16]}"
