#!/usr/bin/python
# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells which remotes the client configuration of lxc and incus has."""

from __future__ import annotations

DOCUMENTATION = r"""
module: remote_info
short_description: Tells which remotes the client configuration of lxc and incus has
version_added: 0.1.0
description:
  - Lists the remotes in the client configurations of the C(lxc) and the C(incus) command on the host that runs the task,
    and this host's own daemons, which both commands call V(local).
  - On demand asks each of them who it is and whether it trusts the client.
author:
  - The flotilla.lxd developers (@flotilla-lxd)
extends_documentation_fragment:
  - flotilla.lxd.attributes.info
options:
  names:
    description: Only the remotes of these names, as far as they are there. If it is left out, all.
    type: list
    elements: str
  client_config:
    description: Whose client configuration to look into.
    type: str
    choices:
      auto: That of both commands.
      lxc: That of C(lxc), in E(LXD_CONF), C(~/.config/lxc) or the snap's directory.
      incus: That of C(incus), in E(INCUS_CONF) or C(~/.config/incus).
    default: auto
  check:
    description:
      - Whether to ask the servers, all at the same time. One that does not answer does not fail the task.
    type: bool
    default: false
requirements:
  - PyYAML, on the host that runs the task
seealso:
  - module: flotilla.lxd.remote
"""

EXAMPLES = r"""
- name: List the remotes and ask how they are
  flotilla.lxd.remote_info:
    check: true
  register: fleet

- name: Stop unless all of the fleet answers
  ansible.builtin.assert:
    that: fleet.remotes | rejectattr('reachable') | length == 0
    fail_msg: "{{ fleet.remotes | rejectattr('reachable') | map(attribute='error') | join('\n') }}"

- name: Look at one remote of the incus command
  flotilla.lxd.remote_info:
    names: [foo]
    client_config: incus
"""

RETURN = r"""
remotes:
  description: The remotes, by name. One that both commands have is there twice.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
      sample: foo
    command:
      description: The command in whose client configuration it is, V(lxc) or V(incus).
      type: str
      sample: incus
    addr:
      description: Address of the server.
      type: str
      sample: https://192.0.2.4:8443
    protocol:
      description: What the server speaks, V(lxd), V(incus) or V(simplestreams).
      type: str
      sample: incus
    public:
      description: Whether it is only there for its public images.
      type: bool
      sample: false
    project:
      description: The project that is meant where none is named. V(null) is the server's default.
      type: str
      sample: web
    fingerprint:
      description: SHA-256 of the stored server certificate. V(null) if none is, and authorities vouch for the server.
      type: str
      sample: 95a91e36e282d5885e95fcc579389a778aaa745e237926e8e129c77c54885b8c
    default:
      description: Whether it is the default remote of its command.
      type: bool
      sample: false
    reachable:
      description: Whether the server answered, with the certificate that it should have.
      type: bool
      returned: O(check=true)
      sample: true
    trusted:
      description: Whether the server trusts this client. V(null) if it did not answer, and where nobody has to be trusted.
      type: bool
      returned: O(check=true)
      sample: true
    server:
      description: Who the server is. V(null) if it did not answer, and for an image server.
      type: dict
      returned: O(check=true)
      sample: {kind: incus, version: 6.0.4, name: host1, clustered: false}
      contains:
        kind:
          description: V(lxd) or V(incus).
          type: str
          sample: incus
        version:
          description: Its version. V(null) unless the client is trusted.
          type: str
          sample: 6.0.4
        name:
          description: Its name. V(null) unless the client is trusted.
          type: str
          sample: host1
        clustered:
          description: Whether it is a member of a cluster. V(null) unless the client is trusted.
          type: bool
          sample: false
    error:
      description: Why it did not answer, or not as it should. V(null) if it did.
      type: str
      returned: O(check=true)
      sample: "remote foo: cannot connect to https://192.0.2.4:8443: Connection refused"
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flotilla.lxd.plugins.module_utils import _module
from ansible_collections.flotilla.lxd.plugins.module_utils._remotes.survey import survey

OPTIONS = {
    "names": {"type": "list", "elements": "str"},
    "client_config": {"type": "str", "choices": ["auto", "lxc", "incus"], "default": "auto"},
    "check": {"type": "bool", "default": False},
}


def gather(module: AnsibleModule) -> dict:
    params = module.params
    return {"remotes": survey(os.environ, **params)}


def main() -> None:
    _module.run(gather, OPTIONS, remote_options=False)


if __name__ == "__main__":
    main()
