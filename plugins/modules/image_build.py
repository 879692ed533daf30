#!/usr/bin/python
# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the files of an image for LXD and Incus."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_build
short_description: Builds the files of an image for LXD and Incus
version_added: 0.1.0
description:
  - Makes the files of a container image on the host that runs the task, out of a root file system that is there or is
    made, with metadata and templates. M(flotilla.lxd.image) imports them.
  - What was built stays until an input changes. Of O(mmdebstrap) these are its options, and not the packages, of which the
    archive may have newer ones; O(rebuild) is for that. Of a directory they are names, owners, modes, sizes and dates.
  - The files are put into O(dest) when all of them are whole.
requirements:
  - GNU tar, and the program of the O(compression)
  - mmdebstrap for O(mmdebstrap), a static busybox for O(busybox)
  - PyYAML for a O(rootfs) with a C(metadata.yaml)
author:
  - The flotilla.lxd developers (@flotilla-lxd)
extends_documentation_fragment:
  - flotilla.lxd.attributes
options:
  dest:
    description:
      - Directory for the files, made if need be with those above it. Others in it are left alone.
      - A split image is C(metadata.tar.gz) and C(rootfs.tar.EXT) or C(rootfs.squashfs), a unified one C(image.tar.EXT).
    type: path
    required: true
  format:
    description: Whether metadata and root file system are two files or one.
    type: str
    choices: [split, unified]
    default: split
  compression:
    description: Of the root file system, or of the unified image. V(squashfs) is for split images only.
    type: str
    choices: [none, gzip, xz, zstd, squashfs]
    default: gzip
  rootfs:
    description:
      - A root file system, as a directory or a tarball. A directory stays as it is.
      - A unified image, which has C(metadata.yaml) and C(rootfs/), works too, as does one that was made of a container. What
        is said here is then laid over its metadata and templates.
      - Of a directory, other file systems mounted in it are left out.
    type: path
  mmdebstrap:
    description: A Debian or Ubuntu to be made by mmdebstrap, which takes root.
    type: dict
    suboptions:
      suite:
        description: Name of the release, as V(bookworm) or V(noble).
        type: str
        required: true
      mirrors:
        description: URLs, or lines as in C(sources.list). The default is mmdebstrap's.
        type: list
        elements: str
        default: []
      components:
        description: Components of the archive, as V(main). The default is mmdebstrap's.
        type: list
        elements: str
        default: []
      variant:
        description: Which packages it begins with, as V(minbase). The default is mmdebstrap's.
        type: str
      packages:
        description: Further packages.
        type: list
        elements: str
        default: []
      arguments:
        description: Further options of mmdebstrap, as V(--dpkgopt=path-exclude=/usr/share/man/*).
        type: list
        elements: str
        default: []
      setup:
        description: An executable script on the host. It is called with the root file system as its argument, at the end.
        type: path
  busybox:
    description:
      - A tiny system of about 1 MB, out of the static busybox of the host. It has an init that hears a clean stop, DHCP on
        C(eth0), and the user V(user) beside root. Takes root.
    type: bool
    default: false
  architecture:
    description: The kernel's name of the architecture, as V(x86_64). The default is that of O(rootfs) or this machine.
    type: str
  creation_date:
    description: Seconds since 1970. The default is the time of the build.
    type: int
  expiry_date:
    description: Seconds since 1970.
    type: int
  properties:
    description: Properties of the image, as V(os) and V(release). One that is V(null) is left out.
    type: dict
    default: {}
  templates:
    description:
      - Files that the server writes into a container, by their path there. Each is a map of C(content), the text in the
        server's template language; C(when), a list of V(create), V(copy) and V(start) (default create and copy);
        C(create_only), to leave alone a file that is there; and C(properties), texts that the template can use.
      - O(mmdebstrap) and O(busybox) have templates for C(/etc/hostname) and C(/etc/hosts). One that is V(null) is left out.
      - Ansible would take C({{ }}) for its own; V(!unsafe) before a text leaves it to the server.
    type: dict
    default: {}
  rebuild:
    description: Whether to build even if nothing has changed.
    type: bool
    default: false
  timeout:
    description: How many seconds the build may take. At least 1.
    type: int
    default: 600
seealso:
  - module: flotilla.lxd.image
"""

EXAMPLES = r"""
- name: Build Debian
  flotilla.lxd.image_build:
    dest: /srv/images/debian-12
    compression: zstd
    mmdebstrap:
      suite: bookworm
      variant: minbase
      packages: [systemd-sysv, dbus, ifupdown, isc-dhcp-client, python3]
      setup: /srv/images/debian-setup
    properties:
      os: Debian
  become: true
  register: built

- name: Import it
  flotilla.lxd.image:
    remote: lxd-a
    name: ours/12
    file: "{{ built.image.file }}"
    rootfs: "{{ built.image.rootfs | default(omit) }}"

- name: A tree of our own, with a file that every container gets when it starts
  flotilla.lxd.image_build:
    dest: /srv/images/appliance
    format: unified
    rootfs: /srv/trees/appliance
    properties:
      os: Appliance
      release: 7
    templates:
      /etc/motd:
        when: [start]
        content: !unsafe "This is {{ container.name }}.\n"
  become: true
"""

RETURN = r"""
image:
  description: The image.
  returned: success
  type: dict
  contains:
    fingerprint:
      description: The fingerprint it has on a server. Not known in check mode before it is built.
      returned: if the image is there
      type: str
      sample: 9ef40da597c6aad2db1c5dea7509d5b33873e4d14aa9820602e631e706b49475
    file:
      description: Path of the unified image, or of the metadata of a split one.
      returned: success
      type: str
      sample: /srv/images/debian-12/metadata.tar.gz
    rootfs:
      description: Path of the root file system of a split image.
      returned: when O(format=split)
      type: str
      sample: /srv/images/debian-12/rootfs.tar.zst
    metadata:
      description: What its C(metadata.yaml) says.
      returned: success
      type: dict
      sample:
        architecture: x86_64
        creation_date: 1767225600
        properties: {os: Debian, release: bookworm}
actions:
  description: What was done.
  returned: success
  type: list
  elements: str
  sample: [build]
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flotilla.lxd.plugins.module_utils import _module
from ansible_collections.flotilla.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.flotilla.lxd.plugins.module_utils._images import build
from ansible_collections.flotilla.lxd.plugins.module_utils._images.archive import rootfs_source
from ansible_collections.flotilla.lxd.plugins.module_utils._images.bootstrap import Bootstrap, BootstrapSource
from ansible_collections.flotilla.lxd.plugins.module_utils._images.build_source import Source
from ansible_collections.flotilla.lxd.plugins.module_utils._images.busybox import BusyboxSource
from ansible_collections.flotilla.lxd.plugins.module_utils._images.metadata import templates_from, texts

LIST = {"type": "list", "elements": "str", "default": []}
OPTIONS = {
    "dest": {"type": "path", "required": True},
    "format": {"type": "str", "choices": ["split", "unified"], "default": "split"},
    "compression": {"type": "str", "choices": ["none", "gzip", "xz", "zstd", "squashfs"], "default": "gzip"},
    "rootfs": {"type": "path"},
    "mmdebstrap": {
        "type": "dict",
        "options": {
            "suite": {"type": "str", "required": True},
            "mirrors": LIST,
            "components": LIST,
            "variant": {"type": "str"},
            "packages": LIST,
            "arguments": LIST,
            "setup": {"type": "path"},
        },
    },
    "busybox": {"type": "bool", "default": False},
    "architecture": {"type": "str"},
    "creation_date": {"type": "int"},
    "expiry_date": {"type": "int"},
    "properties": {"type": "dict", "default": {}},
    "templates": {"type": "dict", "default": {}},
    "rebuild": {"type": "bool", "default": False},
    **_module.WAIT_OPTIONS,
}


def manage(module: AnsibleModule) -> dict:
    params = module.params
    properties = {str(name): text for name, text in params["properties"].items()}
    given = texts({name: text for name, text in properties.items() if text is not None}, "property")
    wanted = build.Wanted(
        **{
            **_module.named(build.Wanted, params),
            "dest": os.path.abspath(params["dest"]),
            "properties": {**properties, **given},
            "templates": templates_from(params["templates"]),
        }
    )
    built = build.build(wanted, source(module), Deadline(params["timeout"]), check=module.check_mode)
    image = {"metadata": built.metadata, **dict(zip(("file", "rootfs"), built.paths))}
    if built.fingerprint:
        image["fingerprint"] = built.fingerprint
    result = {"changed": built.changed, "actions": ["build"] if built.changed else [], "image": image}
    if built.changed:
        result["diff"] = {"before": built.before, "after": built.metadata}
    return result


def source(module: AnsibleModule) -> Source:
    params = module.params
    chosen = [name for name in ("rootfs", "mmdebstrap", "busybox") if params[name]]
    if len(chosen) != 1:
        module.fail_json(msg="An image is built of one of rootfs, mmdebstrap and busybox: exactly one has to be given")
    if params["rootfs"]:
        return rootfs_source(params["rootfs"], os.path.abspath(params["dest"]))
    if params["mmdebstrap"]:
        options = {
            name: tuple(value) if isinstance(value, list) else value for name, value in params["mmdebstrap"].items()
        }
        return BootstrapSource(Bootstrap(**options))
    return BusyboxSource()


def main() -> None:
    _module.run(manage, OPTIONS, remote_options=False)


if __name__ == "__main__":
    main()
