#!/usr/bin/python
# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One step of a run over the units of a model."""

from __future__ import annotations

DOCUMENTATION = r"""
module: model_step
short_description: Says which units of a model run what next
version_added: 0.1.0
description:
  - Made for the playbooks of this collection, between M(flotilla.lxd.deploy) or M(flotilla.lxd.model) and the roles. It takes
    down what the units have done in the last step, and returns who is to run what in the next one.
  - What it returns has what units tell each other, passwords among it. Give the task C(no_log).
requirements:
  - PyYAML on the host that runs the task
author:
  - The flotilla.lxd developers (@flotilla-lxd)
extends_documentation_fragment:
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
    description: How many seconds it may take to delete containers. At least 1.
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
  no_log: true
"""

RETURN = r"""
hosts:
  description: The containers in which units have something to run, with their units in order. None when all is done.
  returned: success, with O(step)
  type: list
  elements: dict
  sample:
    - host: web-api-0
      remote: lxd-a
      project: web
      runs:
        - {unit: {name: api/0}, name: api/0, role: /srv/site/roles/node_api, entry: main, digest: 2c26b46b68ff, variables: {}}
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

import getpass
import os
import socket
import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flotilla.lxd.plugins.module_utils import _model_module, _module
from ansible_collections.flotilla.lxd.plugins.module_utils._model import process
from ansible_collections.flotilla.lxd.plugins.module_utils._model.lock import Lock
from ansible_collections.flotilla.lxd.plugins.module_utils._model.steps import Ran, Steps, by_host

RAN_OPTIONS = {
    "step": {"type": "int", "required": True},
    "unit": {"type": "str", "required": True},
    "entry": {"type": "str", "required": True},
    "digest": {"type": "str", "default": ""},
    "failed": {"type": "str", "default": ""},
}
OPTIONS = {
    "lock": {"type": "str", "required": True},
    "step": {"type": "int"},
    "ran": {"type": "list", "elements": "dict", "default": [], "options": RAN_OPTIONS},
    "asked": {"type": "list", "elements": "str", "default": []},
    "skip_stop": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 600},
    **_model_module.MODEL_OPTIONS,
    **_model_module.ROLES_OPTIONS,
}


def step(module: AnsibleModule) -> dict:
    params = module.params
    if module.check_mode:
        return {"changed": False, "hosts": [], "failed_units": {}, "unsettled": [], "removed": []}
    now = int(time.time())
    who = f"{getpass.getuser()}@{socket.gethostname()}"
    lock = Lock(params["lock"], who, now, now, step=process.name_of(os.getpid()))
    steps = Steps(
        _model_module.servers(module), params["remotes"], _model_module.roles(module), lock, params["timeout"]
    )
    if params["step"] is not None:
        ran = [Ran(**each) for each in params["ran"] if each["step"] == params["step"] - 1]
        runs = steps.next(params["step"], ran, params["asked"], skip_stop=params["skip_stop"])
        return {"changed": False, "hosts": by_host(runs, params["model"])}
    ending = steps.finish(skip_stop=params["skip_stop"])
    for text in ending.closed:
        module.warn(text)
    return {
        "changed": bool(ending.removed),
        "failed_units": dict(ending.failed),
        "unsettled": list(ending.unsettled),
        "removed": list(ending.removed),
    }


def main() -> None:
    _module.run(step, OPTIONS, remote_options=False)


if __name__ == "__main__":
    main()
