# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading for the info modules: one object by name, or all there are. What is not there is an empty list, not an error."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from .._api.client import Client, path
from .snapshot import in_order_of_time

Objects = list[dict[str, Any]]


def containers(client: Client, name: str | None, *, with_state: bool, all_projects: bool) -> Objects:
    """Instances as the API gives them; with_state: with ``state`` (addresses, use of memory and the like) in each."""
    if name is None:
        query = {"recursion": "2" if with_state else "1", **({"all-projects": "true"} if all_projects else {})}
        listed = client.send("GET", path("instances"), doing="list containers", query=query).metadata
        if not listed and not all_projects:
            client.require_project()
        return list(listed or ())
    found = client.find(path("instances", name), doing=f"read container {name}")
    if found is None:
        return []
    container = dict(found.metadata)
    if with_state:
        state = client.get(path("instances", name, "state"), doing=f"read state of container {name}")
        container["state"] = state.metadata
    return [container]


def profiles(client: Client, name: str | None) -> Objects:
    """Profiles as the API gives them."""
    if name is None:
        return list(client.get(path("profiles"), doing="list profiles", recursion="1").metadata or ())
    found = client.find(path("profiles", name), doing=f"read profile {name}")
    return [found.metadata] if found else []


def snapshots(client: Client, container: str | None, pattern: str) -> Objects:
    """Snapshots whose name matches, as the API gives them and with ``container``; of each the oldest first."""
    if container is None:
        query = {"recursion": "2"}
        instances = client.send("GET", path("instances"), doing="list containers", query=query).metadata or ()
        if not instances:
            client.require_project()
        of_each = {each["name"]: each.get("snapshots") or () for each in instances}
    else:
        doing = f"list snapshots of container {container}"
        found = client.find(path("instances", container, "snapshots"), doing=doing, recursion="1")
        of_each = {container: (found.metadata if found else None) or ()}
    return [
        {**snapshot, "container": name}
        for name, listed in sorted(of_each.items())
        for snapshot in in_order_of_time(list(listed))
        if fnmatchcase(snapshot["name"], pattern)
    ]
