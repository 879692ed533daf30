# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One step of a run over the units of a model."""

from __future__ import annotations

import getpass
import os
import socket
import time
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..module_utils._api.errors import FlotillaError
from ..module_utils._model import process
from ..module_utils._model.lock import Lock
from ..module_utils._model.steps import Ran, Step, Steps
from ..module_utils._model_module import MODEL_OPTIONS, ROLES_OPTIONS, roles, servers
from ..module_utils._module import sentence
from ..plugin_utils import _role_run

RAN_OPTIONS = {
    "step": {"type": "int", "required": True},
    "unit": {"type": "str", "required": True},
    "entry": {"type": "str", "required": True},
    "digest": {"type": "str", "default": ""},
    "failed": {"type": "str", "default": ""},
}
OPTIONS = {
    "lock": {"type": "str", "required": True},
    "step": {"type": "int"},
    "ran": {"type": "list", "elements": "dict", "default": [], "options": RAN_OPTIONS},
    "asked": {"type": "list", "elements": "str", "default": []},
    "skip_stop": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 600},
    **MODEL_OPTIONS,
    **ROLES_OPTIONS,
}


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible comes without types
    """Runs on the controller, where the roles are, and hands what they are to know to them in files that end with the run."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(OPTIONS)
        if self._task.check_mode:
            return {**result, "changed": False, "hosts": [], "containers": []}
        try:
            return {**result, **(_end(options) if options["step"] is None else _next(options))}
        except FlotillaError as error:
            raise AnsibleActionFail(sentence(error)) from None


def _next(options: dict[str, Any]) -> dict[str, Any]:
    number = options["step"]
    ran = [Ran(**each) for each in options["ran"] if each["step"] == number - 1]
    step = _steps(options).next(number, ran, options["asked"], skip_stop=options["skip_stop"])
    containers = [_host(each.name, each.remote, options["model"]) for each in step.containers]
    return {"changed": False, "step": number, "hosts": _hosts(step, options["model"]), "containers": containers}


def _end(options: dict[str, Any]) -> dict[str, Any]:
    ending = _steps(options).finish(skip_stop=options["skip_stop"])
    return {
        "changed": bool(ending.removed),
        "failed_units": dict(ending.failed),
        "unsettled": list(ending.unsettled),
        "removed": list(ending.removed),
        "warnings": list(ending.closed),
    }


def _steps(options: dict[str, Any]) -> Steps:
    now = int(time.time())
    who = f"{getpass.getuser()}@{socket.gethostname()}"
    return Steps(
        servers(options),
        options["remotes"],
        roles(options),
        Lock(options["lock"], who, now, now, step=process.name_of(os.getpid())),
        options["timeout"],
    )


def _hosts(step: Step, model: str) -> list[dict[str, Any]]:
    """By container, in the order of the runs: it runs one at a time."""
    hosts: dict[str, dict[str, Any]] = {}
    for run, role in step.runs:
        container = run.container
        host = hosts.setdefault(container.name, {**_host(container.name, container.remote, model), "runs": []})
        # Ansible removes this directory when the playbook ends, however it ends.
        tasks = _role_run.write(run, role, constants.DEFAULT_LOCAL_TMP)
        host["runs"].append({"unit": run.unit, "entry": run.entry, "digest": run.digest, "tasks": tasks})
    return list(hosts.values())


def _host(container: str, remote: str, model: str) -> dict[str, Any]:
    return {"host": container, "remote": remote, "project": model}
