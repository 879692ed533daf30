# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge between the layers below and Ansible's modules: shared options, and errors as Ansible tells them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any, Callable, NoReturn

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ._api.client import Client
from ._api.deadline import REQUEST_SECONDS
from ._api.errors import ApiError, FlotillaError, MissingLibrary
from ._api.progress import PIPE_VARIABLE, through_pipe
from ._remotes.resolve import Access, connect
from ._resources.plan import Outcome

# Documented in plugins/doc_fragments/remote.py.
REMOTE_OPTIONS: Mapping[str, Any] = {
    "remote": {"type": "str"},
    "client_config": {"type": "str", "choices": ["auto", "lxc", "incus"], "default": "auto"},
    "project": {"type": "str"},
    "url": {"type": "str"},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path", "no_log": False},
    "server_cert": {"type": "str"},
}

# Documented in plugins/doc_fragments/wait.py.
WAIT_OPTIONS: Mapping[str, Any] = {"timeout": {"type": "int", "default": 600}}
_LONGEST_TIMEOUT = 1_000_000


def run(
    action: Callable[[AnsibleModule], dict[str, Any]],
    options: Mapping[str, Any],
    *,
    constraints: Mapping[str, Any] | None = None,
    remote_options: bool = True,
) -> None:
    """Run a module's action and leave: with its result, or with one sentence about what went wrong.

    remote_options: the module acts on a server, and takes the options that say which.
    """
    module = AnsibleModule(
        argument_spec={**(REMOTE_OPTIONS if remote_options else {}), **options},
        supports_check_mode=True,
        **({"required_together": [("client_cert", "client_key")]} if remote_options else {}),
        **(constraints or {}),
    )
    _check_common(module, remote_options)
    try:
        result = action(module)
    except FlotillaError as error:
        fail(module, error)
    module.exit_json(**result)


def access(module: AnsibleModule) -> Access:
    """How the task says which server is meant."""
    return Access(**{key: module.params[key] for key in REMOTE_OPTIONS})


def target_access(module: AnsibleModule, remote: str, project: str | None = None) -> Access:
    """How the task says which other server is meant: by a name, in the same client configuration as the first."""
    return Access(remote=remote, client_config=module.params["client_config"], project=project)


def client(module: AnsibleModule, other: Access | None = None) -> Client:
    """A client for the task's remote and project, or for another. No single request takes longer than the user allows for
    all of it.
    """
    made = connect(other or access(module))
    made.transport.request_seconds = min(REQUEST_SECONDS, module.params.get("timeout", REQUEST_SECONDS))
    # Set by the action plugin of the module's name, while a person looks on.
    if PIPE_VARIABLE in os.environ:
        made.progress = through_pipe(os.environ[PIPE_VARIABLE])
    return made


def fail(module: AnsibleModule, error: FlotillaError, **result: Any) -> NoReturn:
    """Leave with what went wrong; result: what had been done before."""
    module.fail_json(msg=sentence(error), **{**result, **_facts(error)})
    raise AssertionError("fail_json does not return") from error


def named(wanted: type[Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """The module's parameters that are fields of a resource's Wanted, as its arguments."""
    fields = {one.name for one in dataclasses.fields(wanted)} & params.keys()
    return {name: frozenset(params[name]) if name == "exact" else params[name] for name in fields}


def result(module: AnsibleModule, outcome: Outcome[Any], noun: str) -> dict[str, Any]:
    """A module's result: what was done, and the object under its noun, unless it is absent."""
    there = dict(outcome.state.content or {})
    if outcome.checked_only and outcome.changed:
        there = {**there, **outcome.plan.predicted} if outcome.plan.after else {}
    return {**told(module, outcome), **({noun: there} if there else {})}


def told(module: AnsibleModule, outcome: Outcome[Any]) -> dict[str, Any]:
    """What was done, without the object; the plan's warnings are given."""
    for warning in outcome.plan.warnings:
        module.warn(warning)
    return outcome.result()


def _check_common(module: AnsibleModule, remote_options: bool) -> None:
    """What no argument spec can say."""
    if remote_options and not module.params["url"]:
        stray = [name for name in ("client_cert", "client_key", "server_cert") if module.params[name]]
        if stray:
            module.fail_json(
                msg=f"{', '.join(stray)} goes with url: a remote has its certificates in the configuration"
            )
    for name in ("timeout", "stop_timeout"):
        if not 1 <= module.params.get(name, 1) <= _LONGEST_TIMEOUT:
            module.fail_json(msg=f"{name} is {module.params[name]}, and has to be from 1 to {_LONGEST_TIMEOUT} seconds")


def sentence(error: FlotillaError) -> str:
    if isinstance(error, MissingLibrary):
        return str(missing_required_lib(error.library))
    text = str(error)
    # What begins with the name of an option or a key stays as the user wrote it.
    return text[:1].upper() + text[1:] if text.startswith(("remote ", "device ")) else text


def _facts(error: FlotillaError) -> dict[str, Any]:
    """What a playbook can look at in a failed result, instead of at words."""
    if isinstance(error, ApiError):
        return {"error": {"remote": error.remote, "doing": error.doing, "status": error.status, "text": error.text}}
    return {}
