# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release of a system has a name, its series, and a number, in its base: ``jammy`` is ``ubuntu@22.04``."""

from __future__ import annotations

import re

_BASES = {
    "bookworm": "debian/12",
    "bullseye": "debian/11",
    "trixie": "debian/13",
    "trusty": "ubuntu/14.04",
    "xenial": "ubuntu/16.04",
    "bionic": "ubuntu/18.04",
    "focal": "ubuntu/20.04",
    "jammy": "ubuntu/22.04",
    "noble": "ubuntu/24.04",
}


def base_of(series: str) -> str | None:
    """``jammy``, ``ubuntu@22.04/stable`` and ``ubuntu/22.04`` as ``ubuntu/22.04``; None for a series nobody knows."""
    match = re.match(r"(\w+)[@/]([^/]+)", series)
    return f"{match[1]}/{match[2]}" if match else _BASES.get(series)


def differ(series: str, base: str) -> bool:
    """Both are said, and are known to be two releases."""
    known = base_of(series)
    return bool(base) and known is not None and known != base_of(base)
