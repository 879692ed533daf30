#!/usr/bin/python
# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads containers on LXD, Incus and classic LXC."""

from __future__ import annotations

DOCUMENTATION = r"""
module: container_info
short_description: Reads containers on LXD, Incus and classic LXC
version_added: 0.1.0
description:
  - Returns the containers and virtual machines of a server, or one of them.
  - With O(url=lxc:) it returns the containers of classic LXC on the host that runs the task.
requirements:
  - "For O(url=lxc:) only: lxc (Python library; Debian has it as python3-lxc, for the system's Python only), and the right to
    read LXC's directory of containers, which is root's as a rule"
author:
  - The flotilla.lxd developers (@flotilla-lxd)
extends_documentation_fragment:
  - flotilla.lxd.client_config
  - flotilla.lxd.remote
  - flotilla.lxd.attributes.info
options:
  name:
    description: Name of one container. If there is none of that name, the list is empty. All of them if this is left out.
    type: str
  all_projects:
    description: Look in all projects, whatever O(project) says. Does not go with O(name).
    type: bool
    default: false
  with_state:
    description: Whether to return the state too, that is addresses, and use of memory, disk and processor.
    type: bool
    default: true
seealso:
  - module: flotilla.lxd.container
  - plugin: flotilla.lxd.containers
    plugin_type: inventory
"""

EXAMPLES = r"""
- name: All containers of a server
  flotilla.lxd.container_info:
    remote: lxd-a
  register: fleet

- name: Their names
  ansible.builtin.debug:
    msg: "{{ fleet.containers | map(attribute='name') }}"

- name: One, and where it is
  flotilla.lxd.container_info:
    remote: lxd-a
    name: web1

- name: The containers of classic LXC on this host
  flotilla.lxd.container_info:
    url: "lxc:"
"""

RETURN = r"""
containers:
  description:
    - The containers, in the words of the API.
    - Of classic LXC, with C(kind) V(lxc), these are C(name), C(type), C(status), C(status_code), C(ephemeral),
      C(architecture) where the configuration says it, C(config), and C(state) with C(status), C(status_code), C(pid) and
      C(network). In C(config) are LXC's own keys, without those of the files that LXC brings. Keys that may be there more
      than once, like C(lxc.mount.entry), are lists.
  returned: success
  type: list
  elements: dict
  sample:
    - name: web1
      project: default
      type: container
      status: Running
      profiles: [default]
      config: {limits.memory: 1GiB}
      state:
        network:
          eth0:
            addresses: [{family: inet, address: 192.0.2.17, netmask: "24", scope: global}]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flotilla.lxd.plugins.module_utils import _module
from ansible_collections.flotilla.lxd.plugins.module_utils._lxc import host
from ansible_collections.flotilla.lxd.plugins.module_utils._resources import listing

OPTIONS = {
    "name": {"type": "str"},
    "all_projects": {"type": "bool", "default": False},
    "with_state": {"type": "bool", "default": True},
}


def read(module: AnsibleModule) -> dict:
    params = module.params
    access = _module.access(module)
    if host.is_meant(access):
        if params["all_projects"]:
            module.fail_json(msg=f"all_projects does not go with url {access.url}: classic LXC has no projects")
        return {"containers": _classic(module, host.meant(access))}
    containers = listing.containers(
        _module.client(module), params["name"], with_state=params["with_state"], all_projects=params["all_projects"]
    )
    return {"containers": containers}


def _classic(module: AnsibleModule, here: host.Host) -> list:
    name, with_state = module.params["name"], module.params["with_state"]
    if name is not None:
        found = here.find(name)
        return [found.described(with_state=with_state)] if found else []
    containers = here.described(with_state=with_state)
    for one in containers:
        if "error" in one:
            module.warn(one["error"])
    return containers


def main() -> None:
    _module.run(read, OPTIONS, constraints={"mutually_exclusive": [("name", "all_projects")]})


if __name__ == "__main__":
    main()
