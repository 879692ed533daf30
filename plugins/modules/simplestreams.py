#!/usr/bin/python
# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publishes images in a simplestreams tree, for LXD and Incus."""

from __future__ import annotations

DOCUMENTATION = r"""
module: simplestreams
short_description: Publishes images in a simplestreams tree, for LXD and Incus
version_added: 0.1.0
description:
  - Manages one product of a simplestreams tree on the host that runs the task. A web server that serves the tree over HTTPS
    is an image server, which LXD and Incus know by the protocol C(simplestreams).
  - A product is an image and its newer versions. Clients get the newest, and their copies follow it.
  - The same files under any version of the product are no new version. Files that are there are not written again.
  - At every moment, all that the tree names is there. It may be served meanwhile, and a run may be interrupted; the next one
    clears away what that left.
  - Other products, other files, and fields that are not known here stay as they are.
author:
  - The flotilla.lxd developers (@flotilla-lxd)
extends_documentation_fragment:
  - flotilla.lxd.attributes
options:
  path:
    description: Root of the tree, a directory. It is made if need be.
    type: path
    required: true
  os:
    description:
      - Name of the operating system, as in V(Debian). With O(release), O(architecture) and O(variant) it is what tells one
        product from another, in which its case does not count.
    type: str
    required: true
  release:
    description: Name of the release, as in V(bookworm).
    type: str
    required: true
  architecture:
    description: Debian's name of the architecture, as in V(amd64). The kernel's, as in V(x86_64), is understood as well.
    type: str
    required: true
  variant:
    description: What sets it apart from others of the release.
    type: str
    default: default
  state:
    description: What the product should be.
    type: str
    choices:
      present: >-
        There, with the image that is given. Without O(file) and O(fingerprint), the product has to be there, and keeps its
        versions.
      absent: Gone with its files; with O(version) only that version, and the product if it was the last.
    default: present
  file:
    description: Path of a unified image or, with O(rootfs), of the metadata of a split one. A tarball of any compression.
    type: path
  rootfs:
    description: Path of the root file system of a split image. A tarball, a squashfs, or a virtual machine's qcow2 disk.
    type: path
  fingerprint:
    description:
      - Fingerprint of the image, in full. Files that have another are refused.
      - If the product has the image, the files are not read and need not be there. In check mode they need not be there
        either, so that they can be brought to the host when it says that they are wanted.
    type: str
  version:
    description:
      - Name of the version, if the image becomes one. It begins with a date, as in V("20260101_05:24"), which YAML wants in
        quotes. The greatest one, as text, is the newest.
      - If it is left out, it is the date on which the image was made or, where that is not newer than all that are there, the
        time now. The date is not found in an image that has its C(metadata.yaml) behind other files.
      - What has been published under a name is not replaced by something else.
    type: str
  release_title:
    description: Name of the release for people, as in V(12). A new product gets the O(release).
    type: str
  aliases:
    description:
      - The product's aliases, all of them, as in V(debian/12). A new product gets C(os/release) (C(os/release/variant) for a
        variant) in lower case.
      - Clients add the architecture where they want another than their own. Two products can share an alias if they differ in
        architecture or type.
    type: list
    elements: str
  requirements:
    description: What the image asks of a server, as in V(secureboot=false). One that is V(null) is removed, others stay.
    type: dict
  keep:
    description:
      - How many versions to keep. Older ones are removed. If it is left out, all of them are kept.
      - LXD and Incus look at the tree once an hour, so for that long they may ask for the version that was the newest
        before. V(2) or more is for them.
    type: int
seealso:
  - module: flotilla.lxd.image
  - module: flotilla.lxd.remote
"""

EXAMPLES = r"""
- name: Publish a split image
  flotilla.lxd.simplestreams:
    path: /srv/images
    os: Debian
    release: bookworm
    release_title: "12"
    architecture: amd64
    aliases: [debian/12, debian/bookworm]
    file: /root/debian-12/metadata.tar.gz
    rootfs: /root/debian-12/rootfs.squashfs
    keep: 3

- name: Take back a version
  flotilla.lxd.simplestreams:
    path: /srv/images
    os: Debian
    release: bookworm
    architecture: amd64
    version: "20260101_05:24"
    state: absent
"""

RETURN = r"""
product:
  description: The product as it is afterwards. Not returned for one that is gone.
  returned: success, if it is there
  type: dict
  contains:
    name:
      description: Its name in the tree.
      type: str
      sample: debian:bookworm:amd64:default
    os:
      description: Name of the operating system.
      type: str
      sample: Debian
    release:
      description: Name of the release.
      type: str
      sample: bookworm
    release_title:
      description: Name of the release for people.
      type: str
      sample: "12"
    variant:
      description: What sets it apart from others of the release.
      type: str
      sample: default
    architecture:
      description: Debian's name of the architecture.
      type: str
      sample: amd64
    aliases:
      description: Its aliases.
      type: list
      elements: str
      sample: [debian/12, debian/bookworm]
    requirements:
      description: What its images ask of a server.
      type: dict
      sample: {}
    versions:
      description: Its versions, the newest first.
      type: list
      elements: dict
      contains:
        version:
          description: Name of the version.
          type: str
          sample: "20260101_05:24"
        images:
          description:
            - What clients find there, with C(type), C(fingerprint) as LXD and Incus have it, C(size) in bytes, and C(files),
              metadata first, relative to the root of the tree.
            - None in check mode for files that are not on the host yet.
          type: list
          elements: dict
          sample:
            - type: container
              fingerprint: 9ef40da597c6aad2db1c5dea7509d5b33873e4d14aa9820602e631e706b49475
              size: 92711234
              files:
                - images/debian/bookworm/amd64/default/20260101_05:24/metadata.tar.gz
                - images/debian/bookworm/amd64/default/20260101_05:24/rootfs.squashfs
version:
  description: The version that has the image.
  returned: success, if O(file) or O(fingerprint) is given
  type: str
  sample: "20260101_05:24"
fingerprint:
  description: The fingerprint of the image, as LXD and Incus have it.
  returned: success, if O(file) or O(fingerprint) is given
  type: str
  sample: 9ef40da597c6aad2db1c5dea7509d5b33873e4d14aa9820602e631e706b49475
actions:
  description:
    - What was done, or in check mode would be, in this order.
    - V(publish), the image became a version. V(restore), it is one, and files of it that were missing or cut off are there
      again. V(update), aliases and the like were changed. V(prune), versions beyond O(keep) were removed. V(delete), what
      should be absent was removed. V(sweep), files that an interrupted run had left were removed. V(index), the product was
      put into the index, which it was missing from.
  returned: success
  type: list
  elements: str
  sample: [publish, prune]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flotilla.lxd.plugins.module_utils import _module
from ansible_collections.flotilla.lxd.plugins.module_utils._images import tree, tree_plan

OPTIONS = {
    "path": {"type": "path", "required": True},
    "os": {"type": "str", "required": True},
    "release": {"type": "str", "required": True},
    "architecture": {"type": "str", "required": True},
    "variant": {"type": "str", "default": "default"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "file": {"type": "path"},
    "rootfs": {"type": "path"},
    "fingerprint": {"type": "str"},
    "version": {"type": "str"},
    "release_title": {"type": "str"},
    "aliases": {"type": "list", "elements": "str"},
    "requirements": {"type": "dict"},
    "keep": {"type": "int"},
}
CONSTRAINTS = {"required_by": {"rootfs": ["file"]}}


def manage(module: AnsibleModule) -> dict:
    wanted = tree_plan.Wanted(**_module.named(tree_plan.Wanted, module.params))
    return tree.ensure(wanted, checked_only=module.check_mode).result()


def main() -> None:
    _module.run(manage, OPTIONS, constraints=CONSTRAINTS, remote_options=False)


if __name__ == "__main__":
    main()
