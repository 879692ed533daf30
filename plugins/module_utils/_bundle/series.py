# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The series, or the base, that something is to have: which image is meant."""

from __future__ import annotations

from . import charm_url
from .bundle import Application, Bundle
from .include import is_path


def series_of(application: Application, bundle: Bundle) -> str:
    """Of an application's units: what it says, what its charm's URL does, or what holds for the bundle."""
    own = application.series or application.base
    if not own and not is_path(application.charm):
        own = charm_url.parse(application.charm).series
    return own or bundle.series or bundle.default_base
