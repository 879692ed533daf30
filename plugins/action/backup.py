# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows how far the module backup is, on a terminal."""

from __future__ import annotations

from ..plugin_utils._progress import ActionModule as Watched


class ActionModule(Watched):
    """The module backup, watched."""
