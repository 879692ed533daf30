# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A point in time by which something has to be done."""

from __future__ import annotations

import time

from .errors import DeadlineExceeded

# One plain request that starts nothing in the background is answered in milliseconds: a minute is a dead server.
REQUEST_SECONDS = 60.0


class Deadline:
    """So many seconds from now, measured by a clock that nobody sets."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left, more than 0. Raises DeadlineExceeded when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise DeadlineExceeded(f"not done within {self.seconds:g} seconds")
        return left

    @property
    def passed(self) -> bool:
        return time.monotonic() >= self._end
