# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role of this collection that brings a profile, used as its README says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def role_in_container(playbook: Callable[..., Any], role: str, remote: str, name: str, **variables: object) -> int:
    """Run the role in a container of the profile that it makes, name-role; how many of all the tasks changed something."""
    profile = f"{name}-{role.partition('_')[0]}"
    outside = {
        "hosts": "localhost",
        "gather_facts": False,
        "module_defaults": {"group/flotilla.lxd.all": {"remote": remote}},
        "vars": {f"{role}_profile": profile},
        "tasks": [
            {"ansible.builtin.include_role": {"name": f"flotilla.lxd.{role}", "tasks_from": "profile"}},
            {
                "flotilla.lxd.container": {
                    "name": name,
                    "image": "debian/12",
                    "profiles": ["default", profile],
                    "wait_for": ["ipv4", "systemd"],
                }
            },
        ],
    }
    inside = {
        "hosts": "all",
        "gather_facts": False,
        "roles": [f"flotilla.lxd.{role}"],
        "vars": {
            "ansible_connection": "flotilla.lxd.exec",
            "ansible_flotilla_remote": remote,
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_pipelining": True,
            **variables,
        },
    }
    run = playbook([outside, inside], inventory=f"{name},")
    return sum(task["result"].get("changed", False) for task in run.tasks)
