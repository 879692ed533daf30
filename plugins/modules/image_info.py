#!/usr/bin/python
# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the images in the store of LXD and Incus."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_info
short_description: Reads the images in the store of LXD and Incus
version_added: 0.1.0
description:
  - Returns the images in a server's store, or those of them that are asked for.
  - Tells which containers were made from an image that is no longer what its alias stands for. It never changes them.
author:
  - The flotilla.lxd developers (@flotilla-lxd)
extends_documentation_fragment:
  - flotilla.lxd.client_config
  - flotilla.lxd.remote
  - flotilla.lxd.attributes.info
options:
  name:
    description:
      - An alias, or the fingerprint or the beginning of it, of one image. If there is none, the list is empty; a beginning
        that two images have is an error.
      - With the options below, only images that match all that is said are returned.
    type: str
  properties:
    description: Properties that the images have, with these values. V(null) is for one that they do not have.
    type: dict
  architecture:
    description: Architecture of the images, as the API calls it (V(x86_64)) or as Debian does (V(amd64)).
    type: str
  type:
    description: Type of the images.
    type: str
    choices: [container, virtual-machine]
  public:
    description: Whether clients that are not trusted may have the images.
    type: bool
  cached:
    description: Whether the server fetched the images by itself, to make a container.
    type: bool
  auto_update:
    description: Whether the server follows the images' source.
    type: bool
  drift:
    description:
      - Whether to return RV(drift). It is about all containers of the project, whatever images are asked for.
    type: bool
  all_projects:
    description: Look at the containers of all projects for RV(drift). Needs O(drift).
    type: bool
    default: false
seealso:
  - module: flotilla.lxd.image
"""

EXAMPLES = r"""
- name: What an alias stands for
  flotilla.lxd.image_info:
    remote: lxd-a
    name: debian/12
  register: found

- name: Show it
  ansible.builtin.debug:
    msg: "{{ found.images[0].fingerprint }}"

- name: Images of Debian for virtual machines
  flotilla.lxd.image_info:
    remote: lxd-a
    type: virtual-machine
    properties:
      os: Debian

- name: How containers stand to the images that they were made from
  flotilla.lxd.image_info:
    remote: lxd-a
    all_projects: true
    drift: true
  register: images

- name: Say which containers want to be made anew
  ansible.builtin.debug:
    msg: "{{ item.project }}/{{ item.container }}: {{ item.reason }}"
  loop: "{{ images.drift | selectattr('state', 'equalto', 'drifted') }}"
  loop_control:
    label: "{{ item.container }}"
"""

RETURN = r"""
images:
  description: The images, in the words of the API.
  returned: success
  type: list
  elements: dict
  sample:
    - fingerprint: 9ef40da597c6aad2db1c5dea7509d5b33873e4d14aa9820602e631e706b49475
      aliases: [{name: busybox, description: ""}]
      architecture: x86_64
      auto_update: false
      cached: false
      properties: {os: Busybox}
      public: false
      size: 817216
      type: container
drift:
  description: How each container that was made from an image stands to the aliases.
  returned: when O(drift) is true
  type: list
  elements: dict
  contains:
    container:
      description: Its name.
      type: str
      sample: web1
    project:
      description: Its project.
      type: str
      sample: default
    base_image:
      description: Fingerprint of the image that it was made from.
      type: str
      sample: 9ef40da597c6aad2db1c5dea7509d5b33873e4d14aa9820602e631e706b49475
    alias:
      description:
        - The alias that stands for that image; or, if none does, the one that stands for an image with the same properties
          C(os), C(release), C(variant) and C(architecture), and the newest of these if there are more.
        - It is V(null) where there is none.
      type: str
      sample: debian/12
    image:
      description: Fingerprint of the image that the alias stands for now. It is V(null) where there is no alias.
      type: str
      sample: 9c9c043809b02559ea947f49f27132bebe4170a2edb87bf21babe4d683e15880
    state:
      description:
        - V(current) if the alias stands for the image it was made from, V(drifted) if it stands for another by now, and
          V(unknown) if there is no alias to compare with.
      type: str
      sample: drifted
    reason:
      description: Why it is taken to be so, in words.
      type: str
      sample: no alias stands for its image any more, and alias debian/12 stands for another one of Debian bookworm amd64
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flotilla.lxd.plugins.module_utils import _module
from ansible_collections.flotilla.lxd.plugins.module_utils._resources import drift, image_listing

OPTIONS = {
    "name": {"type": "str"},
    "properties": {"type": "dict"},
    "architecture": {"type": "str"},
    "type": {"type": "str", "choices": ["container", "virtual-machine"]},
    "public": {"type": "bool"},
    "cached": {"type": "bool"},
    "auto_update": {"type": "bool"},
    "drift": {"type": "bool"},
    "all_projects": {"type": "bool", "default": False},
}


def read(module: AnsibleModule) -> dict:
    client = _module.client(module)
    stored = image_listing.images(client)
    wanted = image_listing.Wanted(**_module.named(image_listing.Wanted, module.params))
    result: dict = {"images": image_listing.select(stored, wanted)}
    if module.params["drift"]:
        everywhere = module.params["all_projects"]
        found = drift.of_all_projects(client) if everywhere else drift.of_project(client, stored)
        result["drift"] = [asdict(one) for one in found]
    return result


def main() -> None:
    _module.run(read, OPTIONS, constraints={"required_if": [("all_projects", True, ["drift"])]})


if __name__ == "__main__":
    main()
