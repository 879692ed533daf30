# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be said of the modules alike."""

from __future__ import annotations


class ModuleDocFragment:
    # What changes something.
    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can run in check mode and predict the changes without making any.
    support: full
  diff_mode:
    description: Returns what was before and what is after in diff mode.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
  platform:
    description: The host that runs the task, not the server.
    support: full
    platforms: posix
"""

    # What only reads.
    INFO = r"""
attributes:
  check_mode:
    description: Can run in check mode, where it does the same, for it changes nothing.
    support: full
  diff_mode:
    description: Returns what was before and what is after in diff mode.
    support: N/A
    details: Changes nothing.
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
  platform:
    description: The host that runs the task, not the server.
    support: full
    platforms: posix
"""
