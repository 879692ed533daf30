# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's client configuration of the two commands."""

from __future__ import annotations

import os
from pathlib import Path

DIRECTORIES = {"lxd-a": "LXD_CONF", "lxd-b": "LXD_CONF", "incus-a": "INCUS_CONF", "incus-b": "INCUS_CONF"}


def configuration(remote: str) -> Path:
    """The directory that the remote is configured in."""
    return Path(os.environ[DIRECTORIES[remote]])
