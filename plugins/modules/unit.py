#!/usr/bin/python
# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation only: the action plugin of this name does the work, on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: unit
short_description: Publishes, from within a charm's role, what its unit says of itself
version_added: 0.1.0
description:
  - A task of a role that is deployed as a charm. It says how the unit is, which ports it opens, and what the applications it
    is related to get to read.
  - Which unit is meant says the variable C(unit), which every role has that C(flotilla.lxd.deploy) runs as a charm.
  - It runs on the controller, and writes to the config of the unit's container through the API. Nothing is needed in the
    container, and nothing is done in it.
  - What is not named stays as it was. The other side is told of what has changed when all units are through, by its
    C(relation_changed).
author:
  - The flotilla.lxd developers (@flotilla-lxd)
attributes:
  check_mode:
    description: Can run in check mode and predict the changes without making any.
    support: full
  diff_mode:
    description: Returns what was before and what is after in diff mode.
    support: none
    details: Values may be secrets.
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
  platform:
    description: The host that runs the task, not the server.
    support: full
    platforms: posix
options:
  status:
    description:
      - How the unit is.
      - V(active) is at work, V(waiting) waits for another unit, V(maintenance) is busy with itself, V(blocked) needs a
        person.
    type: str
    choices: [active, waiting, maintenance, blocked]
  message:
    description: What a person should know of it.
    type: str
  version:
    description: The version of what the unit runs.
    type: str
  ports:
    description: All ports that the unit opens, as V(80/tcp), V(53/udp), V(8000-8010/tcp). They are reached from outside
      once the application is exposed.
    type: list
    elements: str
  relations:
    description:
      - What the units of the other side get to read of this one, by the own endpoint, a map of texts each.
      - A key that is V(null) or empty is removed, and so is an endpoint.
    type: dict
  application_data:
    description: The same, of the application as a whole. Only its leader may say it.
    type: dict
seealso:
  - module: flotilla.lxd.container
"""

EXAMPLES = r"""
- name: Say where this unit serves
  flotilla.lxd.unit:
    status: active
    message: ready
    version: "1.22"
    ports: [80/tcp]
    relations:
      website:
        hostname: "{{ unit.address }}"
        port: "80"

- name: Wait for a database
  flotilla.lxd.unit:
    status: waiting
    message: for a database
  when: unit.relations | selectattr('endpoint', 'eq', 'db') | map(attribute='units') | flatten | length == 0

- name: Give every client the same password
  flotilla.lxd.unit:
    application_data:
      db:
        password: "{{ lookup('ansible.builtin.password', '/dev/null', seed=unit.project) }}"
  when: unit.leader
  no_log: true
"""

RETURN = r""" # """
