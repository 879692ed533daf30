# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task files that run a role for a unit, made for one run.

A playbook cannot give a role variables whose names it does not know, but for facts, which would last: another unit in the
container may play the same role with other options. In a file of its own each run of a role has its variables written out.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from typing import Any

import yaml

from ..module_utils._model.charms import Role
from ..module_utils._model.rounds import Run


def write(run: Run, role: Role, directory: str) -> str:
    """Write the task file into a directory, readable by its owner only: options and what units tell each other may be secret.

    Returns its path.
    """
    task = {
        "name": f"Run the role of {run.unit}, {run.entry}",
        "ansible.builtin.include_role": {"name": _name(role), "tasks_from": run.entry},
        "vars": {**_as_is(run.variables), "unit": _as_is(run.seen)},
    }
    descriptor, path = tempfile.mkstemp(
        prefix=f"{run.unit.replace('/', '-')}-{run.entry}-", suffix=".yml", dir=directory
    )
    with open(descriptor, "w", encoding="utf-8") as stream:
        yaml.dump([task], stream, Dumper=_Dumper, sort_keys=False)
    return path


def _name(role: Role) -> str:
    """Ansible takes a role by a whole path for one of this collection, and shows the path before each of its tasks. One by a
    path from the home directory it looks for there, and shows its name.
    """
    if not os.path.isabs(role.name):
        return role.name
    return f"~/{os.path.relpath(os.path.realpath(role.name), os.path.realpath(os.path.expanduser('~')))}"


class _NoTemplate(str):
    """A text that Ansible would take for a template."""


def _as_is(value: Any) -> Any:
    """Other texts stay plain: Ansible makes a number of an unsafe "12"."""
    if isinstance(value, str):
        # Ansible's own texts are of a type that no YAML has.
        return _NoTemplate(value) if "{" in value else str(value)
    if isinstance(value, Mapping):
        return {str(key): _as_is(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_is(each) for each in value]
    return value


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(_NoTemplate, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text), style='"'))
