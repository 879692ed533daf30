#!/usr/bin/python
# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manages containers on LXD and Incus."""

from __future__ import annotations

DOCUMENTATION = r"""
module: container
short_description: Manages containers on LXD and Incus
version_added: 0.1.0
description:
  - Creates containers from images, changes their configuration, devices and profiles, renames, starts, stops, freezes and
    deletes them, on LXD and on Incus alike.
  - Only what you name is compared and changed. A config key or a device that you do not name stays as it is; one that you
    set to V(null) is unset or removed.
  - Configuration and run state are separate things. A change of configuration alone never starts or stops a container.
author:
  - The flotilla.lxd developers (@flotilla-lxd)
notes:
  - In check mode an image or a profile that is missing is a warning, since an earlier task may be there to make it.
extends_documentation_fragment:
  - flotilla.lxd.client_config
  - flotilla.lxd.remote
  - flotilla.lxd.wait
  - flotilla.lxd.attributes
options:
  name:
    description: Name of the container. Letters, digits and dashes, at most 63, a letter first and no dash last.
    type: str
    required: true
  state:
    description: What the container should be.
    type: str
    choices:
      present: There, and configured as said. Whether it runs is left as it is; a new one is not started.
      started: There and running. A frozen one is thawed.
      stopped: There and stopped. Not for an ephemeral one, which stopping deletes.
      restarted: There, and started anew. Always a change.
      frozen: There and frozen, that is, running but not scheduled.
      absent: Gone. One that runs is stopped first, see O(force) and O(stop_timeout).
    default: started
  image:
    description:
      - Image to create the container from, as on the command line. V(debian/12) is an alias on the server itself,
        V(foo:debian/12) one on the remote V(foo) of the client configuration, which the server downloads from there;
        a fingerprint or its beginning does as well.
      - A name of a remote that both client configurations have is that of the server's own kind.
      - For a container that is there already the image says nothing, except for the report in RV(image_moved_on) and for
        O(rebuild).
    type: str
  source:
    description:
      - In place of O(image), the source in the words of the API, for whatever has no option here.
      - "For example C({type: none}) for an empty container. To copy one on LXD 5.0, name its O(profiles) too."
    type: dict
  rebuild:
    description:
      - What to do when O(image) stands for another image than the container was made from, because its alias has moved on.
      - V(true) makes the root file system anew from it, B(which loses all that is in it). Config and devices are kept. A
        container that runs has to be stopped for it, see O(allow_restart).
      - Of an image server that speaks simplestreams it is not known which image an alias stands for.
    type: bool
    default: false
  config:
    description:
      - Config keys to set. A key that is V(null) is unset. Numbers and booleans are compared as the server stores them.
    type: dict
  devices:
    description:
      - Devices by name, each a map of options. Of a device that is there, the options named are changed and the others kept.
        A device or an option that is V(null) is removed.
      - "A device that comes from a profile is changed by naming all its options here, and left out with C({type: none})."
    type: dict
  profiles:
    description:
      - Profiles, in order; later ones win. This is the whole list. An empty one is no profile at all.
      - A new container gets V(default) if this is left out.
    type: list
    elements: str
  description:
    description: A description for people.
    type: str
  ephemeral:
    description: Whether the container is deleted when it stops.
    type: bool
  architecture:
    description: Architecture, for example V(x86_64). The server's own if left out. It cannot be changed.
    type: str
  type:
    description: Type of the instance. It cannot be changed. A new one is a container if this is left out.
    type: str
    choices: [container, virtual-machine]
  target:
    description:
      - In a cluster, the member to create the container on, or V(@group). One that is there is not moved.
    type: str
  rename_from:
    description:
      - Name the container has had so far. If O(name) is not there and this one is, it is renamed.
      - A container that runs has to be stopped for it, see O(allow_restart).
    type: str
  exact:
    description:
      - Which of O(config) and O(devices) are the whole truth, so that what they do not name is removed. What the server
        itself writes (C(volatile.*), C(image.*)) is kept.
    type: list
    elements: str
    choices: [config, devices]
    default: []
  allow_restart:
    description:
      - Whether a container that runs may be restarted if a change needs it. If not, a change of config waits for the next
        start, which RV(restart_required) tells, and renaming or rebuilding is refused.
    type: bool
    default: false
  force:
    description: Stop at once, as if the power were cut, instead of asking for a clean shutdown.
    type: bool
    default: false
  stop_timeout:
    description: How many seconds a clean shutdown may take before the task fails. At least 1.
    type: int
    default: 30
  stateful:
    description:
      - V(true) with O(state=stopped) saves what runs in the container, so that it goes on where it was when it is started.
        That takes CRIU on the server, and on Incus C(migration.stateful=true) in O(config). If it cannot be done, the task
        fails and the container runs on. One that is stopped already is left as it is.
      - A container that holds a saved state is started from it. V(false) with O(state=started) gives the saved state up and
        starts it afresh.
    type: bool
  wait_for:
    description:
      - Wait until all of these hold, and fail if they do not in time (O(timeout)). The container has to run.
      - V(running) is that it runs; V(ipv4) and V(ipv6), that it has a global address of the family on some interface.
      - A network interface by name, as in V(eth0), that this interface has one; V(eth0:ipv4) and V(eth0:ipv6), one of the
        family.
      - V(systemd), that systemd in it has come up, well or with failed units; V(cloud_init), that cloud-init is done.
      - V(agent), that the agent in a virtual machine answers.
    type: list
    elements: str
    default: []
seealso:
  - module: flotilla.lxd.container_info
  - module: flotilla.lxd.profile
  - module: flotilla.lxd.image
"""

EXAMPLES = r"""
- name: A container that runs and has an address
  flotilla.lxd.container:
    remote: lxd-a
    name: web1
    image: debian/12
    profiles: [default, web]
    config:
      limits.memory: 1GiB
      boot.autostart: true
    wait_for: [ipv4, systemd]

- name: Give it a second disk, and take the memory limit away
  flotilla.lxd.container:
    remote: lxd-a
    name: web1
    state: present
    config:
      limits.memory: null
    devices:
      data:
        type: disk
        source: /srv/data
        path: /data

- name: From an image on another remote
  flotilla.lxd.container:
    remote: incus-a
    name: web2
    image: incus-b:debian/12

- name: Without any client configuration
  flotilla.lxd.container:
    url: https://192.0.2.4:8443
    client_cert: ~/keys/client.crt
    client_key: ~/keys/client.key
    server_cert: ~/keys/server.crt
    name: web3
    image: debian/12

- name: Call it by another name
  flotilla.lxd.container:
    remote: lxd-a
    name: web4
    rename_from: web3
    state: present
    allow_restart: true

- name: Stop it so that all that runs in it goes on after the next start
  flotilla.lxd.container:
    remote: incus-a
    name: web4
    state: stopped
    stateful: true

- name: Be rid of it
  flotilla.lxd.container:
    remote: lxd-a
    name: web4
    state: absent
    force: true
"""

RETURN = r"""
container:
  description:
    - The container as the server has it afterwards, in the words of the API. In check mode, what it would be as far as that
      is known. Not returned for one that is absent.
  returned: success, if it is there
  type: dict
  sample:
    name: web1
    status: Running
    type: container
    architecture: x86_64
    profiles: [default]
    config: {limits.memory: 1GiB}
    devices: {}
    description: ""
    ephemeral: false
    location: none
actions:
  description: What was done, in order.
  returned: success
  type: list
  elements: str
  sample: [create, start]
addresses:
  description: Its global addresses by family, in the order of the interfaces.
  returned: when O(wait_for) is given, except where check mode predicts a change
  type: dict
  sample: {ipv4: [192.0.2.17], ipv6: []}
restart_required:
  description:
    - Whether something that this run changed takes effect only when the container is started anew. The servers do not
      remember that, so a later run does not tell it again.
  returned: success, unless O(state=absent)
  type: bool
  sample: false
image_moved_on:
  description: Whether O(image) now stands for another image than the one the container was made from.
  returned: when O(image) is given, the container is there, and both are known
  type: bool
  sample: false
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flotilla.lxd.plugins.module_utils import _module
from ansible_collections.flotilla.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import FlotillaError
from ansible_collections.flotilla.lxd.plugins.module_utils._images import choice
from ansible_collections.flotilla.lxd.plugins.module_utils._resources import (
    addresses,
    instance,
    instance_plan,
    readiness,
)
from ansible_collections.flotilla.lxd.plugins.module_utils._resources.plan import converge

OPTIONS = {
    "name": {"type": "str", "required": True},
    "state": {
        "type": "str",
        "choices": ["present", "started", "stopped", "restarted", "frozen", "absent"],
        "default": "started",
    },
    "image": {"type": "str"},
    "source": {"type": "dict"},
    "rebuild": {"type": "bool", "default": False},
    "config": {"type": "dict"},
    "devices": {"type": "dict"},
    "profiles": {"type": "list", "elements": "str"},
    "description": {"type": "str"},
    "ephemeral": {"type": "bool"},
    "architecture": {"type": "str"},
    "type": {"type": "str", "choices": ["container", "virtual-machine"]},
    "target": {"type": "str"},
    "rename_from": {"type": "str"},
    "exact": {"type": "list", "elements": "str", "choices": ["config", "devices"], "default": []},
    "allow_restart": {"type": "bool", "default": False},
    "force": {"type": "bool", "default": False},
    "stop_timeout": {"type": "int", "default": 30},
    "stateful": {"type": "bool"},
    "wait_for": {"type": "list", "elements": "str", "default": []},
    **_module.WAIT_OPTIONS,
}
CONSTRAINTS = {"mutually_exclusive": [("image", "source")], "required_if": [("rebuild", True, ["image"])]}


def manage(module: AnsibleModule) -> dict:
    params = module.params
    readiness.check(params["wait_for"], params["state"])
    client = _module.client(module)
    wanted = instance_plan.Wanted(**_module.named(instance_plan.Wanted, params))
    deadline = Deadline(params["timeout"])

    def find_image(text: str, kind: str) -> choice.ImageChoice:
        return choice.find(client, text, kind=kind, client_config=params["client_config"])

    resource = instance.Instance(client, wanted, find_image, predicting=module.check_mode)
    outcome = converge(resource, deadline, check=module.check_mode)
    result = _module.result(module, outcome, "container")
    # In check mode there is something to wait for only where nothing would change.
    if params["wait_for"] and not (module.check_mode and outcome.changed):
        try:
            state = readiness.wait(client, wanted.name, params["wait_for"], deadline)
        except FlotillaError as error:
            _module.fail(module, error, **result)
        result["addresses"] = addresses.by_family(state)
    return result


def main() -> None:
    _module.run(manage, OPTIONS, constraints=CONSTRAINTS)


if __name__ == "__main__":
    main()
