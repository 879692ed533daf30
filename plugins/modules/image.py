#!/usr/bin/python
# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manages the images in the store of LXD and Incus."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image
short_description: Manages the images in the store of LXD and Incus
version_added: 0.1.0
description:
  - Copies images from other remotes, imports them from files, and manages their aliases, properties and flags.
  - The server downloads a copy by itself; a file is streamed to it, and not at all if the image is there already.
author:
  - The flotilla.lxd developers (@flotilla-lxd)
extends_documentation_fragment:
  - flotilla.lxd.remote
  - flotilla.lxd.wait
  - flotilla.lxd.attributes
options:
  name:
    description:
      - The alias by which the image is known on the server, or its fingerprint or the beginning (12 digits or more) of that.
    type: str
    required: true
  state:
    description: What the image should be.
    type: str
    choices:
      present: There, with the aliases, properties and flags said.
      absent: >-
        Gone by that alias. If the image has aliases that are neither O(name) nor in O(aliases), it stays for those; else, and
        if O(name) is a fingerprint, it is deleted. Containers made from it stay.
    default: present
  source:
    description:
      - Image on another remote to copy from, as in V(foo:debian/12), by alias or fingerprint. V(foo) can be LXD, Incus or
        an image server that speaks simplestreams.
      - An alias O(name) that is there already is left alone, even if the source has another image by now;
        RV(image_moved_on) tells. O(auto_update) makes the server follow.
    type: str
  file:
    description:
      - Path of an image file on the host that runs the task. A unified tarball, or with O(rootfs) the metadata tarball of a
        split image.
      - If O(name) is an alias of another image, it is moved to this one; that image is kept.
    type: path
  rootfs:
    description: Path of the root file system of a split image (tarball or squashfs).
    type: path
  type:
    description: Type of the image to copy from O(source).
    type: str
    choices: [container, virtual-machine]
    default: container
  aliases:
    description: Further aliases that the image should have. Others that it has are kept.
    type: list
    elements: str
  properties:
    description: Properties to set. One that is V(null) is removed, and what is not named is kept.
    type: dict
  public:
    description: Whether clients that are not trusted may have the image.
    type: bool
  auto_update:
    description: Whether the server follows the alias in O(source) when that stands for a new image.
    type: bool
seealso:
  - module: flotilla.lxd.image_info
  - module: flotilla.lxd.container
"""

EXAMPLES = r"""
- name: Debian from an image server, kept up to date
  flotilla.lxd.image:
    remote: lxd-a
    name: debian/12
    source: images:debian/12
    auto_update: true

- name: The same image on a server of the other kind
  flotilla.lxd.image:
    remote: incus-a
    name: debian/12
    source: lxd-a:debian/12

- name: A split image from files
  flotilla.lxd.image:
    remote: incus-a
    name: ours/12
    file: /srv/images/ours/metadata.tar.xz
    rootfs: /srv/images/ours/rootfs.squashfs
    properties:
      os: Debian
      release: bookworm

- name: Be rid of it
  flotilla.lxd.image:
    remote: incus-a
    name: ours/12
    state: absent
"""

RETURN = r"""
image:
  description: The image as the server has it afterwards, in the words of the API. Not returned for one that is gone.
  returned: success, if it is there
  type: dict
  sample:
    fingerprint: 9ef40da597c6aad2db1c5dea7509d5b33873e4d14aa9820602e631e706b49475
    aliases: [{name: busybox, description: ""}]
    architecture: x86_64
    auto_update: false
    properties: {os: Busybox}
    public: false
    size: 817216
    type: container
actions:
  description: What was done, in order.
  returned: success
  type: list
  elements: str
  sample: [copy, alias]
image_moved_on:
  description: Whether the source has another image by that alias now than the one that is here.
  returned: when O(source) is a server that tells, and the image is here
  type: bool
  sample: false
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flotilla.lxd.plugins.module_utils import _module
from ansible_collections.flotilla.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.flotilla.lxd.plugins.module_utils._images import choice
from ansible_collections.flotilla.lxd.plugins.module_utils._resources import image, image_plan
from ansible_collections.flotilla.lxd.plugins.module_utils._resources.plan import converge

OPTIONS = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "source": {"type": "str"},
    "file": {"type": "path"},
    "rootfs": {"type": "path"},
    "type": {"type": "str", "choices": ["container", "virtual-machine"], "default": "container"},
    "aliases": {"type": "list", "elements": "str"},
    "properties": {"type": "dict"},
    "public": {"type": "bool"},
    "auto_update": {"type": "bool"},
    **_module.WAIT_OPTIONS,
}
CONSTRAINTS = {
    "mutually_exclusive": [("source", "file"), ("auto_update", "file")],
    "required_by": {"rootfs": ["file"]},
}


def manage(module: AnsibleModule) -> dict:
    params = module.params
    client = _module.client(module)
    wanted = image_plan.Wanted(**_module.named(image_plan.Wanted, params))

    def find_image(text: str, kind: str) -> choice.ImageChoice:
        return choice.find(client, text, kind=kind, client_config=params["client_config"])

    outcome = converge(image.Image(client, wanted, find_image), Deadline(params["timeout"]), check=module.check_mode)
    return _module.result(module, outcome, "image")


def main() -> None:
    _module.run(manage, OPTIONS, constraints=CONSTRAINTS)


if __name__ == "__main__":
    main()
