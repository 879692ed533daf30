# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells the module model which run it belongs to."""

from __future__ import annotations

from ..plugin_utils._run import ActionModule as OfARun


class ActionModule(OfARun):
    """The module model, as a part of a run."""
