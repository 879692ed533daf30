# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints how a model is, so that a person reads it as it is and not as a value in a result."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import normal
from ansible.utils.display import Display


class ActionModule(normal.ActionModule):  # type: ignore[misc]  # Ansible comes without types
    """Runs the module as without an action plugin, and prints what it returns as text."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Any:
        result = super().run(tmp, task_vars)
        if result.get("text") and not self._task.no_log:
            Display().display(result["text"])
        return result
