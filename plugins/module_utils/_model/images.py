# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which image a container is made from, by the series or the base that a bundle names. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from .._api.errors import InvalidInput
from .._bundle.series import base_of

ANY = ""
_DEFAULT = "debian/12"


def image_for(series: str, images: Mapping[str, str]) -> str:
    """images: the user's, by series or base, with ``""`` for all that are not named.

    Without one: ``ubuntu@22.04`` and ``jammy`` are the alias ``ubuntu/22.04``. Raises InvalidInput for a series nobody knows.
    """
    base = base_of(series)
    names = [series] if base is None else [series, base, base.replace("/", "@")]
    for name in (*names, ANY):
        if images.get(name):
            return images[name]
    if not series:
        return _DEFAULT
    if base is None:
        raise InvalidInput(
            f"series {series} has no image here: name one in images, as in {{{series}: debian/12}}, or in image"
        )
    return base
