#!/usr/bin/python
# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports containers of LXD and Incus to files, and imports them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup
short_description: Exports containers of LXD and Incus to files, and imports them
version_added: 0.1.0
description:
  - Brings a container with its snapshots into a file on the host that runs the task, and a container out of such a file onto
    a server, the same or another.
  - The files are those of C(lxc export) and C(incus export), and of C(lxc import) and C(incus import).
author:
  - The flotilla.lxd developers (@flotilla-lxd)
notes:
  - A file is read to its end before it is sent, and also when it is found where one is to be exported to. That takes PyYAML
    on the host that runs the task and, for one that is compressed with C(zstd), the program of this name.
  - It is sent unpacked, however it is compressed, so that the server does not have to unpack it.
  - Owners, modes, extended attributes, capabilities and hard links arrive as they were, times to the second.
  - Files go from LXD to LXD, from Incus to Incus, and between the two in both directions, as seen with LXD 5.0 and Incus 6.0.
    What the new server does not know of the keys that the old one writes by itself (C(volatile.uuid.generation) on LXD 5.0)
    is left out on the way. A key of yours that it does not know makes it refuse the file, and it says which.
  - With O(optimized_storage) a file cannot be changed on the way, so that LXD 5.0 takes none of Incus.
extends_documentation_fragment:
  - flotilla.lxd.client_config
  - flotilla.lxd.remote
  - flotilla.lxd.wait
  - flotilla.lxd.attributes
attributes:
  idempotent:
    support: partial
    details: With O(force) a new file is made every time.
options:
  name:
    description:
      - Name of the container. For O(state=imported) the name that it has in the file, if this is left out.
    type: str
  state:
    description: What there should be.
    type: str
    required: true
    choices:
      exported:
        - The container in the file O(dest). A file that is there is left if it is a whole backup of this very container,
          however old it is and whatever it was made with, unless O(force) asks for a new one. Any other is left too, and the
          task fails.
        - The container may run. Then the file has what was on its disk at that moment, as after a power cut.
      imported:
        - The container on the server, stopped, as it is in O(file). One of that name that is there has to have come from the
          same file, which its config key C(user.flotilla.backup) tells; otherwise the task fails and it is left alone.
        - It keeps its hardware addresses (MAC) and its C(volatile.uuid), unless a container of the project has them, as where
          the one that was exported is still there. Then it gets its own, and its snapshots have none. In a file made with
          O(optimized_storage) the snapshots keep them, and restoring one brings them back.
  dest:
    description:
      - With O(state=exported), the file. It appears under this name once it is whole, and nobody but the owner may read it.
    type: path
  file:
    description: With O(state=imported), the file.
    type: path
  instance_only:
    description: Whether the snapshots are left out of the file.
    type: bool
    default: false
  optimized_storage:
    description:
      - Whether the file is made in the format of the storage driver, which is faster for some of them (btrfs, zfs), and can
        be imported into a pool of the same driver only.
    type: bool
    default: false
  compression:
    description:
      - How the file is compressed (V(gzip), V(zstd), V(xz), V(bzip2), V(none)), if not as the server is configured to. With
        a level as in V(zstd -9), if the server takes that.
    type: str
  force:
    description: Whether a new file is made although there is one at O(dest), whatever that is.
    type: bool
    default: false
  pool:
    description:
      - With O(state=imported), the storage pool. If it is left out, the one of the name that it had, and otherwise that of
        the profile V(default).
    type: str
seealso:
  - module: flotilla.lxd.snapshot
  - module: flotilla.lxd.container
"""

EXAMPLES = r"""
- name: One file a day
  flotilla.lxd.backup:
    remote: lxd-a
    name: web1
    state: exported
    dest: "/srv/backups/web1-{{ now(utc=true).strftime('%Y-%m-%d') }}.tar.gz"

- name: The container as it is now, without its snapshots
  flotilla.lxd.backup:
    remote: lxd-a
    name: web1
    state: exported
    dest: /srv/backups/web1.tar.zst
    compression: zstd
    instance_only: true
    force: true

- name: Bring it back, on another server and under another name
  flotilla.lxd.backup:
    remote: incus-a
    name: web2
    state: imported
    file: /srv/backups/web1.tar.zst
    pool: fast

- name: Start it
  flotilla.lxd.container:
    remote: incus-a
    name: web2
    state: started
"""

RETURN = r"""
backup:
  description: The file, and what is in it. In check mode, as far as that is known.
  returned: success
  type: dict
  contains:
    file:
      description: Its path.
      returned: always
      type: str
      sample: /srv/backups/web1.tar.gz
    name:
      description: Name of the container in it.
      returned: always
      type: str
      sample: web1
    optimized_storage:
      description: Whether it is in the format of the storage driver.
      returned: always
      type: bool
      sample: false
    sha256:
      description: The SHA-256 of the file.
      returned: when it is there
      type: str
      sample: 588a7d13704b5cf5b2e8d2435d28a0fddb8f3651c1229e969f47ba0fd83ea6a8
    size:
      description: Its size in bytes.
      returned: when it is there
      type: int
      sample: 4310528
    snapshots:
      description: Names of the snapshots in it.
      returned: when it is there
      type: list
      elements: str
      sample: [before-upgrade]
    created_at:
      description: When the container was created.
      returned: when it is there
      type: str
      sample: "2026-11-24T13:35:46.556358826Z"
container:
  description: The container as the server has it afterwards, in the words of the API.
  returned: O(state=imported)
  type: dict
  sample:
    name: web2
    status: Stopped
    type: container
    profiles: [default]
    config: {user.flotilla.backup: 588a7d13704b5cf5b2e8d2435d28a0fddb8f3651c1229e969f47ba0fd83ea6a8}
    devices: {}
actions:
  description: What was done, in order.
  returned: success
  type: list
  elements: str
  sample: [export]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flotilla.lxd.plugins.module_utils import _module
from ansible_collections.flotilla.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.flotilla.lxd.plugins.module_utils._resources import (
    backup_export,
    backup_file,
    backup_import,
    backup_plan,
)
from ansible_collections.flotilla.lxd.plugins.module_utils._resources.plan import converge

OPTIONS = {
    "name": {"type": "str"},
    "state": {"type": "str", "choices": ["exported", "imported"], "required": True},
    "dest": {"type": "path"},
    "file": {"type": "path"},
    "instance_only": {"type": "bool", "default": False},
    "optimized_storage": {"type": "bool", "default": False},
    "compression": {"type": "str"},
    "force": {"type": "bool", "default": False},
    "pool": {"type": "str"},
    **_module.WAIT_OPTIONS,
}
CONSTRAINTS = {
    "required_if": [("state", "exported", ["name", "dest"]), ("state", "imported", ["file"])],
    "mutually_exclusive": [("dest", "file"), ("dest", "pool")],
}


def export(module: AnsibleModule) -> dict:
    wanted = backup_plan.Export(**_module.named(backup_plan.Export, module.params))
    resource = backup_export.BackupExport(_module.client(module), wanted, predicting=module.check_mode)
    outcome = converge(resource, Deadline(module.params["timeout"]), check=module.check_mode)
    result = _module.told(module, outcome)
    made = None if outcome.checked_only and outcome.changed else outcome.state.file
    return {**result, "backup": made.described() if made else dict(outcome.plan.after)}


def bring(module: AnsibleModule) -> dict:
    params = module.params
    file = backup_file.inspect(params["file"])
    wanted = backup_plan.Import(params["name"] or file.index.name, params["pool"])
    resource = backup_import.BackupImport(_module.client(module), wanted, file)
    outcome = converge(resource, Deadline(params["timeout"]), check=module.check_mode)
    return {**_module.result(module, outcome, "container"), "backup": file.described()}


def manage(module: AnsibleModule) -> dict:
    return export(module) if module.params["state"] == "exported" else bring(module)


def main() -> None:
    _module.run(manage, OPTIONS, constraints=CONSTRAINTS)


if __name__ == "__main__":
    main()
