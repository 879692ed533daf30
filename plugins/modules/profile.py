#!/usr/bin/python
# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manages profiles on LXD and Incus."""

from __future__ import annotations

DOCUMENTATION = r"""
module: profile
short_description: Manages profiles on LXD and Incus
version_added: 0.1.0
description:
  - Creates profiles, changes their config and devices, renames and deletes them.
  - Only what you name is compared and changed. A config key or a device that you do not name stays as it is; one that you
    set to V(null) is unset or removed.
author:
  - The flotilla.lxd developers (@flotilla-lxd)
extends_documentation_fragment:
  - flotilla.lxd.client_config
  - flotilla.lxd.remote
  - flotilla.lxd.wait
  - flotilla.lxd.attributes
options:
  name:
    description: Name of the profile.
    type: str
    required: true
  state:
    description: What the profile should be.
    type: str
    choices:
      present: There, and as said.
      absent: Gone. One that is in use is not removed; the task fails and names who uses it.
    default: present
  config:
    description: Config keys to set. A key that is V(null) is unset.
    type: dict
  devices:
    description:
      - Devices by name, each a map of options. Of a device that is there, the options named are changed and the others kept.
        A device or an option that is V(null) is removed.
    type: dict
  description:
    description: A description for people.
    type: str
  rename_from:
    description: Name the profile has had so far. If O(name) is not there and this one is, it is renamed.
    type: str
  exact:
    description: Which of O(config) and O(devices) are the whole truth, so that what they do not name is removed.
    type: list
    elements: str
    choices: [config, devices]
    default: []
seealso:
  - module: flotilla.lxd.profile_info
  - module: flotilla.lxd.container
"""

EXAMPLES = r"""
- name: What every web server gets
  flotilla.lxd.profile:
    remote: lxd-a
    name: web
    description: Web servers
    config:
      limits.memory: 1GiB
      boot.autostart: true
    devices:
      eth0:
        type: nic
        network: lxdbr0

- name: Exactly these devices, and no others
  flotilla.lxd.profile:
    remote: lxd-a
    name: web
    devices: {}
    exact: [devices]

- name: Be rid of it
  flotilla.lxd.profile:
    remote: lxd-a
    name: web
    state: absent
"""

RETURN = r"""
profile:
  description: The profile as the server has it afterwards, in the words of the API. Not returned for one that is absent.
  returned: success, if it is there
  type: dict
  sample:
    name: web
    description: Web servers
    config: {limits.memory: 1GiB}
    devices: {eth0: {type: nic, network: lxdbr0}}
    used_by: [/1.0/instances/web1]
actions:
  description: What was done, in order.
  returned: success
  type: list
  elements: str
  sample: [create]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flotilla.lxd.plugins.module_utils import _module
from ansible_collections.flotilla.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.flotilla.lxd.plugins.module_utils._resources import profile
from ansible_collections.flotilla.lxd.plugins.module_utils._resources.plan import converge

OPTIONS = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "config": {"type": "dict"},
    "devices": {"type": "dict"},
    "description": {"type": "str"},
    "rename_from": {"type": "str"},
    "exact": {"type": "list", "elements": "str", "choices": ["config", "devices"], "default": []},
    **_module.WAIT_OPTIONS,
}


def manage(module: AnsibleModule) -> dict:
    wanted = profile.Wanted(**_module.named(profile.Wanted, module.params))
    resource = profile.Profile(_module.client(module), wanted)
    outcome = converge(resource, Deadline(module.params["timeout"]), check=module.check_mode)
    return _module.result(module, outcome, "profile")


def main() -> None:
    _module.run(manage, OPTIONS)


if __name__ == "__main__":
    main()
