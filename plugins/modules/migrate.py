#!/usr/bin/python
# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves and copies containers between servers, LXD and Incus alike."""

from __future__ import annotations

DOCUMENTATION = r"""
module: migrate
short_description: Moves and copies containers between servers, LXD and Incus alike
version_added: 0.1.0
description:
  - Moves a container to another server, copies it there, or brings an earlier copy up to date. Source and target can be LXD
    or Incus, each to each. Within a server, it moves a container to another project, storage pool or cluster member.
  - "There is a complete container at all times, whatever fails: the source is deleted only when the target has been compared
    with it, and runs if it is to run. Until then both bear a mark in C(user.flotilla.migration), by which a second run of the
    same task knows what an interrupted one has left, and goes on from there."
  - Before anything moves, and in check mode, everything that may stand in the way is looked at, and all of it said at once.
author:
  - The flotilla.lxd developers (@flotilla-lxd)
notes:
  - C(docs/migration.md) of the collection says for every moment at which a migration can break off what there is then, and
    what the next run does.
  - If a task fails after the transfer has begun, the half target is removed and the source put back as it was, running if it
    ran. What cannot be put back, because a server cannot be reached, is said in the message.
extends_documentation_fragment:
  - flotilla.lxd.client_config
  - flotilla.lxd.remote
  - flotilla.lxd.wait
  - flotilla.lxd.attributes
attributes:
  idempotent:
    support: partial
    details: O(mode=refresh) always copies anew, and is always a change, for no server tells whether files have changed.
options:
  name:
    description:
      - Names of the containers on O(remote), or shell patterns as in V(web*).
      - A pattern that fits nothing is no error, for after a move there is nothing left that fits.
    type: list
    elements: str
    required: true
  target_remote:
    description: The server they are to go to, by its name in the client configuration. If it is left out, O(remote) itself.
    type: str
  target_project:
    description: The project there. If it is left out, the one that the client configuration names, or the server's default.
    type: str
  target_name:
    description: Another name for the container there. Only with one container.
    type: str
  target_pool:
    description:
      - The storage pool there, if not the one that the container's profiles or its own root disk name.
      - Within one project of one server, the pool that the container moves to. It is unchanged if it is there already. See
        O(target).
    type: str
  target:
    description:
      - The member of the target's cluster, or a group of them as V(@group).
      - Within one project of one server, the member that the container moves to. While it does, what is to take its place is
        called C(arriving-NAME).
    type: str
  mode:
    description: What is to become of the source.
    type: str
    choices:
      move: >-
        It is deleted when the target is complete. The container keeps its identity, with its MAC addresses and what
        cloud-init knows of it, and has the run state at the target that it had before. A container at the target is taken
        for the moved one if there is none at the source.
      copy: >-
        It stays as it is, running if it runs. The copy is stopped, and is another container with MAC addresses of its own. It
        says whose copy it is in C(user.flotilla.copy_of).
      refresh: >-
        Like V(copy), onto a copy that is there already and stopped. Only what differs is transferred, as far as the servers
        can. Only what is known to be a copy of this container, by its C(user.flotilla.copy_of), is overwritten. Always a
        change.
    default: move
  transfer:
    description: Which way the content takes from one server to the other. Within one server, it is copied by that.
    type: str
    choices:
      auto: The first that works of V(pull), V(push) and V(relay), see RV(containers).
      pull: The target fetches it from the source.
      push: The source connects to the target.
      relay: Through the host that runs the task, for servers that do not reach each other.
    default: auto
  snapshots:
    description:
      - V(all) snapshots go along, V(none) does (those of a moved container are then lost), or the name of one that is to
        become the container itself, which is for O(mode=copy).
    type: str
    default: all
  running:
    description: What is done about a container that runs. Nothing with O(mode=copy) and O(mode=refresh), save for V(refuse).
    type: str
    choices:
      move: It is stopped, moved and started.
      stateful: It is stopped with the state of its processes saved (CRIU), moved, and started from there.
      live: >-
        It is moved while it runs (CRIU). If that fails, it goes on running where it is. What
        M(flotilla.lxd.live_migration_info) finds is looked at before, and what is not certain is a warning. Not within one
        server.
      refuse: The task fails.
    default: move
  live_fallback:
    description:
      - Whether a container that cannot be moved live is stopped, moved and started instead.
      - It is not when the task is interrupted or a server goes away. The same task again goes on from there.
    type: bool
    default: false
  stop_timeout:
    description: Seconds that a container has to stop.
    type: int
    default: 30
  force:
    description: Whether a container is stopped without being asked to halt.
    type: bool
    default: false
  profiles:
    description: Which profiles of the target stand for which of the source, by the old names. V(null) leaves one out.
    type: dict
    default: {}
  networks:
    description: Which networks of the target stand for which of the source, by the old names, on the container's own devices.
    type: dict
    default: {}
  config:
    description: Config keys to set on the way. One that is V(null) is left behind.
    type: dict
  devices:
    description: Devices to change on the way, as in M(flotilla.lxd.container). One that is V(null) is left behind.
    type: dict
seealso:
  - module: flotilla.lxd.container
  - module: flotilla.lxd.live_migration_info
"""

EXAMPLES = r"""
- name: Move a container to another server; it runs there if it ran here
  flotilla.lxd.migrate:
    remote: lxd-a
    name: web1
    target_remote: incus-a

- name: All web servers, where bridge and profiles have other names
  flotilla.lxd.migrate:
    remote: lxd-a
    name: web*
    target_remote: lxd-b
    profiles:
      small: tiny
    networks:
      lxdbr0: br-web
    target_pool: fast

- name: A copy to try an upgrade on
  flotilla.lxd.migrate:
    remote: lxd-a
    name: web1
    target_remote: lxd-a
    target_name: web1-trial
    mode: copy
    snapshots: none

- name: A spare, brought up to date every night
  flotilla.lxd.migrate:
    remote: lxd-a
    name: db1
    target_remote: lxd-b
    mode: refresh

- name: To another storage pool of the same server
  flotilla.lxd.migrate:
    remote: lxd-a
    name: web1
    target_pool: fast

- name: Without stopping it, or else with
  flotilla.lxd.migrate:
    remote: incus-a
    name: web1
    target_remote: incus-b
    running: live
    live_fallback: true
"""

RETURN = r"""
containers:
  description:
    - What was done with each container, in order. C(transfer) is the way that the content took, or V(null) if it did not have
      to; C(failure) why it was not done, or V(null).
  returned: always
  type: list
  elements: dict
  sample:
    - name: web1
      target_name: web1
      actions: [mark, stop, transfer, verify, start, delete, unmark]
      transfer: pull
      failure: null
actions:
  description: What was done, in order, of all containers.
  returned: always
  type: list
  elements: str
  sample: [mark, stop, transfer, verify, start, delete, unmark]
"""

import signal
from dataclasses import replace

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flotilla.lxd.plugins.module_utils import _module
from ansible_collections.flotilla.lxd.plugins.module_utils._api.client import Client
from ansible_collections.flotilla.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import FlotillaError, Interrupted
from ansible_collections.flotilla.lxd.plugins.module_utils._lxc import host
from ansible_collections.flotilla.lxd.plugins.module_utils._migration import batch
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.journey import Options
from ansible_collections.flotilla.lxd.plugins.module_utils._migration.translate import Changes

OPTIONS = {
    "name": {"type": "list", "elements": "str", "required": True},
    "target_remote": {"type": "str"},
    "target_project": {"type": "str"},
    "target_name": {"type": "str"},
    "target_pool": {"type": "str"},
    "target": {"type": "str"},
    "mode": {"type": "str", "choices": ["move", "copy", "refresh"], "default": "move"},
    "transfer": {"type": "str", "choices": ["auto", "pull", "push", "relay"], "default": "auto"},
    "snapshots": {"type": "str", "default": "all"},
    "running": {"type": "str", "choices": ["move", "stateful", "live", "refuse"], "default": "move"},
    "live_fallback": {"type": "bool", "default": False},
    "stop_timeout": {"type": "int", "default": 30},
    "force": {"type": "bool", "default": False},
    "profiles": {"type": "dict", "default": {}},
    "networks": {"type": "dict", "default": {}},
    "config": {"type": "dict"},
    "devices": {"type": "dict"},
    **_module.WAIT_OPTIONS,
}


def migrate(module: AnsibleModule) -> dict:
    params = module.params
    source, target = _ends(module)
    changes = Changes(pool=params["target_pool"], **_module.named(Changes, params))
    options = Options(changes=changes, **_module.named(Options, params))
    _heed_signals()
    reports, errors = batch.migrate(
        source,
        target,
        params["name"],
        params["target_name"],
        options,
        Deadline(params["timeout"]),
        check=module.check_mode,
    )
    for report in reports:
        for warning in report.warnings:
            module.warn(f"container {report.name}: {warning}")
    result = batch.result(reports)
    if errors:
        _module.fail(module, errors[0] if len(errors) == 1 else FlotillaError(". ".join(map(str, errors))), **result)
    return result


def _ends(module: AnsibleModule) -> tuple[batch.Home, Client]:
    """Where the containers are, and where they are to go."""
    params = module.params
    access = _module.access(module)
    is_classic = host.is_meant(access)
    if is_classic and not params["target_remote"]:
        module.fail_json(msg=f"target_remote is missing: from {access.url} a container can only go to a server")
    source = host.meant(access) if is_classic else _module.client(module)
    if params["target_remote"]:
        there = replace(access, remote=params["target_remote"], project=params["target_project"], url=None)
        return source, _module.client(module, there)
    return source, source.scoped(project=params["target_project"])


def _heed_signals() -> None:
    """Have an interrupted task put things back as after any other failure."""

    def interrupt(number: int, _frame: object) -> None:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(f"it was interrupted ({signal.Signals(number).name})")

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, interrupt)


def main() -> None:
    _module.run(migrate, OPTIONS)


if __name__ == "__main__":
    main()
