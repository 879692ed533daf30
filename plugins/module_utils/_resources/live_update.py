# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which config keys take effect only when a container starts.

Source: doc/config_options (``liveupdate: no``) of Incus and doc/reference/instance_options of LXD.
"""

from __future__ import annotations

from collections.abc import Iterable

_AT_START = (
    "boot.debug_edk2",
    "limits.kernel.",
    "linux.kernel_modules",
    "linux.sysctl.",
    "nvidia.",
    "oci.",
    "raw.apparmor",
    "raw.idmap",
    "raw.lxc",
    "raw.seccomp",
    "security.guestapi",
    "security.devlxd",
    "security.idmap.",
    "security.nesting",
    "security.privileged",
    "security.syscalls.",
)


def needs_restart(keys: Iterable[str]) -> bool:
    """Whether a change of these keys waits for the next start."""
    return any(key.startswith(_AT_START) for key in keys)
