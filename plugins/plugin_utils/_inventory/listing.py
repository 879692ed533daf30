# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one remote says when asked for its containers."""

from __future__ import annotations

from typing import Any

from ...module_utils._api.client import Client, path
from ...module_utils._api.deadline import Deadline
from ...module_utils._lxc import host
from ...module_utils._remotes.resolve import connect
from .sources import ALL_PROJECTS, Source

STOPPED = 102
# Elements of GET /1.0/instances with what Container reads of them, and no more: it is also what a cache keeps.
Instances = list[dict[str, Any]]

_FIELDS = (
    "name",
    "kind",
    "project",
    "type",
    "status",
    "architecture",
    "location",
    "description",
    "created_at",
    "ephemeral",
    "profiles",
    "expanded_config",
    "expanded_devices",
    "error",
)


def list_instances(source: Source, *, addresses: bool, timeout: float) -> Instances:
    """All instances of the source's projects: one request a project, or one for all of them.

    Addresses are part of the state (``recursion=2``), which costs the server milliseconds for every container, also for one
    that is stopped and has none: they are asked for, by a second request, only where a container is not stopped. timeout is
    in seconds, for each request. Raises FlotillaError.
    """
    if host.is_meant(source.access):
        return [_classic(one) for one in host.meant(source.access).described(with_state=addresses)]
    client = connect(source.access)
    try:
        if source.projects == ALL_PROJECTS:
            found = _get(client, addresses, timeout, **{"all-projects": "true"})
        else:
            scoped = [client.scoped(project=project) for project in source.projects] or [client]
            found = [one for each in scoped for one in _of_project(each, addresses, timeout)]
    finally:
        client.transport.close()
    return sorted((_kept(one) for one in found), key=lambda one: (one.get("project") or "", one["name"]))


def _of_project(client: Client, addresses: bool, timeout: float) -> Instances:
    found = _get(client, addresses, timeout)
    if not found:
        client.require_project()
    return found


def _get(client: Client, addresses: bool, timeout: float, **terms: str) -> Instances:
    def at_depth(recursion: str) -> Instances:
        query = {"recursion": recursion, **terms}
        answer = client.send("GET", path("instances"), doing="list containers", query=query, deadline=Deadline(timeout))
        return list(answer.metadata or ())

    found = at_depth("1")
    if addresses and any(instance.get("status_code") != STOPPED for instance in found):
        return at_depth("2")
    return found


def _classic(described: dict[str, Any]) -> dict[str, Any]:
    return _kept({**described, "expanded_config": described["config"]})


def _kept(instance: dict[str, Any]) -> dict[str, Any]:
    kept = {key: instance[key] for key in _FIELDS if key in instance}
    if "state" in instance:
        # null for an instance whose cluster member does not answer.
        kept["state"] = {"network": (instance["state"] or {}).get("network")}
    return kept
