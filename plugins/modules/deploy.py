#!/usr/bin/python
# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploys a service bundle, as of Juju, as far as servers are concerned."""

from __future__ import annotations

DOCUMENTATION = r"""
module: deploy
short_description: Deploys a service bundle, as of Juju
version_added: 0.1.0
description:
  - Brings a model to what a bundle says, as far as servers are concerned. It makes the project and the containers, and keeps
    there what applications, relations, machines and units there are.
  - What runs in the containers is up to the roles that play the charms. The playbook C(flotilla.lxd.deploy) has this module
    make the containers, then runs the roles in them, and gives the model's lock back. That is the way to use it.
  - As in Juju, deploying only ever adds. No unit, application or relation is removed, and an option that the bundle does not
    name is not reset. For less there is M(flotilla.lxd.model).
  - A bundle with a problem, a charm that no role plays, an image or a storage pool that is not there are told before anything
    is made.
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
  path:
    description: The bundle, or a directory with a C(bundle.yaml).
    type: path
    required: true
  overlays:
    description: Overlays, which are laid over the bundle in this order.
    type: list
    elements: path
    default: []
  machines:
    description:
      - Where machines of the bundle are to be, by their number, V(remote) or V(remote:member) of a cluster.
      - A machine that the bundle does not have, or that is somewhere else already, is an error.
      - Machines with a constraint C(zones) are on a remote or a cluster member of that name; others where the fewest are.
      - A machine that has nothing on it but containers (C(lxd:0)) is no container itself; it stands for the server.
    type: dict
    default: {}
  map_machines:
    description:
      - Which machine of the model, by its number, is which of the bundle, as with C(--map-machines) of C(juju deploy).
        V(0=3) has the units that the bundle places on its machine 0 put on machine 3 of the model.
      - With V(existing), all machines of the bundle are those of the same number, where the model has them.
      - What is not named is the machine that was made for it before, as far as a unit says so, and a new one otherwise.
      - This is about machines that are there. On which server new ones are made, O(machines) says.
    type: list
    elements: str
    default: []
seealso:
  - module: flotilla.lxd.bundle_info
  - module: flotilla.lxd.model
  - module: flotilla.lxd.model_info
  - module: flotilla.lxd.model_export
"""

EXAMPLES = r"""
- name: See what deploying a bundle would do
  flotilla.lxd.deploy:
    path: "{{ playbook_dir }}/bundle.yaml"
    model: web
    remotes: [lxd-a, incus-a]
    roles_path: ["{{ playbook_dir }}/roles"]
  check_mode: true
  register: planned

- name: Show it
  ansible.builtin.debug:
    var: planned.changes
"""

RETURN = r"""
changes:
  description: What was done, or in check mode would be, in this order. None for a bundle that is deployed already.
  returned: success
  type: list
  elements: str
  sample:
    - use role nginx as charm nginx
    - deploy application nginx
    - add unit nginx/0 to new machine 0
lock:
  description:
    - The lock of the model, which M(flotilla.lxd.model_step) takes and in the end gives back. Empty where nothing changed and
      no unit has anything to run.
  returned: success
  type: str
  sample: 4b9e2b0ac0ab4d0ca0e9f4d0f2a5f2b1
problems:
  description: What is wrong with the bundle, as M(flotilla.lxd.bundle_info) returns it.
  returned: failure, if the bundle is wrong
  type: list
  elements: dict
  sample: [{text: 'placement "2" refers to a machine not defined in this bundle', line: 12, file: /srv/site/bundle.yaml}]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flotilla.lxd.plugins.module_utils import _model_module, _module
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.findings import Finding, in_order
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.machines import matched, parse_map
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.plan import plan, unheeded
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.read import Reading, read
from ansible_collections.flotilla.lxd.plugins.module_utils._model.deployment import refuse_leaving
from ansible_collections.flotilla.lxd.plugins.module_utils._model.placing import require_possible
from ansible_collections.flotilla.lxd.plugins.module_utils._model.state import for_planner

OPTIONS = {
    "path": {"type": "path", "required": True},
    "overlays": {"type": "list", "elements": "path", "default": []},
    "machines": {"type": "dict", "default": {}},
    "map_machines": {"type": "list", "elements": "str", "default": []},
    **_model_module.MODEL_OPTIONS,
    **_model_module.ROLES_OPTIONS,
    **_model_module.CHANGE_OPTIONS,
}


def deploy(module: AnsibleModule) -> dict:
    params = module.params
    roles = _model_module.roles(module.params)
    machine_map = parse_map(params["map_machines"])
    reading = read(params["path"], params["overlays"], roles)
    _warn(module, reading.findings.warnings)
    if not reading.may_be_deployed:
        _refuse(module, reading)

    too_late = []

    def planned(state):
        bundle, model = reading.bundle, for_planner(state)
        refuse_leaving(state, bundle.applications)
        said = _model_module.machines(module)
        require_possible(said, bundle.machines, matched(bundle, model, machine_map), state)
        too_late[:] = unheeded(bundle, model)
        return plan(bundle, model, roles, reading.charms, machine_map), state

    result = _model_module.change(module, planned, may_make=True)
    _warn(module, too_late)
    return result


def _warn(module: AnsibleModule, findings: list[Finding]) -> None:
    for finding in in_order(findings):
        module.warn(f"{finding.place.file}, line {finding.place.line}: {finding.text}")


def _refuse(module: AnsibleModule, reading: Reading) -> None:
    problems = in_order([*reading.findings.problems, *reading.findings.unsupported])
    lines = ["The bundle cannot be deployed:", *_lines(problems)]
    if reading.findings.later:
        lines += ["When that is mended, there is more:", *_lines(in_order(reading.findings.later))]
    module.fail_json(msg="\n".join(lines), problems=[each.as_dict() for each in problems])


def _lines(findings: list[Finding]) -> list[str]:
    return [f"{each.place.file}, line {each.place.line}: {each.text}" for each in findings]


def main() -> None:
    _module.run(deploy, OPTIONS, remote_options=False)


if __name__ == "__main__":
    main()
