#!/usr/bin/python
# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a service bundle, as of Juju: what is wrong with it, and what it would deploy."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bundle_info
short_description: Reads a service bundle, as of Juju
version_added: 0.1.0
description:
  - Reads a bundle in Juju's own format, lays overlays over it, and tells all that is wrong with it at once, by file and line.
  - Returns the merged bundle, and what there would be to do to deploy it where nothing is yet; or, with O(model), to deploy
    it there, and how the two differ. It deploys nothing, and without O(model) asks no server.
  - A bundle that is wrong does not fail the task; look at RV(problems). A file that is not there or may not be read does.
  - A charm is played by a role. Where O(roles_path) leads to one that has a C(meta/charm.yml), relations and options are
    checked against it too.
requirements:
  - PyYAML on the host that runs the task
author:
  - The flotilla.lxd developers (@flotilla-lxd)
extends_documentation_fragment:
  - flotilla.lxd.attributes.info
  - flotilla.lxd.client_config
options:
  path:
    description:
      - The bundle, or a directory with a C(bundle.yaml). Both C(applications) and the older C(services) are understood.
      - Further YAML documents in it are overlays, as are those in O(overlays).
    type: path
    required: true
  overlays:
    description: Overlays, which are laid over the bundle in this order.
    type: list
    elements: path
    default: []
  charms:
    description:
      - Which role plays which charm, by the charm's name, or by all that the bundle says for it.
      - A charm that is not named here is played by the role of its own name, and a directory by the role in it.
    type: dict
    default: {}
  roles_path:
    description:
      - Directories to look for these roles in. A role of a collection is looked for in C(ansible_collections) below them.
      - Without any, nothing is known of charms, and nothing is checked against them.
    type: list
    elements: path
    default: []
  model:
    description: A deployed model to compare the bundle with. It needs O(remotes).
    type: str
  remotes:
    description: The remotes of the model, by the names they have in the client configuration. Its home is enough.
    type: list
    elements: str
  map_machines:
    description: Which machine of the model is which of the bundle, as M(flotilla.lxd.deploy) takes it.
    type: list
    elements: str
    default: []
seealso:
  - module: flotilla.lxd.deploy
  - module: flotilla.lxd.model_export
"""

EXAMPLES = r"""
- name: Look at a bundle
  flotilla.lxd.bundle_info:
    path: "{{ playbook_dir }}/bundle.yaml"
    overlays: ["{{ playbook_dir }}/production.yaml"]
  register: read

- name: Nothing is wrong with it
  ansible.builtin.assert:
    that: not read.problems
    fail_msg: "{{ read.problems | map(attribute='text') | join('\n') }}"

- name: What it would do
  ansible.builtin.debug:
    var: read.plan

- name: Check relations and options against the roles as well
  flotilla.lxd.bundle_info:
    path: "{{ playbook_dir }}/bundle.yaml"
    charms:
      nginx: acme.web.nginx
    roles_path:
      - "{{ playbook_dir }}/roles"
      - "{{ playbook_dir }}/collections"

- name: Compare it with what is deployed
  flotilla.lxd.bundle_info:
    path: "{{ playbook_dir }}/bundle.yaml"
    model: web
    remotes: [lxd-a]
    roles_path: ["{{ playbook_dir }}/roles"]
  register: read

- name: Nobody has changed anything by hand
  ansible.builtin.assert:
    that: not read.diff
"""

RETURN = r"""
bundle:
  description:
    - The bundle with its overlays, in the form it has in a file, with C(applications) for C(services), and the files in it
      that C(include-file) and C(include-base64) name.
    - Where there are RV(problems), it is what could be understood. As with Juju, a YAML document with a value of the wrong
      type in it counts as empty.
  returned: success, if the files are YAML
  type: dict
  sample:
    applications:
      nginx: {charm: nginx, num_units: 1, expose: true}
      api: {charm: node-app, num_units: 2, constraints: mem=2G}
    relations: [["nginx:web", "api:web"]]
problems:
  description:
    - What is wrong, by file and line. Juju refuses it as well.
    - When the files cannot be read or merged, these are the problems of that, and what else is wrong is in RV(later).
  returned: success
  type: list
  elements: dict
  contains:
    text:
      description: What it is.
      type: str
      sample: placement "2" refers to a machine not defined in this bundle
    line:
      description: The line, counted from 1.
      type: int
      sample: 12
    file:
      description: The file, which may be an overlay or a role's C(meta/charm.yml).
      type: str
      sample: /srv/site/bundle.yaml
later:
  description:
    - What is wrong as well, where there are RV(problems) with reading or merging the files. Juju would tell it once those are
      mended. Some of it may go with them.
  returned: success
  type: list
  elements: dict
  contains:
    text:
      description: What it is.
      type: str
      sample: invalid offer name "$site" in application "nginx"
    line:
      description: The line, counted from 1.
      type: int
      sample: 7
    file:
      description: The file.
      type: str
      sample: /srv/site/bundle.yaml
unsupported:
  description:
    - What Juju can do and neither LXD nor Incus can, so that the bundle cannot be deployed as it is meant, by file and line.
    - These are bundles for Kubernetes, offers of other models (C(saas)), containers other than C(lxd), endpoints that are
      exposed to spaces, and storage that is a block device or shared. What can be left out is a warning.
  returned: success
  type: list
  elements: dict
  contains:
    text:
      description: What it is.
      type: str
      sample: this is a bundle for Kubernetes, and there are only containers of systems here
    line:
      description: The line, counted from 1.
      type: int
      sample: 1
    file:
      description: The file.
      type: str
      sample: /srv/site/bundle.yaml
diff:
  description:
    - How the bundle and the model differ, as C(juju diff-bundle) shows it; empty where they do not.
    - Each value is there twice, as C(bundle) and as C(model) has it. What is there on one side only has C(missing) with the
      name of the other. Machines go by their numbers in the model. One that the model has for a unit that the bundle places
      nowhere is no difference.
    - B(Options are among it), and with them passwords that the bundle sets.
  returned: success, with O(model), if there are neither RV(problems) nor RV(unsupported)
  type: dict
  sample:
    applications:
      api:
        num_units: {bundle: 2, model: 3}
        options:
          port: {bundle: 3000, model: null}
      cache: {missing: bundle}
    machines:
      "4": {missing: bundle}
    relations:
      bundle-additions: [["api:db", "database:db"]]
      model-additions: [["api:cache", "cache:web"]]
plan:
  description: What there would be to do where nothing is deployed yet, or in the O(model), in this order.
  returned: success, if there are neither RV(problems) nor RV(unsupported)
  type: list
  elements: str
  sample:
    - use role acme.web.nginx as charm nginx
    - deploy application nginx
    - expose all endpoints of nginx and allow access from CIDRs 0.0.0.0/0 and ::/0
    - add unit nginx/0 to new machine 0
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flotilla.lxd.plugins.module_utils import _model_module, _module
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.diff import differences
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.findings import Finding, in_order
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.machines import parse_map
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.model import Model
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.plan import plan, unheeded
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.read import read
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.roles import Roles
from ansible_collections.flotilla.lxd.plugins.module_utils._model.state import for_planner

OPTIONS = {
    "path": {"type": "path", "required": True},
    "overlays": {"type": "list", "elements": "path", "default": []},
    "map_machines": {"type": "list", "elements": "str", "default": []},
    **_model_module.ROLES_OPTIONS,
    **_model_module.MODEL_OPTIONS,
    "model": {"type": "str"},
    "remotes": {"type": "list", "elements": "str"},
}


def info(module: AnsibleModule) -> dict:
    params = module.params
    charms = {str(charm): str(role) for charm, role in params["charms"].items() if role}
    roles = Roles(charms, tuple(params["roles_path"]))
    reading = read(params["path"], params["overlays"], roles)
    _warn(module, reading.findings.warnings)
    result = {
        "problems": [finding.as_dict() for finding in in_order(reading.findings.problems)],
        "later": [finding.as_dict() for finding in in_order(reading.findings.later)],
        "unsupported": [finding.as_dict() for finding in in_order(reading.findings.unsupported)],
    }
    if reading.bundle is not None:
        result["bundle"] = reading.bundle.as_dict()
    if reading.may_be_deployed:
        machine_map = parse_map(params["map_machines"])
        model = for_planner(_model_module.state(module)) if params["model"] else Model()
        changes = plan(reading.bundle, model, roles, reading.charms, machine_map)
        result["plan"] = [line for change in changes for line in change.text.splitlines()]
        if params["model"]:
            result["diff"] = differences(reading.bundle, model, reading.charms, machine_map)
        _warn(module, unheeded(reading.bundle, model))
    return result


def _warn(module: AnsibleModule, findings: list[Finding]) -> None:
    for finding in in_order(findings):
        module.warn(f"{finding.place.file}, line {finding.place.line}: {finding.text}")


def main() -> None:
    _module.run(info, OPTIONS, constraints={"required_together": [("model", "remotes")]}, remote_options=False)


if __name__ == "__main__":
    main()
