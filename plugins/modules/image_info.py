#!/usr/bin/python
# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the images in the store of LXD and Incus."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_info
short_description: Reads the images in the store of LXD and Incus
version_added: 0.1.0
description:
  - Returns the images in a server's store, or one of them.
author:
  - The flotilla.lxd developers (@flotilla-lxd)
extends_documentation_fragment:
  - flotilla.lxd.remote
  - flotilla.lxd.attributes.info
options:
  name:
    description:
      - An alias, or the fingerprint or the beginning of it, of one image. If there is none, the list is empty. All of them if
        this is left out.
    type: str
seealso:
  - module: flotilla.lxd.image
"""

EXAMPLES = r"""
- name: What an alias stands for
  flotilla.lxd.image_info:
    remote: lxd-a
    name: debian/12
  register: found

- name: Show it
  ansible.builtin.debug:
    msg: "{{ found.images[0].fingerprint }}"
"""

RETURN = r"""
images:
  description: The images, in the words of the API.
  returned: success
  type: list
  elements: dict
  sample:
    - fingerprint: 9ef40da597c6aad2db1c5dea7509d5b33873e4d14aa9820602e631e706b49475
      aliases: [{name: busybox, description: ""}]
      architecture: x86_64
      auto_update: false
      cached: false
      properties: {os: Busybox}
      public: false
      size: 817216
      type: container
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flotilla.lxd.plugins.module_utils import _module
from ansible_collections.flotilla.lxd.plugins.module_utils._resources import listing


def read(module: AnsibleModule) -> dict:
    return {"images": listing.images(_module.client(module), module.params["name"])}


def main() -> None:
    _module.run(read, {"name": {"type": "str"}})


if __name__ == "__main__":
    main()
