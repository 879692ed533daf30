#!/usr/bin/python
# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads snapshots of containers on LXD and Incus."""

from __future__ import annotations

DOCUMENTATION = r"""
module: snapshot_info
short_description: Reads snapshots of containers on LXD and Incus
version_added: 0.1.0
description:
  - Returns the snapshots of one container, or of all containers of a project.
author:
  - The flotilla.lxd developers (@flotilla-lxd)
extends_documentation_fragment:
  - flotilla.lxd.client_config
  - flotilla.lxd.remote
  - flotilla.lxd.attributes.info
options:
  container:
    description: Name of a container. If there is none of that name, the list is empty. All of them if this is left out.
    type: str
  pattern:
    description: Shell pattern, or the whole name, of the snapshots to return.
    type: str
    default: "*"
seealso:
  - module: flotilla.lxd.snapshot
"""

EXAMPLES = r"""
- name: What there is to go back to
  flotilla.lxd.snapshot_info:
    remote: lxd-a
    container: web1
  register: found

- name: Show the newest
  ansible.builtin.debug:
    msg: "{{ found.snapshots[-1].name }}"

- name: All snapshots of a kind, of all containers
  flotilla.lxd.snapshot_info:
    remote: lxd-a
    pattern: daily-*
"""

RETURN = r"""
snapshots:
  description: The snapshots, in the words of the API, container by container and the oldest first.
  returned: success
  type: list
  elements: dict
  contains:
    container:
      description: The container that the snapshot is of.
      returned: always
      type: str
      sample: web1
  sample:
    - container: web1
      name: before-upgrade
      created_at: "2026-11-24T13:30:14.724140588Z"
      expires_at: "2026-12-08T13:30:14Z"
      stateful: false
      profiles: [default]
      config: {limits.memory: 1GiB}
      devices: {}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flotilla.lxd.plugins.module_utils import _module
from ansible_collections.flotilla.lxd.plugins.module_utils._resources import listing

OPTIONS = {"container": {"type": "str"}, "pattern": {"type": "str", "default": "*"}}


def read(module: AnsibleModule) -> dict:
    params = module.params
    return {"snapshots": listing.snapshots(_module.client(module), params["container"], params["pattern"])}


def main() -> None:
    _module.run(read, OPTIONS)


if __name__ == "__main__":
    main()
