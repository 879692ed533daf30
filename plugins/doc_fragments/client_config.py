# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where remotes are looked up."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  client_config:
    description: Which command's client configuration is read for the remotes.
    type: str
    choices:
      auto: Both. A name that means different servers in the two is refused.
      lxc: That of C(lxc), from E(LXD_CONF), C(~/.config/lxc) or the snap's directory.
      incus: That of C(incus), from E(INCUS_CONF) or C(~/.config/incus).
    default: auto
"""
