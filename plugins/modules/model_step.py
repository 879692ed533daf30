#!/usr/bin/python
# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation only: the action plugin of this name does the work, on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: model_step
short_description: Says which units of a model run what next
version_added: 0.1.0
description:
  - Made for the playbooks of this collection, between M(flotilla.lxd.deploy) or M(flotilla.lxd.model) and the roles. It takes
    down what the units have done in the last step, and returns who is to run what in the next one.
  - It runs on the controller. What units tell each other, passwords among it, is not in its result but in task files, which
    their owner only can read, and which Ansible removes when the playbook ends.
author:
  - The flotilla.lxd developers (@flotilla-lxd)
extends_documentation_fragment:
  - flotilla.lxd.client_config
  - flotilla.lxd.model
  - flotilla.lxd.model.roles
attributes:
  check_mode:
    description: Can run in check mode and predict the changes without making any.
    support: partial
    details: It changes nothing then, and says that nobody has anything to run.
  diff_mode:
    description: Returns what was before and what is after in diff mode.
    support: none
  idempotent:
    description: A second run with the same options changes nothing.
    support: none
    details: It is told something new every time.
  platform:
    description: The host that runs the task, not the server.
    support: full
    platforms: posix
options:
  lock:
    description: The lock that the run has of the model.
    type: str
    required: true
  step:
    description: Number of the step, from 0. Left out, the run is over. What leaves is removed, and the lock given back.
    type: int
  ran:
    description: What units were asked to run in the last step, and how that went.
    type: list
    elements: dict
    default: []
    suboptions:
      step:
        description: The step. What units did in another than the last one is passed over.
        type: int
        required: true
      unit:
        description: The unit.
        type: str
        required: true
      entry:
        description: Entry point of the role.
        type: str
        required: true
      digest:
        description: As it was returned with the unit.
        type: str
        default: ""
      failed:
        description: What went wrong, empty if nothing did.
        type: str
        default: ""
  asked:
    description: The units that were to run something in the last step. One that is not among O(ran) is taken to have failed.
    type: list
    elements: str
    default: []
  skip_stop:
    description: Whether units that leave are removed without being stopped by their roles first.
    type: bool
    default: false
  timeout:
    description: How many seconds it may take to delete containers.
    type: int
    default: 600
"""

EXAMPLES = r"""
- name: See who runs what
  flotilla.lxd.model_step:
    model: web
    remotes: [lxd-a]
    lock: "{{ deployed.lock }}"
    step: 0
  register: step
"""

RETURN = r"""
hosts:
  description:
    - The containers in which units have something to run, with their units in order. None when all is done.
    - C(tasks) is a file that runs the entry point of the unit's role, to be included.
  returned: success, with O(step)
  type: list
  elements: dict
  sample:
    - host: web-api-0
      remote: lxd-a
      project: web
      runs:
        - {unit: api/0, entry: main, digest: 2c26b46b68ff, tasks: /root/.ansible/tmp/ansible-local-4711/unit-a1b2c3d4.yml}
containers:
  description: All containers of the model, those in which nothing is to be run as well.
  returned: success, with O(step)
  type: list
  elements: dict
  sample:
    - {host: web-api-0, remote: lxd-a, project: web}
step:
  description: The step, as it was asked for.
  returned: success, with O(step)
  type: int
  sample: 0
failed_units:
  description: Units that are in error, each with why.
  returned: success, without O(step)
  type: dict
  sample: {api/1: non-zero return code}
unsettled:
  description: Units that go on changing each other.
  returned: success, without O(step)
  type: list
  elements: str
  sample: []
removed:
  description: Units that were removed.
  returned: success, without O(step)
  type: list
  elements: str
  sample: [api/2]
"""
