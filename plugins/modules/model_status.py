#!/usr/bin/python
# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows or writes how a deployed model is."""

from __future__ import annotations

DOCUMENTATION = r"""
module: model_status
short_description: Shows or writes how a deployed model is
version_added: 0.1.0
description:
  - Tells how the applications, units, machines and relations of a model are now, as a table as of C(juju status), as JSON or
    YAML, or as a page with a picture of the bundle.
  - Without O(dest), it is printed as it is, above the line that says that the task is done. With it, it is written there.
  - What is wrong with the model is no failure of this module. A unit whose container does not run is C(down) or C(frozen),
    one whose container is gone is C(lost), and those on a remote that does not answer are C(unknown).
  - What units tell each other is not in it, and neither are options, for there may be passwords among them.
author:
  - The flotilla.lxd developers (@flotilla-lxd)
extends_documentation_fragment:
  - flotilla.lxd.client_config
  - flotilla.lxd.model
  - flotilla.lxd.attributes
options:
  format:
    description: The form it is had in.
    type: str
    choices:
      table: Lines for a terminal.
      json: RV(flotilla.lxd.model_info#module:model) as M(flotilla.lxd.model_info) returns it.
      yaml: The same.
      html:
        One page that needs nothing else, no script and no connection, with the bundle drawn as C(gui-x) and C(gui-y) among
        the annotations of its applications say, or else in columns from who requires to who provides.
    default: table
  dest:
    description:
      - The file to write, on the host that runs the task, in a directory that is there.
      - One that is there is replaced at once, only if it differs, and keeps its owner and mode.
      - There is nothing in it about the time, so that it changes only when the model does.
    type: path
seealso:
  - module: flotilla.lxd.model_info
  - module: flotilla.lxd.deploy
"""

EXAMPLES = r"""
- name: Show how the model is
  flotilla.lxd.model_status:
    model: web
    remotes: [lxd-a]

- name: Draw it
  flotilla.lxd.model_status:
    model: web
    remotes: [lxd-a]
    format: html
    dest: /var/www/html/web.html
"""

RETURN = r"""
dest:
  description: The file.
  returned: if O(dest) is given
  type: str
  sample: /var/www/html/web.html
text:
  description: What was printed.
  returned: if O(dest) is not given
  type: str
  sample: |-
    Model  Remotes  Status
    web    lxd-a    available
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flotilla.lxd.plugins.module_utils import _file_module, _model_module, _module
from ansible_collections.flotilla.lxd.plugins.module_utils._model.status import describe
from ansible_collections.flotilla.lxd.plugins.module_utils._model.store import Store
from ansible_collections.flotilla.lxd.plugins.module_utils._status.formats import FORMATS
from ansible_collections.flotilla.lxd.plugins.module_utils._status.layout import positions

OPTIONS = {
    **_model_module.MODEL_OPTIONS,
    "format": {"type": "str", "choices": list(FORMATS), "default": "table"},
    "dest": {"type": "path"},
}


def status(module: AnsibleModule) -> dict:
    params = module.params
    store = Store(_model_module.servers(module.params), params["remotes"])
    survey = store.survey()
    if survey is None:
        raise store.no_model()
    given = positions({name: each.annotations for name, each in survey.state.applications.items()})
    text = FORMATS[params["format"]](describe(survey.state, survey.unreachable), given)
    if not params["dest"]:
        return {"changed": False, "text": text.rstrip("\n")}
    return {**_file_module.written(module, "dest", text), "dest": params["dest"]}


def main() -> None:
    _module.run(status, OPTIONS, remote_options=False)


if __name__ == "__main__":
    main()
