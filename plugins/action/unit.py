# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publishes, from within a charm's role, what its unit says of itself."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..module_utils._api.errors import FlotillaError
from ..module_utils._model.publish import Published, check, publish
from ..module_utils._model.record import STATUSES
from ..module_utils._model.writing import update
from ..module_utils._remotes.resolve import Access, connect

OPTIONS = {
    "status": {"type": "str", "choices": list(STATUSES)},
    "message": {"type": "str"},
    "version": {"type": "str"},
    "ports": {"type": "list", "elements": "str"},
    "relations": {"type": "dict"},
    "application_data": {"type": "dict"},
}


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible comes without types
    """Runs on the controller: the unit's container is not contacted, its server is."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        task_vars = task_vars or {}
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(OPTIONS)
        unit = self._templar.template(task_vars.get("unit"))
        if not isinstance(unit, dict) or not {"name", "container", "remote", "project", "leader"} <= unit.keys():
            raise AnsibleActionFail(
                "there is no variable unit that says which one this is: flotilla.lxd.unit is a task of a role that"
                " the playbook flotilla.lxd.deploy runs as a charm"
            )
        client_config = self._templar.template(task_vars.get("ansible_flotilla_client_config", "auto"))
        try:
            result["changed"] = self._publish(unit, Published(**options), str(client_config))
        except FlotillaError as error:
            text = str(error)
            raise AnsibleActionFail(text[:1].upper() + text[1:]) from None
        return result

    def _publish(self, unit: dict[str, Any], published: Published, client_config: str) -> bool:
        name = str(unit["name"])
        check(name, bool(unit["leader"]), published)
        client = connect(Access(remote=unit["remote"], client_config=client_config, project=unit["project"]))
        return update(
            client,
            unit["container"],
            {name: lambda record: publish(name, record, published)},
            check=self._task.check_mode,
        )
