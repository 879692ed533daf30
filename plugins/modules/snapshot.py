#!/usr/bin/python
# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manages snapshots of containers on LXD and Incus."""

from __future__ import annotations

DOCUMENTATION = r"""
module: snapshot
short_description: Manages snapshots of containers on LXD and Incus
version_added: 0.1.0
description:
  - Takes snapshots of a container, renames and deletes them, lets them expire, thins out those that a schedule leaves behind,
    and restores a container to one.
  - A snapshot that is there is never taken again, unless O(retake) says so.
author:
  - The flotilla.lxd developers (@flotilla-lxd)
notes:
  - In check mode a container or a snapshot that is missing is a warning, since an earlier task may be there to make it.
  - A snapshot holds the container's configuration and its root file system, and nothing of the volumes attached to it.
extends_documentation_fragment:
  - flotilla.lxd.client_config
  - flotilla.lxd.remote
  - flotilla.lxd.wait
  - flotilla.lxd.attributes
attributes:
  idempotent:
    support: partial
    details: Restoring and O(retake) are a change every time.
options:
  container:
    description: Name of the container.
    type: str
    required: true
  name:
    description:
      - Name of the snapshot. It must not hold a slash or a blank.
      - O(state=absent) can do without it and with O(pattern).
    type: str
  state:
    description: What the snapshot should be.
    type: str
    choices:
      present: There. One that is missing is taken, whether the container runs or not.
      absent: Gone.
      restored:
        - The container is put back to it, its files and its configuration. B(All that changed since is lost.)
          Always done, and always a change.
        - A container that runs is stopped for it by the server, at once, as if the power were cut, and started again.
          One that was frozen is frozen again, and one that was stopped stays so.
    default: present
  stateful:
    description:
      - V(true) takes along what runs in the container, or restores it, so that it goes on where it was. After that the
        container runs, whether it did before or not.
      - That takes CRIU on the server, and on Incus C(migration.stateful=true) in the container's config.
      - A snapshot that is there and was taken the other way is refused, unless it is to be taken anew (O(retake)).
    type: bool
  expires_at:
    description:
      - When the server may delete the snapshot. A date (V(2027-01-31), or V(2027-01-31T12:00:00Z), in UTC), a span of time
        from when it was taken, written as in the server's own C(snapshots.expiry) (V(2w), V(1d 12H); V(M) minutes,
        V(H) hours, V(d) days, V(w) weeks, V(m) months, V(y) years), or V(never).
      - If it is left out, a new snapshot gets what C(snapshots.expiry) of the container says, and one that is there is left.
    type: str
  retake:
    description:
      - Whether a snapshot that is there is taken anew. The old one is deleted once the new one is there, which is called
        C(NAME.new) until then.
    type: bool
    default: false
  rename_from:
    description: Name the snapshot has had so far. If O(name) is not there and this one is, it is renamed.
    type: str
  pattern:
    description:
      - Shell pattern for names of snapshots of the container, as in V(auto-*).
      - With O(state=absent), those that match are deleted, but for the ones that O(keep) and O(younger_than) keep.
      - With O(state=present) it takes O(keep) or O(younger_than), and those that match and that neither keeps are deleted
        once the snapshot is there. That one itself is never deleted.
    type: str
  keep:
    description: Of those that match O(pattern), how many are kept, the newest first.
    type: int
  younger_than:
    description:
      - Of those that match O(pattern), the ones that are not yet this old are kept, as in V(7d); written like a span in
        O(expires_at), and told by the clock of the host that runs the task.
      - With O(keep), one that either of them keeps is kept.
    type: str
seealso:
  - module: flotilla.lxd.snapshot_info
  - module: flotilla.lxd.container
  - module: flotilla.lxd.backup
"""

EXAMPLES = r"""
- name: Before the upgrade
  flotilla.lxd.snapshot:
    remote: lxd-a
    container: web1
    name: before-upgrade
    expires_at: 2w

- name: One a day, of which the last seven are kept, and all of the last three days
  flotilla.lxd.snapshot:
    remote: lxd-a
    container: "{{ item }}"
    name: "daily-{{ now(utc=true).strftime('%Y-%m-%d') }}"
    pattern: daily-*
    keep: 7
    younger_than: 3d
  loop: [web1, web2, db1]

- name: Back to before the upgrade
  flotilla.lxd.snapshot:
    remote: lxd-a
    container: web1
    name: before-upgrade
    state: restored

- name: With all that runs in it
  flotilla.lxd.snapshot:
    remote: incus-a
    container: db1
    name: warm
    stateful: true

- name: Keep this one for good
  flotilla.lxd.snapshot:
    remote: lxd-a
    container: web1
    name: golden
    rename_from: before-upgrade
    expires_at: never

- name: Be rid of all others
  flotilla.lxd.snapshot:
    remote: lxd-a
    container: web1
    pattern: daily-*
    state: absent
"""

RETURN = r"""
snapshot:
  description:
    - The snapshot as the server has it afterwards, in the words of the API. In check mode, what it would be as far as that is
      known. Not returned for one that is absent.
  returned: success, if it is there
  type: dict
  sample:
    name: before-upgrade
    created_at: "2026-11-24T13:30:14.724140588Z"
    expires_at: "2026-12-08T13:30:14Z"
    stateful: false
    architecture: x86_64
    config: {limits.memory: 1GiB}
    devices: {}
    ephemeral: false
    profiles: [default]
snapshots:
  description: Names of all snapshots that the container has afterwards, the oldest first.
  returned: success
  type: list
  elements: str
  sample: [golden, before-upgrade]
removed:
  description: Names of the snapshots that were deleted, the oldest first.
  returned: success, unless O(state=restored)
  type: list
  elements: str
  sample: [daily-2026-11-16]
actions:
  description: What was done, in order.
  returned: success
  type: list
  elements: str
  sample: [create, delete]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flotilla.lxd.plugins.module_utils import _module
from ansible_collections.flotilla.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.flotilla.lxd.plugins.module_utils._resources import snapshot, snapshot_plan
from ansible_collections.flotilla.lxd.plugins.module_utils._resources.plan import converge

OPTIONS = {
    "container": {"type": "str", "required": True},
    "name": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent", "restored"], "default": "present"},
    "stateful": {"type": "bool"},
    "expires_at": {"type": "str"},
    "retake": {"type": "bool", "default": False},
    "rename_from": {"type": "str"},
    "pattern": {"type": "str"},
    "keep": {"type": "int"},
    "younger_than": {"type": "str"},
    **_module.WAIT_OPTIONS,
}
CONSTRAINTS = {
    "required_if": [
        ("state", "present", ["name"]),
        ("state", "restored", ["name"]),
        ("state", "absent", ["name", "pattern"], True),
    ],
    "required_by": {"keep": ["pattern"], "younger_than": ["pattern"]},
}


def manage(module: AnsibleModule) -> dict:
    wanted = snapshot_plan.Wanted(**_module.named(snapshot_plan.Wanted, module.params))
    resource = snapshot.Snapshot(_module.client(module), wanted, predicting=module.check_mode)
    outcome = converge(resource, Deadline(module.params["timeout"]), check=module.check_mode)
    return {**_module.told(module, outcome), **snapshot_plan.found(outcome)}


def main() -> None:
    _module.run(manage, OPTIONS, constraints=CONSTRAINTS)


if __name__ == "__main__":
    main()
