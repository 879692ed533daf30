#!/usr/bin/python
# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manages remotes in the client configuration of lxc and incus."""

from __future__ import annotations

DOCUMENTATION = r"""
module: remote
short_description: Manages remotes in the client configuration of lxc and incus
version_added: 0.1.0
description:
  - Adds, changes and removes a remote, that is, an LXD or Incus server or an image server, in the client configuration
    that the C(lxc) or the C(incus) command on the host that runs the task uses as its own. Everything else in this
    collection finds it there by its name.
  - Makes the client's key if there is none, checks the server's certificate before anything is sent to the server, makes
    the client trusted by a trust token or a password, and stores the server's certificate, which is the only one accepted
    from then on.
  - Trust is looked at each time. If the server no longer trusts the client, it is asked to again, provided that a token
    or a password is given; the task fails otherwise. A token that is not needed is neither sent nor used up.
  - What a failed or interrupted run leaves is where the next one goes on from. A client key, once made, stays.
author:
  - The flotilla.lxd developers (@flotilla-lxd)
extends_documentation_fragment:
  - flotilla.lxd.attributes
options:
  name:
    description:
      - Name of the remote, as in C(lxc list NAME:). It can have neither colon nor slash in it.
      - V(local) and the image servers that a command has built in (V(ubuntu), V(ubuntu-daily), V(ubuntu-minimal) and
        V(ubuntu-minimal-daily) of C(lxc)) cannot be managed.
    type: str
    required: true
  state:
    description: Whether the remote should be there.
    type: str
    choices:
      present: It is there, as said. What is not said stays as it is.
      absent: >-
        It is gone, with the server's certificate and whatever else is stored for it alone (of C(incus) also the client
        certificate and key for just this remote). The client's common key stays. As with the commands, the default remote
        cannot be removed.
    default: present
  addr:
    description:
      - Address of the server, V(https://host:8443), V(unix:///path/to/unix.socket), or the URL of an image server. The port
        is 8443 if it is left out.
      - A new remote can do without where O(token) is given. The token has all of the server's addresses in it, and the
        first one that answers as that server is taken.
    type: str
  protocol:
    description:
      - What the server speaks. If it is left out, an existing remote stays what it is, and the server at a new one is
        asked which of V(lxd) and V(incus) it is.
      - With V(simplestreams), nothing is asked of the server, so it need not be reachable.
    type: str
    choices:
      lxd: It is an LXD server.
      incus: It is an Incus server.
      simplestreams: It is an image server, always a public one.
  public:
    description:
      - Whether only the public images of an LXD or Incus server are wanted. Nobody has to be trusted for that.
      - If it is left out, an existing remote stays what it is, and a new one is not public.
    type: bool
  project:
    description:
      - The project on the server that is meant where none is named. It has to be there.
      - If it is left out, an existing remote keeps its own. A new one gets none, which means the project V(default), unless
        the client is allowed one other project only; then it gets that.
    type: str
  token:
    description:
      - A trust token. C(lxc config trust add --name NAME) or C(incus config trust add NAME) makes one on the server.
      - On LXD 5.0 the command takes no remote for that; run it on the server.
      - Works once, and holds the fingerprint of the server's certificate, which is checked before the token is sent.
    type: str
  password:
    description: The server's trust password (C(core.trust_password)). LXD has had none since 6.1, and Incus never had.
    type: str
  client_name:
    description: With O(password), the name under which the server lists the client's certificate. A token brings its own.
    type: str
  fingerprint:
    description:
      - SHA-256 of the server's certificate in hexadecimal, with or without colons. C(lxc info) and C(incus info) on the
        server show it as C(certificate_fingerprint).
      - A server that shows another certificate is refused.
      - A new remote needs this, O(server_cert), O(token), or a certificate that the system's authorities vouch for under
        the host's name. There is no trust on first use; but the error shows the fingerprint that the server came with.
      - An existing remote's server that shows another certificate than the one stored is refused, too. That it got a new
        one has to be said here (or by O(server_cert) or O(token)), or the remote has to be removed and added again.
    type: str
  server_cert:
    description:
      - In place of O(fingerprint) the certificate itself, as PEM text or as the path of a file on the host that runs the
        task.
    type: str
  client_config:
    description: Which command's client configuration the remote is in.
    type: str
    choices:
      auto: >-
        The one it is in, or, if it is new, that of the command which belongs to the server. An image server goes into the
        only one that exists. A name that is in both is refused.
      lxc: That of C(lxc), in E(LXD_CONF), C(~/.config/lxc) or the snap's directory.
      incus: That of C(incus), in E(INCUS_CONF) or C(~/.config/incus).
    default: auto
  default:
    description:
      - Whether to make it the default remote, which the command means when none is named.
      - With V(false) the default remote stays the one it is.
    type: bool
    default: false
  revoke:
    description:
      - With O(state=absent), whether to have the server remove the client's certificate from its trust store first. It then
        no longer trusts the client under any other remote's name either.
      - Fails if the server cannot be reached.
    type: bool
    default: false
requirements:
  - PyYAML, on the host that runs the task
  - cryptography, on the host that runs the task, if there is no client key yet
seealso:
  - module: flotilla.lxd.remote_info
notes:
  - A certificate that authorities vouch for is not stored. It can be renewed without being said here.
  - The command's configuration file is written as a whole. Comments in it are lost, as they are when the command writes it.
"""

EXAMPLES = r"""
- name: Let this host use a server, by a token
  flotilla.lxd.remote:
    name: foo
    token: "{{ foo_token }}"

- name: Make a token on an Incus server
  ansible.builtin.command: incus config trust add --quiet {{ inventory_hostname }}
  delegate_to: incus1.example.org
  register: made
  changed_when: true

- name: Use it, under another address and in a project, as the default remote
  flotilla.lxd.remote:
    name: incus1
    addr: https://incus1.example.org:8443
    token: "{{ made.stdout_lines[-1] }}"
    project: web
    default: true

- name: Let this host use an LXD server that has a trust password
  flotilla.lxd.remote:
    name: lxd1
    addr: https://lxd1.example.org:8443
    fingerprint: 0535f067771bdcb12e8adb371eb67b1efc4debc5c571021f5dc47b3b80aacde4
    password: "{{ trust_password }}"

- name: Know a server for its public images
  flotilla.lxd.remote:
    name: gallery
    addr: https://images.example.org:8443
    server_cert: "{{ lookup('ansible.builtin.file', 'gallery.crt') }}"
    public: true

- name: Know an image server
  flotilla.lxd.remote:
    name: mirror
    addr: https://mirror.example.org/images
    protocol: simplestreams
    client_config: incus

- name: Forget a server, and have it forget this host
  flotilla.lxd.remote:
    name: foo
    state: absent
    revoke: true
"""

RETURN = r"""
actions:
  description:
    - What was done, or in check mode would be, in this order.
    - V(make_key), the client's key and certificate were made. V(trust) and V(revoke), the server was asked to trust or
      to forget them. V(add), V(change) and V(remove) are about the entry. V(pin), another certificate of the server was
      stored. V(set_default), it became the default remote.
  returned: success
  type: list
  elements: str
  sample: [make_key, trust, add]
remote:
  description: The remote, as read back. In check mode as it would be.
  returned: O(state=present)
  type: dict
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
      description: What the server speaks.
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
"""

import dataclasses
import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flotilla.lxd.plugins.module_utils import _module
from ansible_collections.flotilla.lxd.plugins.module_utils._remotes.absent import ensure_absent
from ansible_collections.flotilla.lxd.plugins.module_utils._remotes.present import ensure_present
from ansible_collections.flotilla.lxd.plugins.module_utils._remotes.wanted import Options

OPTIONS = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "addr": {"type": "str"},
    "protocol": {"type": "str", "choices": ["lxd", "incus", "simplestreams"]},
    "public": {"type": "bool"},
    "project": {"type": "str"},
    "token": {"type": "str", "no_log": True},
    "password": {"type": "str", "no_log": True},
    "client_name": {"type": "str"},
    "fingerprint": {"type": "str"},
    "server_cert": {"type": "str"},
    "client_config": {"type": "str", "choices": ["auto", "lxc", "incus"], "default": "auto"},
    "default": {"type": "bool", "default": False},
    "revoke": {"type": "bool", "default": False},
}
CONSTRAINTS = {"mutually_exclusive": [("token", "password")]}


def manage(module: AnsibleModule) -> dict:
    params = module.params
    if params["state"] == "present":
        if params["revoke"]:
            module.fail_json(msg="revoke goes with state: absent")
        options = Options(**{field.name: params[field.name] for field in dataclasses.fields(Options)})
        return ensure_present(options, os.environ, check=module.check_mode).result()
    if params["default"]:
        module.fail_json(msg="default goes with state: present")
    return ensure_absent(
        params["name"],
        os.environ,
        client_config=params["client_config"],
        revoke=params["revoke"],
        check=module.check_mode,
    ).result()


def main() -> None:
    _module.run(manage, OPTIONS, constraints=CONSTRAINTS, remote_options=False)


if __name__ == "__main__":
    main()
