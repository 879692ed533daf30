#!/usr/bin/python
# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells what stands against moving a container alive."""

from __future__ import annotations

DOCUMENTATION = r"""
module: live_migration_info
short_description: Tells what stands against moving a container alive
version_added: 0.1.0
description:
  - Compares two servers, and looks at a container if one is named, to tell what stands against moving it alive, that is, with
    its processes going on where they were. CRIU does that, and says what it lacks only late, and in its own words.
  - Nothing missing is no promise. A container that makes processes all the time, or has files open that CRIU does not know,
    stays where it is all the same.
  - The servers tell their kernel and architecture; Incus tells what the processors can do. They do not tell whether their
    hosts have CRIU. The role P(flotilla.lxd.migratable#role) asks the hosts for that.
author:
  - The flotilla.lxd developers (@flotilla-lxd)
extends_documentation_fragment:
  - flotilla.lxd.client_config
  - flotilla.lxd.remote
  - flotilla.lxd.attributes.info
options:
  name:
    description: The container on O(remote). If it is left out, only the servers are looked at.
    type: str
  target_remote:
    description: The server it is to go to. It is found in the same way as O(remote).
    type: str
    required: true
  criu:
    description: Version of CRIU on the host of O(remote), as C(criu --version) says. An empty text says that it has none.
    type: str
  target_criu:
    description: The same on the host of O(target_remote).
    type: str
  cpu_flags:
    description:
      - What the processors of the host of O(remote) can do, as the line C(flags) of C(/proc/cpuinfo) has it. If it is left
        out, the server is asked.
    type: list
    elements: str
  target_cpu_flags:
    description: The same of the host of O(target_remote).
    type: list
    elements: str
seealso:
  - module: flotilla.lxd.migration_report
"""

EXAMPLES = r"""
- name: See whether web1 can be moved alive
  flotilla.lxd.live_migration_info:
    remote: incus-a
    name: web1
    target_remote: incus-b
    criu: "4.1.1"
    target_criu: "4.1.1"
  register: alive

- name: Say what is missing
  ansible.builtin.debug:
    msg: "{{ alive.missing }}"
"""

RETURN = r"""
missing:
  description:
    - What stands against it, a sentence each. It fails then, or what is restored is of no use. Of an older kernel or a lesser
      processor at the target that is not certain.
  returned: success
  type: list
  elements: str
  sample:
    - the host of remote incus-b has CRIU 3.17.1, and it takes 4.1 or newer
    - container web1 has no line lxc.console.path=none in its raw.lxc
unknown:
  description: What could not be found out, a sentence each.
  returned: success
  type: list
  elements: str
  sample:
    - whether the host of remote incus-a has CRIU, and which
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flotilla.lxd.plugins.module_utils import _module
from ansible_collections.flotilla.lxd.plugins.module_utils._api.client import path
from ansible_collections.flotilla.lxd.plugins.module_utils._diagnosis import readiness
from ansible_collections.flotilla.lxd.plugins.module_utils._resources.instance import check_name

OPTIONS = {
    "name": {"type": "str"},
    "target_remote": {"type": "str", "required": True},
    "criu": {"type": "str"},
    "target_criu": {"type": "str"},
    "cpu_flags": {"type": "list", "elements": "str"},
    "target_cpu_flags": {"type": "list", "elements": "str"},
}


def read(module: AnsibleModule) -> dict:
    params = module.params
    client, target = (
        _module.client(module),
        _module.client(module, _module.target_access(module, params["target_remote"])),
    )
    container = None
    if params["name"]:
        check_name(params["name"])
        container = client.get(path("instances", params["name"]), doing=f"read container {params['name']}").metadata
    found = readiness.findings(
        readiness.look(client, criu=params["criu"], cpu_flags=params["cpu_flags"]),
        readiness.look(target, criu=params["target_criu"], cpu_flags=params["target_cpu_flags"]),
        container,
    )
    return {"missing": found.missing + found.doubtful, "unknown": found.unknown}


def main() -> None:
    _module.run(read, OPTIONS)


if __name__ == "__main__":
    main()
