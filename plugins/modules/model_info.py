#!/usr/bin/python
# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells how a deployed model is."""

from __future__ import annotations

DOCUMENTATION = r"""
module: model_info
short_description: Tells how a deployed model is
version_added: 0.1.0
description:
  - Returns the applications, units, machines and relations of a model that M(flotilla.lxd.deploy) has deployed, as they are
    now. It takes two requests for each remote.
  - A remote that does not answer is no failure, and neither is a container that is gone. What is still known of them is
    returned.
  - What units tell each other is not returned, and neither are options, for there may be passwords among them.
author:
  - The flotilla.lxd developers (@flotilla-lxd)
extends_documentation_fragment:
  - flotilla.lxd.client_config
  - flotilla.lxd.model
  - flotilla.lxd.attributes.info
seealso:
  - module: flotilla.lxd.deploy
  - module: flotilla.lxd.model
  - module: flotilla.lxd.model_status
"""

EXAMPLES = r"""
- name: Look at the model
  flotilla.lxd.model_info:
    model: web
    remotes: [lxd-a]
  register: web

- name: All of it is at work
  ansible.builtin.assert:
    that: web.model.applications.values() | rejectattr('status', 'eq', 'active') | length == 0
"""

RETURN = r"""
model:
  description: The model.
  returned: success, if there is such a model
  type: dict
  contains:
    name:
      description: Its name.
      type: str
      sample: web
    remotes:
      description: The remotes it is on, its home first.
      type: list
      elements: str
      sample: [lxd-a]
    unreachable:
      description: By the remotes that could not be asked, why.
      type: dict
      sample: {}
    leaving:
      description: Whether all of it is being destroyed.
      type: bool
      sample: false
    applications:
      description:
        - Applications by their names. The status is the worst of its units, C(error), C(lost), C(down), C(frozen),
          C(unknown), C(blocked), C(maintenance), C(waiting) or C(active), and C(unknown) where it has none.
        - A unit is C(lost) where its container is gone, C(frozen) where that is, C(down) where it does not run otherwise,
          and C(unknown) where its remote does not answer. It counts for the scale.
        - Subordinates have no C(units); theirs are under those of their principals.
        - Units with storage have C(storage), a list of volumes.
      type: dict
      sample:
        api:
          charm: node-api
          series: ""
          status: active
          message: ready
          version: "1.2"
          scale: 1
          exposed: true
          leaving: false
          units:
            api/0:
              status: active
              message: ready
              version: "1.2"
              leader: true
              leaving: false
              machine: "0"
              container: web-api-0
              remote: lxd-a
              address: 192.0.2.17
              ports: [3000/tcp]
              storage:
                - id: data/0
                  name: data
                  location: /srv/data
                  size: 10240MiB
                  pool: default
                  volume: web-api-0-data-0
    machines:
      description:
        - Machines by their numbers. One is C(started), C(frozen) or C(down), C(pending) until its container is made, C(lost)
          when that is gone, and C(unknown) where its remote does not answer.
      type: dict
      sample:
        "0":
          status: started
          container: web-api-0
          remote: lxd-a
          location: none
          address: 192.0.2.17
          bundle_machine: ""
          units: [api/0]
    relations:
      description: Relations. The type is C(regular), C(subordinate) or C(peer).
      type: list
      elements: dict
      sample: [{provider: "database:db", requirer: "api:db", interface: pgsql, type: regular}]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flotilla.lxd.plugins.module_utils import _model_module, _module
from ansible_collections.flotilla.lxd.plugins.module_utils._model.status import describe
from ansible_collections.flotilla.lxd.plugins.module_utils._model.store import Store


def info(module: AnsibleModule) -> dict:
    survey = Store(_model_module.servers(module.params), module.params["remotes"]).survey()
    found = {} if survey is None else {"model": describe(survey.state, survey.unreachable)}
    return {"changed": False, **found}


def main() -> None:
    _module.run(info, _model_module.MODEL_OPTIONS, remote_options=False)


if __name__ == "__main__":
    main()
