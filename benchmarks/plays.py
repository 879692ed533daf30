# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks whose modules run where Ansible does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ANSIBLES_OWN = "{{ ansible_playbook_python }}"


def on_localhost(
    file: Path, tasks: Sequence[Any], *plays_after: dict[str, Any], python: str = ANSIBLES_OWN
) -> tuple[str, ...]:
    """Write the playbook, JSON being YAML enough, and return the command line that runs it."""
    variables = {"ansible_python_interpreter": python}
    first = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": variables, "tasks": tasks}
    file.write_text(json.dumps([first, *plays_after]))
    return ("ansible-playbook", "-i", "localhost,", str(file))
