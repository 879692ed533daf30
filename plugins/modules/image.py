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
  - Copies images from other remotes, imports them from files and URLs, publishes containers as images, exports images to
    files, and manages their aliases, properties and flags.
  - The server downloads a copy by itself; a file is streamed to it, and not at all if the image is there already.
author:
  - The flotilla.lxd developers (@flotilla-lxd)
extends_documentation_fragment:
  - flotilla.lxd.client_config
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
      present: >-
        There, with the aliases, properties and flags said. An alias O(name) that is there already is left alone, even if its
        source has another image by now, which RV(image_moved_on) tells; only O(file) moves it.
      refreshed: >-
        Like V(present), and the image that the source has now. Without a source, the server looks where it copied the image
        from, and removes the old one. A container is published anew each time.
      exported: In files at O(dest), which are left alone if they are the image already.
      absent: >-
        Gone by that alias. If the image has aliases that are neither O(name) nor in O(aliases), it stays for those; else, and
        if O(name) is a fingerprint, it is deleted. Containers made from it stay.
    default: present
  source:
    description:
      - Image on another remote to copy from, as in V(foo:debian/12), by alias or fingerprint. V(foo) can be LXD, Incus or
        an image server that speaks simplestreams. O(auto_update) makes the server follow it.
    type: str
  source_project:
    description: Project of the remote in O(source) that has the image, if not the usual one. Can be one of O(remote) itself.
    type: str
  mode:
    description: Which way an image of another remote takes.
    type: str
    choices:
      pull: The server fetches it from the other one.
      push: The other server sends it. Both have to be of one kind.
      relay: It goes through the host that runs the task, for servers that do not reach each other.
    default: pull
  file:
    description:
      - Path of an image file on the host that runs the task. A unified tarball, or with O(rootfs) the metadata tarball of a
        split image, or a directory with C(metadata.yaml) and C(rootfs), which is packed on the way.
      - If O(name) is an alias of another image, it is moved to this one.
    type: path
  rootfs:
    description: Path of the root file system of a split image (tarball, squashfs, or the disk of a virtual machine).
    type: path
  source_url:
    description:
      - URL (HTTPS) of an image. Either of a page that names it in its headers, as C(lxc image import https://...) takes it;
        the server fetches that by itself, if it still can. Or, together with O(fingerprint), of the file.
    type: str
  rootfs_url:
    description: URL of the root file system of a split image, whose metadata tarball is at O(source_url).
    type: str
  ca_path:
    description: Path of the authorities (PEM) that vouch for the host of O(source_url), in place of the system's.
    type: path
  fingerprint:
    description: The fingerprint that the image has to have, in full. One that has another is refused, wherever it is.
    type: str
  source_container:
    description: Container to publish as an image, or V(CONTAINER/SNAPSHOT) for a snapshot of one.
    type: str
  allow_stop:
    description:
      - Whether a running container may be stopped to be published. It is started again. An ephemeral one, which stopping
        deletes, is refused.
    type: bool
    default: false
  stop_timeout:
    description: Seconds that such a container has to stop.
    type: int
    default: 30
  compression:
    description: How a published image is compressed, if not as the server does it.
    type: str
    choices: [bzip2, gzip, lz4, lzma, none, squashfs, xz, zstd]
  dest:
    description:
      - Where an image is exported to. A directory gets the files by the names that the commands give them; another path is
        the name of the file, to which its ending is added, or of the metadata and, with C(.root) added, of the root
        file system.
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
  copy_aliases:
    description: Whether it should have the aliases that it has at O(source), too.
    type: bool
    default: false
  remove_old:
    description: Whether an image whose alias moves to a new one is deleted, if no other alias and no container needs it.
    type: bool
    default: false
  properties:
    description: Properties to set. One that is V(null) is removed, and what is not named is kept.
    type: dict
  public:
    description: Whether clients that are not trusted may have the image.
    type: bool
  auto_update:
    description:
      - Whether the server follows the alias in O(source) when that stands for a new image. It can only follow what it has
        copied itself (O(mode=pull)), by the alias of a public image or from an image server.
    type: bool
  expires_at:
    description: Date (V(2027-01-31), or V(2027-01-31T12:00:00Z)) after which the server may delete the image, or V(never).
    type: str
seealso:
  - module: flotilla.lxd.image_info
  - module: flotilla.lxd.image_build
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

- name: The newest from where it came, and the old one gone if nothing needs it
  flotilla.lxd.image:
    remote: incus-a
    name: debian/12
    source: lxd-a:debian/12
    state: refreshed
    remove_old: true

- name: An image of a container, without stopping it
  flotilla.lxd.image:
    remote: lxd-a
    name: web/v2
    source_container: web1/configured
    properties:
      description: Our web server

- name: The same in files
  flotilla.lxd.image:
    remote: lxd-a
    name: web/v2
    state: exported
    dest: /srv/images/

- name: From a web server
  flotilla.lxd.image:
    remote: lxd-a
    name: ours/13
    source_url: https://images.example.org/ours-13.tar.xz
    fingerprint: 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03

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
files:
  description: The paths of the files; of a split image the metadata first.
  returned: O(state=exported)
  type: list
  elements: str
  sample: [/srv/images/9ef40da597c6aad2db1c5dea7509d5b33873e4d14aa9820602e631e706b49475.tar.gz]
image_moved_on:
  description: Whether the source has another image by that alias now than the one that is here.
  returned: when O(source) is a server that tells, and the image is here
  type: bool
  sample: false
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flotilla.lxd.plugins.module_utils import _module
from ansible_collections.flotilla.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._images import sources
from ansible_collections.flotilla.lxd.plugins.module_utils._resources import image, image_export, image_plan
from ansible_collections.flotilla.lxd.plugins.module_utils._resources.plan import converge

OPTIONS = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "refreshed", "exported", "absent"], "default": "present"},
    "source": {"type": "str"},
    "source_project": {"type": "str"},
    "mode": {"type": "str", "choices": ["pull", "push", "relay"], "default": "pull"},
    "file": {"type": "path"},
    "rootfs": {"type": "path"},
    "source_url": {"type": "str"},
    "rootfs_url": {"type": "str"},
    "ca_path": {"type": "path"},
    "fingerprint": {"type": "str"},
    "source_container": {"type": "str"},
    "allow_stop": {"type": "bool", "default": False},
    "stop_timeout": {"type": "int", "default": 30},
    "compression": {
        "type": "str",
        "choices": ["bzip2", "gzip", "lz4", "lzma", "none", "squashfs", "xz", "zstd"],
    },
    "dest": {"type": "path"},
    "type": {"type": "str", "choices": ["container", "virtual-machine"], "default": "container"},
    "aliases": {"type": "list", "elements": "str"},
    "copy_aliases": {"type": "bool", "default": False},
    "remove_old": {"type": "bool", "default": False},
    "properties": {"type": "dict"},
    "public": {"type": "bool"},
    "auto_update": {"type": "bool"},
    "expires_at": {"type": "str"},
    **_module.WAIT_OPTIONS,
}
IMAGE_OPTIONS = ("aliases", "properties", "public", "auto_update", "expires_at")
CONSTRAINTS = {
    "mutually_exclusive": [
        ("source", "file", "source_url", "source_container"),
        ("auto_update", "file", "source_url", "source_container"),
        ("fingerprint", "source_container"),
    ],
    "required_by": {
        "rootfs": ["file"],
        "compression": ["source_container"],
        "rootfs_url": ["source_url"],
        "ca_path": ["source_url"],
    },
    "required_if": [("state", "exported", ["dest"]), ("copy_aliases", True, ["source"])],
}


# What says nothing in a state, and would be taken for done.
STRANGERS = {
    "present": ("dest",),
    "refreshed": ("dest",),
    "exported": ("source", "file", "source_url", "source_container", *IMAGE_OPTIONS),
    "absent": ("source", "file", "source_url", "source_container", "dest", "fingerprint", *IMAGE_OPTIONS[1:]),
}


def manage(module: AnsibleModule) -> dict:
    params = module.params
    for option in STRANGERS[params["state"]]:
        if params[option] is not None:
            raise InvalidInput(f"{option} does not go with state: {params['state']}")
    client = _module.client(module)
    deadline = Deadline(params["timeout"])
    if params["state"] == "exported":
        wanted_files = image_export.ImageExport(client, params["name"], params["dest"], params["fingerprint"])
        exported = converge(wanted_files, deadline, check=module.check_mode)
        return {**_module.result(module, exported, "image"), "files": exported.state.files}
    source = sources.chosen(sources.Options(**_module.named(sources.Options, params), predicting=module.check_mode))
    wanted = image_plan.Wanted(**_module.named(image_plan.Wanted, params))
    resource = image.Image(client, wanted, source, predicting=module.check_mode)
    return _module.result(module, converge(resource, deadline, check=module.check_mode), "image")


def main() -> None:
    _module.run(manage, OPTIONS, constraints=CONSTRAINTS)


if __name__ == "__main__":
    main()
