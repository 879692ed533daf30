# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells modules that change models which process they work for.

A module ends with its task, and so does the worker that runs it. What lasts as long as the run is the worker's parent.
"""

from __future__ import annotations

import os
from typing import Any

from ansible.plugins.action import normal

from ..module_utils._model.process import RUN_VARIABLE, name_of


class ActionModule(normal.ActionModule):  # type: ignore[misc]  # Ansible comes without types
    """Runs the module as without an action plugin, and names it the process that runs the playbook."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Any:
        environment = self._task.environment
        self._task.environment = [*(environment or []), {RUN_VARIABLE: name_of(os.getppid())}]
        try:
            return super().run(tmp, task_vars)
        finally:
            self._task.environment = environment
