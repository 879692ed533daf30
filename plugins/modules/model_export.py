#!/usr/bin/python
# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a deployed model as a bundle."""

from __future__ import annotations

DOCUMENTATION = r"""
module: model_export
short_description: Writes a deployed model as a bundle
version_added: 0.1.0
description:
  - Gives a model that M(flotilla.lxd.deploy) has deployed back as a bundle in Juju's own format, as C(juju export-bundle)
    does. Deployed elsewhere it makes another model like it, and deployed to the same one it changes nothing.
  - It has applications with the options that were set, their constraints, annotations, series or base, whether they are
    exposed, and on which machine each unit is; machines and relations. What is exposed to some only is in a second document,
    an overlay, where Juju wants it.
  - Machines have the numbers that they had in the bundle they were made from, and else their own. Images, profiles, remotes
    and the numbers of units are no part of a bundle.
  - B(Options are written as they were set), and with them passwords that a bundle has set. What units tell each other is not.
requirements:
  - PyYAML on the host that runs the task
author:
  - The flotilla.lxd developers (@flotilla-lxd)
extends_documentation_fragment:
  - flotilla.lxd.client_config
  - flotilla.lxd.model
  - flotilla.lxd.attributes
options:
  path:
    description:
      - The file to write, on the host that runs the task, in a directory that is there.
      - One that is there is replaced at once, only if it differs, and keeps its owner and mode. One that is not there yet is
        readable by its owner only.
      - Without it nothing is written, and the bundle only returned.
    type: path
seealso:
  - module: flotilla.lxd.deploy
  - module: flotilla.lxd.bundle_info
"""

EXAMPLES = r"""
- name: Keep what is deployed beside the playbook
  flotilla.lxd.model_export:
    model: web
    remotes: [lxd-a]
    path: "{{ playbook_dir }}/web.yaml"
"""

RETURN = r"""
bundle:
  description: The bundle, as it is written.
  returned: success
  type: str
  sample: |
    applications:
      api:
        charm: node-api
        num_units: 1
        to:
        - '0'
        options:
          port: 3000
    machines:
      '0': {}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flotilla.lxd.plugins.module_utils import _file_module, _model_module, _module
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.text import as_text
from ansible_collections.flotilla.lxd.plugins.module_utils._model.export import bundle_of

OPTIONS = {"path": {"type": "path"}, **_model_module.MODEL_OPTIONS}


def export(module: AnsibleModule) -> dict:
    text = as_text(bundle_of(_model_module.state(module)))
    # It may have passwords that the bundle sets.
    file = _file_module.written(module, "path", text, private=True) if module.params["path"] else {"changed": False}
    return {**file, "bundle": text}


def main() -> None:
    _module.run(export, OPTIONS, remote_options=False)


if __name__ == "__main__":
    main()
