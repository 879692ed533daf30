# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""python-lxc, the one library that is not Python's own: what is not there is said when it is needed."""

from __future__ import annotations

from typing import Any

from .._api.errors import MissingLibrary

try:
    import lxc
except ImportError:
    lxc = None

NAME = "lxc"


def binding() -> Any:
    """The module lxc. Raises MissingLibrary."""
    if lxc is None:
        raise MissingLibrary(NAME, "classic LXC", "Debian has it as python3-lxc, for the system's Python only")
    return lxc
