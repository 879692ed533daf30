# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which image a container is made from, by the series or the base that a bundle names. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .._api.errors import InvalidInput

ANY = ""
_DEFAULT = "debian/12"
_SERIES = {
    "bookworm": "debian/12",
    "trixie": "debian/13",
    "focal": "ubuntu/20.04",
    "jammy": "ubuntu/22.04",
    "noble": "ubuntu/24.04",
}


def image_for(series: str, images: Mapping[str, str]) -> str:
    """images: the user's, by series or base, with ``""`` for all that are not named.

    Without one: ``ubuntu@22.04`` and ``jammy`` are the alias ``ubuntu/22.04``. Raises InvalidInput for a series nobody knows.
    """
    base = _base(series)
    chosen = images.get(series) or images.get(base) or images.get(base.replace("/", "@")) or images.get(ANY)
    if chosen:
        return chosen
    if not series:
        return _DEFAULT
    if "/" not in base:
        raise InvalidInput(
            f"series {series} has no image here: name one in images, as in {{{series}: debian/12}}, or in image"
        )
    return base


def _base(series: str) -> str:
    """``jammy``, ``ubuntu@22.04/stable`` and ``ubuntu/22.04`` as ``ubuntu/22.04``."""
    match = re.match(r"(\w+)[@/]([^/]+)", series)
    return f"{match[1]}/{match[2]}" if match else _SERIES.get(series, series)
