#!/usr/bin/python
# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathers what belongs into a bug report about a migration, without secrets."""

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_report
short_description: Gathers what belongs into a bug report about a migration, without secrets
version_added: 0.1.0
description:
  - Puts into one compressed tarball what one needs to understand why a container was not migrated, above all alive.
  - Of the server that the container is on, and of the one it was to go to, if that is named, it has kernel, extensions and
    configuration, the kind of CPU, memory, and the operations.
  - Of the container it has configuration, state, snapshots, profiles, storage pools, mounts (if it runs) and logs, those of
    CRIU among them.
  - Where a daemon runs on the host of the task, it has also the mounts of that host and the end of the daemon's own log.
  - Values of configuration keys that may hold secrets are left out. These are C(user.*), C(environment.*), C(cloud-init.*),
    C(raw.*) except harmless lines of C(raw.lxc), and every key that speaks of passwords, tokens, keys, certificates and the
    like. PEM texts, the secrets of operations, and what programs printed are left out as well. What was left out in one
    place is taken out of all others, logs included. A name, an address or a path is no secret in this sense, so look through
    it before you publish it.
  - It changes nothing on the servers. What cannot be read is no error, but listed in RV(left_out) and in the report.
author:
  - The flotilla.lxd developers (@flotilla-lxd)
extends_documentation_fragment:
  - flotilla.lxd.client_config
  - flotilla.lxd.remote
  - flotilla.lxd.wait
attributes:
  check_mode:
    description: Can run in check mode and predict the changes without making any.
    support: full
    details: The servers are not asked for anything.
  diff_mode:
    description: Returns what was before and what is after in diff mode.
    support: none
  idempotent:
    description: A second run with the same options changes nothing.
    support: none
    details: Every run writes a new report of how things are by then, and says that it changed something.
  platform:
    description: The host that runs the task, not the server.
    support: full
    platforms: posix
options:
  name:
    description: The container, by its name on O(remote), where it is, or was before.
    type: str
    required: true
  target_remote:
    description: The server that it was to go to. It is found in the same way as O(remote).
    type: str
  target_project:
    description: The project there. If it is left out, as for O(project).
    type: str
  target_name:
    description: Its name there. If it is left out, O(name).
    type: str
  dest:
    description:
      - The file to write on the host that runs the task, for its owner alone to read. One that is there is replaced.
      - In a directory, it is called C(migration-NAME-TIME.tar.gz).
    type: path
    required: true
seealso:
  - module: flotilla.lxd.container
"""

EXAMPLES = r"""
- name: Report on a migration that failed
  flotilla.lxd.migration_report:
    remote: incus-a
    name: web1
    target_remote: incus-b
    dest: /var/tmp/
  register: report

- name: Say where it is, and what it lacks
  ansible.builtin.debug:
    msg: "{{ report.dest }} {{ report.left_out }}"
"""

RETURN = r"""
dest:
  description: The file with the report.
  returned: success
  type: str
  sample: /var/tmp/migration-web1-20261124T134500Z.tar.gz
files:
  description: Names of the files in it, below a directory named as the report is.
  returned: success, not in check mode
  type: list
  elements: str
  sample: [left-out.txt, source/container.json, source/logs/lxc.log, source/server.json, target/server.json]
left_out:
  description: What could not be read. A container that is not at an end is among it.
  returned: success, not in check mode
  type: list
  elements: dict
  contains:
    part:
      description: Its name in the report.
      type: str
      sample: target/container.json
    reason:
      description: Why.
      type: str
      sample: "remote incus-b: read container web1 for a report: Instance not found (status 404)"
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flotilla.lxd.plugins.module_utils import _module
from ansible_collections.flotilla.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.flotilla.lxd.plugins.module_utils._diagnosis import report
from ansible_collections.flotilla.lxd.plugins.module_utils._resources.instance import check_name

OPTIONS = {
    **_module.WAIT_OPTIONS,
    "name": {"type": "str", "required": True},
    "target_remote": {"type": "str"},
    "target_project": {"type": "str"},
    "target_name": {"type": "str"},
    "dest": {"type": "path", "required": True},
}


def make(module: AnsibleModule) -> dict:
    name, target = module.params["name"], module.params["target_name"] or module.params["name"]
    for one in (name, target):
        check_name(one)
    ends = [report.End("source", _module.client(module), name)]
    if module.params["target_remote"]:
        access = _module.target_access(module, module.params["target_remote"], module.params["target_project"])
        ends.append(report.End("target", _module.client(module, access), target))
    dest = report.destination(module.params["dest"], name)
    if module.check_mode:
        return {"changed": True, "dest": dest}
    parts, gaps = report.gather(ends, Deadline(module.params["timeout"]))
    report.write(parts, dest)
    return {"changed": True, "dest": dest, "files": sorted(parts), "left_out": [asdict(gap) for gap in gaps]}


def main() -> None:
    needed = dict.fromkeys(("target_project", "target_name"), "target_remote")
    _module.run(make, OPTIONS, constraints={"required_by": needed})


if __name__ == "__main__":
    main()
