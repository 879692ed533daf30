#!/usr/bin/python
# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads profiles on LXD and Incus."""

from __future__ import annotations

DOCUMENTATION = r"""
module: profile_info
short_description: Reads profiles on LXD and Incus
version_added: 0.1.0
description:
  - Returns the profiles of a server, or one of them.
author:
  - The flotilla.lxd developers (@flotilla-lxd)
extends_documentation_fragment:
  - flotilla.lxd.client_config
  - flotilla.lxd.remote
  - flotilla.lxd.attributes.info
options:
  name:
    description: Name of one profile. If there is none of that name, the list is empty. All of them if this is left out.
    type: str
seealso:
  - module: flotilla.lxd.profile
"""

EXAMPLES = r"""
- name: Who uses a profile
  flotilla.lxd.profile_info:
    remote: lxd-a
    name: web
  register: found

- name: Show them
  ansible.builtin.debug:
    msg: "{{ found.profiles[0].used_by }}"
"""

RETURN = r"""
profiles:
  description: The profiles, in the words of the API.
  returned: success
  type: list
  elements: dict
  sample:
    - name: default
      description: Default profile
      config: {}
      devices:
        root: {type: disk, path: /, pool: default}
      used_by: [/1.0/instances/web1]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flotilla.lxd.plugins.module_utils import _module
from ansible_collections.flotilla.lxd.plugins.module_utils._resources import listing


def read(module: AnsibleModule) -> dict:
    return {"profiles": listing.profiles(_module.client(module), module.params["name"])}


def main() -> None:
    _module.run(read, {"name": {"type": "str"}})


if __name__ == "__main__":
    main()
