# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules that change models share: their options, and what they return."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ._bundle.roles import Roles
from ._model.deployment import Deployment, Plan, Wanted
from ._model.lock import Lock
from ._model.process import RUN_VARIABLE, number_of
from ._model.servers import Servers
from ._model.state import State
from ._model.store import Store

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


def servers(params: Mapping[str, Any]) -> Servers:
    return Servers(params["model"], params["client_config"])


def state(module: AnsibleModule) -> State:
    """The model as it is. Raises InvalidInput where there is none."""
    store = Store(servers(module.params), module.params["remotes"])
    found = store.read()
    if found is None:
        raise store.no_model()
    return found


def roles(params: Mapping[str, Any]) -> Roles:
    charms = {str(charm): str(role) for charm, role in params["charms"].items()}
    return Roles(charms, tuple(params["roles_path"]))


def machines(module: AnsibleModule) -> dict[str, str]:
    """Where those of the bundle are to be, by their numbers; of a module that has no such option, nowhere."""
    return {str(number): str(place) for number, place in (module.params.get("machines") or {}).items()}


def change(module: AnsibleModule, plan: Plan, *, may_make: bool) -> dict[str, Any]:
    """Carry a plan out, or in check mode only say what it is: the module's result. may_make: a model that is not there."""
    params = module.params
    images = {str(series): str(image) for series, image in params["images"].items()}
    if params["image"]:
        images[""] = params["image"]
    wanted = Wanted(
        roles=roles(module.params),
        images=images,
        profiles=params["profiles"],
        machines=machines(module),
        wait_for=params["wait_for"],
        take_over=params["take_over"],
        timeout=params["timeout"],
        run=os.environ.get(RUN_VARIABLE, ""),
    )
    deployment = Deployment(servers(module.params), params["remotes"], wanted, plan, may_make=may_make)
    draft, token = deployment.draft(), ""
    if draft.texts and module.check_mode:
        deployment.check(draft)
    elif draft.texts:
        done = deployment.perform(draft)
        draft, token = done.draft, done.token
        if done.orphaned is not None:
            module.warn(_orphaned(params["model"], done.orphaned))
    return {"changed": bool(draft.texts), "changes": list(draft.texts), "lock": token}


def _orphaned(model: str, lock: Lock) -> str:
    since = time.strftime("%H:%M:%S", time.localtime(lock.since))
    return (
        f"The run of {lock.who} that was changing model {model} since {since} is gone (process {number_of(lock.run)}):"
        " this one goes on in its place"
    )
