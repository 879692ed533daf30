# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which model is meant, and which roles play its charms."""

from __future__ import annotations


class ModuleDocFragment:
    # Which model.
    DOCUMENTATION = r"""
options:
  model:
    description:
      - Name of the model, which is a project of this name on each of its O(remotes).
      - A project of this name that is there already must have no container before the model is deployed, and V(default) is no
        name for a model.
    type: str
    required: true
  remotes:
    description:
      - The servers that the model is on, by the names they have in the client configuration. The first is the model's home,
        where what is kept of it as a whole is.
      - Of a model that is there, its home is enough. Servers that are not named are remembered.
    type: list
    elements: str
    required: true
"""

    # Which roles.
    ROLES = r"""
options:
  charms:
    description:
      - Which role plays which charm, by the charm's name, or by all that the bundle says for it.
      - A charm that is not named here is played by the role of its own name, with V(-) or V(_), else by the role of this
        collection that is called like it.
    type: dict
    default: {}
  roles_path:
    description:
      - Directories to look for these roles in. A role of a collection is looked for in C(ansible_collections) below them.
    type: list
    elements: path
    default: []
"""

    # How it is changed.
    CHANGE = r"""
options:
  image:
    description: The image of all containers that O(images) says nothing of, as M(flotilla.lxd.container) takes it.
    type: str
  images:
    description:
      - "Images by series or base, as in V({jammy: foo:ubuntu/22.04, debian@12: debian/12})."
      - What is not named, and has no O(image), is made from the alias that is called like it, V(ubuntu/22.04) for V(jammy)
        or V(ubuntu@22.04), and C(debian/12) where the bundle names neither series nor base.
      - It is remembered for the containers that are made later.
    type: dict
    default: {}
  profiles:
    description: Profiles of new containers, in order. It is remembered too. The servers' own default if left out.
    type: list
    elements: str
  wait_for:
    description: What a new container has to have before its units are run, as M(flotilla.lxd.container) takes it.
    type: list
    elements: str
    default: [ipv4]
  take_over:
    description:
      - Whether to go on although another run has the lock of the model. Only if that run is dead.
      - That one on the same host is dead is noticed, and needs no word.
    type: bool
    default: false
  timeout:
    description: How many seconds it may take until all new containers are ready. At least 1.
    type: int
    default: 600
"""
