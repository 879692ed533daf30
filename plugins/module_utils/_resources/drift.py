# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which containers were made from an image that is no longer what its alias stands for.

A container does not keep the alias it was made by: only the image's fingerprint (``volatile.base_image``), and the image's
properties (``image.*``). Source: doc/config-options of LXD and Incus.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .._api.client import Client, path
from . import listing
from .image_listing import aliases, images
from .listing import Objects

_BASE = "volatile.base_image"
# What makes an image the successor of another. A description has a date in it.
_SAME = ("os", "release", "variant", "architecture")
CURRENT, DRIFTED, UNKNOWN = "current", "drifted", "unknown"


@dataclass(frozen=True)
class Drift:
    """How a container stands to the images. alias: None where none can be told; image: what that stands for now.

    state: CURRENT, DRIFTED or UNKNOWN; reason: for people.
    """

    container: str
    project: str
    base_image: str
    alias: str | None
    image: str | None
    state: str
    reason: str


def report(stored: Objects, containers: Objects) -> list[Drift]:
    """Of all containers made from an image. stored: all images of their project. Both as the API gives them."""
    named = [image for image in stored if image.get("aliases")]
    by_fingerprint = {image["fingerprint"]: image for image in stored}
    return [
        _drift(container, by_fingerprint.get(container["config"][_BASE]), named)
        for container in containers
        if container["config"].get(_BASE)
    ]


def of_project(client: Client, stored: Objects) -> list[Drift]:
    """Of the containers of the client's project. stored: its images."""
    return report(stored, listing.containers(client, None, with_state=False, all_projects=False))


def of_all_projects(client: Client) -> list[Drift]:
    """Of all containers that the client may see. Asks once for each project that has images of its own."""
    projects = client.get(path("projects"), doing="list projects", recursion="1").metadata
    own = {project["name"] for project in projects if project["config"].get("features.images") == "true"}
    by_store: dict[str, Objects] = {}
    for container in listing.containers(client, None, with_state=False, all_projects=True):
        by_store.setdefault(container["project"] if container["project"] in own else "default", []).append(container)
    found = []
    for containers in by_store.values():
        # By a project that can be seen: the default one may not be.
        store = client.scoped(project=containers[0]["project"])
        found += report(images(store), containers)
    return sorted(found, key=lambda drift: (drift.project, drift.container))


def _drift(container: Mapping[str, Any], base: Mapping[str, Any] | None, named: Iterable[Mapping[str, Any]]) -> Drift:
    def drift(image: Mapping[str, Any] | None, state: str, reason: str) -> Drift:
        return Drift(
            container=container["name"],
            project=container.get("project") or "default",
            base_image=container["config"][_BASE],
            alias=aliases(image)[0] if image else None,
            image=image["fingerprint"] if image else None,
            state=state,
            reason=reason,
        )

    if base is not None and aliases(base):
        return drift(base, CURRENT, f"alias {aliases(base)[0]} stands for its image")
    gone = "its image is no longer in the store" if base is None else "no alias stands for its image any more"
    kept = {key: container["config"].get(f"image.{key}", "") for key in _SAME}
    if not kept["os"] and not kept["release"]:
        return drift(None, UNKNOWN, f"{gone}, and it keeps neither os nor release of it")
    alike = [image for image in named if _is_alike(image, kept, container)]
    described = " ".join(value for value in kept.values() if value)
    if not alike:
        return drift(None, UNKNOWN, f"{gone}, and none that has an alias is of {described}")
    newest = max(alike, key=lambda image: str(image.get("created_at")))
    reason = f"{gone}, and alias {aliases(newest)[0]} stands for another one of {described}"
    if len(alike) > 1:
        reason += f", the newest of {len(alike)}"
    return drift(newest, DRIFTED, reason)


def _is_alike(image: Mapping[str, Any], kept: Mapping[str, str], container: Mapping[str, Any]) -> bool:
    properties = image.get("properties") or {}
    return image.get("type") == container.get("type") and all(
        properties.get(key, "") == value for key, value in kept.items()
    )
