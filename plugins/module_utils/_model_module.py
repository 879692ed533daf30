# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules that change models share: their options, and what they return."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ._bundle.roles import Roles
from ._model.deployment import Deployment, Plan, Wanted
from ._model.servers import Servers

# Documented in plugins/doc_fragments/model.py.
MODEL_OPTIONS: Mapping[str, Any] = {
    "model": {"type": "str", "required": True},
    "remotes": {"type": "list", "elements": "str", "required": True},
    "client_config": {"type": "str", "choices": ["auto", "lxc", "incus"], "default": "auto"},
}
ROLES_OPTIONS: Mapping[str, Any] = {
    "charms": {"type": "dict", "default": {}},
    "roles_path": {"type": "list", "elements": "path", "default": []},
}
CHANGE_OPTIONS: Mapping[str, Any] = {
    "image": {"type": "str"},
    "images": {"type": "dict", "default": {}},
    "profiles": {"type": "list", "elements": "str"},
    "wait_for": {"type": "list", "elements": "str", "default": ["ipv4"]},
    "take_over": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 600},
}


def servers(module: AnsibleModule) -> Servers:
    return Servers(module.params["model"], module.params["client_config"])


def roles(module: AnsibleModule) -> Roles:
    charms = {str(charm): str(role) for charm, role in module.params["charms"].items()}
    return Roles(charms, tuple(module.params["roles_path"]))


def change(module: AnsibleModule, plan: Plan, *, may_make: bool) -> dict[str, Any]:
    """Carry a plan out, or in check mode only say what it is: the module's result. may_make: a model that is not there."""
    params = module.params
    images = {str(series): str(image) for series, image in params["images"].items()}
    if params["image"]:
        images[""] = params["image"]
    wanted = Wanted(
        roles=roles(module),
        images=images,
        profiles=params["profiles"],
        machines={str(number): str(place) for number, place in (params.get("machines") or {}).items()},
        wait_for=params["wait_for"],
        take_over=params["take_over"],
        timeout=params["timeout"],
    )
    deployment = Deployment(servers(module), params["remotes"], wanted, plan, may_make=may_make)
    draft, lock = deployment.draft(), ""
    if draft.texts and module.check_mode:
        deployment.check(draft)
    elif draft.texts:
        draft, lock = deployment.perform(draft)
    return {"changed": bool(draft.texts), "changes": list(draft.texts), "lock": lock}
