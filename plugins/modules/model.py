#!/usr/bin/python
# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes a model that is there: more units, fewer, or none at all; open to the outside or not."""

from __future__ import annotations

DOCUMENTATION = r"""
module: model
short_description: Scales a deployed model, opens and closes it, and takes it away
version_added: 0.1.0
description:
  - Adds units to applications of a model that M(flotilla.lxd.deploy) has deployed, and removes units, applications, or all
    of it.
  - New containers are made at once. What is to go is only marked, for the units that stay have to be told, and those that go
    to be stopped, before their containers are deleted. The playbooks C(flotilla.lxd.scale), C(flotilla.lxd.remove) and
    C(flotilla.lxd.destroy) do all of that, C(flotilla.lxd.expose) and C(flotilla.lxd.unexpose) open and close ports, and
    these are the way to use this module.
  - The number of a unit is never given to another one.
requirements:
  - PyYAML on the host that runs the task
author:
  - The flotilla.lxd developers (@flotilla-lxd)
extends_documentation_fragment:
  - flotilla.lxd.client_config
  - flotilla.lxd.model
  - flotilla.lxd.model.roles
  - flotilla.lxd.model.change
  - flotilla.lxd.attributes
options:
  state:
    description: What the model should be.
    type: str
    choices:
      present: There, and as the other options say.
      absent: Gone, with all its containers, and with the project if it was made for the model.
    default: present
  scale:
    description: How many units applications should have, by their names. The youngest units go; none of a subordinate can.
    type: dict
    default: {}
  expose:
    description:
      - Applications whose ports are to be open on their servers to everybody. One that a bundle has opened to some only is
        opened to all.
      - They are opened and closed at the end of the run, when units have said which ports they have.
    type: list
    elements: str
    default: []
  unexpose:
    description:
      - Applications whose ports are to be open no more. A bundle that says C(expose) opens them when it is deployed again.
    type: list
    elements: str
    default: []
  remove_units:
    description:
      - Units to be removed, as V(api/1). One that was removed before, or whose container is gone, is no error, and one that
        has never been there is.
    type: list
    elements: str
    default: []
  remove_applications:
    description:
      - Applications to be removed, with their units and relations. One that was removed before is no error, and one that has
        never been in the model is.
    type: list
    elements: str
    default: []
  keep_storage:
    description:
      - Whether the storage of the units that go is kept. It is deleted with them otherwise.
      - A volume that is kept stays in its pool, and in its project, which then stays as well when the model is removed.
    type: bool
    default: false
seealso:
  - module: flotilla.lxd.deploy
  - module: flotilla.lxd.model_info
"""

EXAMPLES = r"""
- name: See what three units of api would take
  flotilla.lxd.model:
    model: web
    remotes: [lxd-a]
    scale: {api: 3}
  check_mode: true
  register: planned
"""

RETURN = r"""
changes:
  description: What was done, or in check mode would be. What is removed goes when the units that stay have been told.
  returned: success
  type: list
  elements: str
  sample:
    - add unit api/2 to new machine 4
lock:
  description: The lock of the model, as M(flotilla.lxd.deploy) returns it.
  returned: success
  type: str
  sample: 4b9e2b0ac0ab4d0ca0e9f4d0f2a5f2b1
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flotilla.lxd.plugins.module_utils import _model_module, _module
from ansible_collections.flotilla.lxd.plugins.module_utils._model.scaling import Scaling
from ansible_collections.flotilla.lxd.plugins.module_utils._model.store import Store

OPTIONS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "scale": {"type": "dict", "default": {}},
    "expose": {"type": "list", "elements": "str", "default": []},
    "unexpose": {"type": "list", "elements": "str", "default": []},
    "remove_units": {"type": "list", "elements": "str", "default": []},
    "remove_applications": {"type": "list", "elements": "str", "default": []},
    "keep_storage": {"type": "bool", "default": False},
    **_model_module.MODEL_OPTIONS,
    **_model_module.ROLES_OPTIONS,
    **_model_module.CHANGE_OPTIONS,
}


def change(module: AnsibleModule) -> dict:
    params = module.params
    scaling = Scaling(
        units=params["scale"],
        expose=params["expose"],
        unexpose=params["unexpose"],
        without_units=params["remove_units"],
        without_applications=params["remove_applications"],
        ends=params["state"] == "absent",
        keep_storage=params["keep_storage"],
    )
    if scaling.ends and Store(_model_module.servers(module.params), params["remotes"]).read() is None:
        return {"changed": False, "changes": [], "lock": ""}
    return _model_module.change(module, scaling.plan, may_make=False)


def main() -> None:
    _module.run(change, OPTIONS, remote_options=False)


if __name__ == "__main__":
    main()
