# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is planned for a product of a simplestreams tree: a pure function of what is there and what is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._api.errors import InvalidInput
from .metadata import texts
from .products import (
    ProductName,
    aliases_of,
    check_aliases,
    check_version,
    files_of,
    new_version,
    published,
    types_of,
)
from .tree_parts import Image


@dataclass(frozen=True)
class Wanted:
    """The options of the simplestreams module."""

    path: str
    os: str
    release: str
    architecture: str
    variant: str = "default"
    state: str = "present"
    release_title: str | None = None
    aliases: list[str] | None = None
    requirements: Mapping[str, Any] | None = None
    version: str | None = None
    file: str | None = None
    rootfs: str | None = None
    fingerprint: str | None = None
    keep: int | None = None


@dataclass(frozen=True)
class Observed:
    """The tree as far as it matters here. products: of the products file that is ours to write.

    others: products of the tree's other products files; broken: versions of the product of which files are missing or of
    another size; strays: files of no version, where the product's files are.
    """

    products: Mapping[str, Any] = field(default_factory=dict)
    others: Mapping[str, Any] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()
    strays: tuple[str, ...] = ()
    indexed: bool = True


@dataclass(frozen=True)
class Plan:
    """before, after: the product as in the products file, None where there is none. version: the one that has the image.

    copied: whether the image's files go to that version; removed: files to be removed, once nobody names them.
    """

    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    actions: tuple[str, ...]
    version: str | None = None
    copied: bool = False
    removed: tuple[str, ...] = ()


def check(wanted: Wanted) -> None:
    """Raises InvalidInput for options that cannot be, whatever there is."""
    check_aliases(tuple(wanted.aliases or ()))
    if wanted.version is not None:
        check_version(wanted.version)
    if wanted.keep is not None and wanted.keep < 1:
        raise InvalidInput(f"keep is {wanted.keep}, and has to be 1 or more: state: absent removes a product")


def standing(wanted: Wanted, name: ProductName, seen: Observed, fingerprint: str | None) -> str | None:
    """The version that has the image of this fingerprint already and is to be kept."""
    versions = (seen.products.get(name.key) or {}).get("versions") or {}
    kept = sorted(versions, reverse=True)[: wanted.keep]
    return next((one for one in kept if fingerprint in {image.fingerprint for image in published(versions[one])}), None)


def plan_present(
    wanted: Wanted, name: ProductName, seen: Observed, image: Image | None, fingerprint: str | None, now: float
) -> Plan:
    """What is to be done. Raises InvalidInput for what cannot be.

    image: None where its files were not looked at; fingerprint: of the image, None where only the product's words are
    meant; now: in seconds since 1970.
    """
    before = seen.products.get(name.key)
    if before is None and fingerprint is None:
        raise InvalidInput(f"product {name.key} is not in the tree {wanted.path}: file is needed to make it")
    versions = dict((before or {}).get("versions") or {})
    version = standing(wanted, name, seen, fingerprint)
    actions = []
    if version is not None and version in seen.broken:
        actions.append("restore")
        versions[version] = _with_image(name, version, image)
    elif version is None and fingerprint is not None:
        version = _free_version(wanted, name, versions, image, now)
        actions.append("publish")
        versions[version] = _with_image(name, version, image)
    copied = bool(actions)
    pruned = sorted(versions, reverse=True)[wanted.keep :] if wanted.keep else []
    if version in pruned:
        raise InvalidInput(
            f"version {version} of product {name.key} is older than the {wanted.keep} that are kept: raise keep, or name a"
            " newer version"
        )
    after = {**_described(wanted, name, before or {}), "versions": _without(versions, pruned)}
    _refuse_clashes(name, seen, after, image, fingerprint)
    if before is not None and _words(before) != _words(after):
        actions.append("update")
    actions += ["prune"] if pruned else []
    return _plan(seen, before, after, actions, version, copied)


def plan_absent(wanted: Wanted, name: ProductName, seen: Observed) -> Plan:
    """What is to be done to be rid of a version or, if none is named, of the product."""
    before = seen.products.get(name.key)
    if before is None:
        return _plan(seen, None, None, [], None, False)
    gone = list(before["versions"]) if wanted.version is None else [wanted.version]
    left = _without(before["versions"], gone)
    after = {**before, "versions": left} if left else None
    return _plan(seen, before, after, ["delete"] if after != before else [], None, False)


def _plan(
    seen: Observed,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    actions: list[str],
    version: str | None,
    copied: bool,
) -> Plan:
    still = {path for one in ((after or {}).get("versions") or {}).values() for path in files_of(one)}
    gone = {path for one in ((before or {}).get("versions") or {}).values() for path in files_of(one)} - still
    strays = set(seen.strays) - gone - still
    if strays:
        actions = [*actions, "sweep"]
    if not actions and not seen.indexed:
        actions = ["index"]
    return Plan(before, after, tuple(actions), version, copied, tuple(sorted(gone | strays)))


def _with_image(name: ProductName, version: str, image: Image | None) -> dict[str, Any]:
    return {"items": image.items(f"{name.directory}/{version}") if image else {}}


def _free_version(
    wanted: Wanted, name: ProductName, versions: Mapping[str, Any], image: Image | None, now: float
) -> str:
    if wanted.version is None:
        return new_version(versions, image.created if image else None, now)
    if wanted.version in versions:
        raise InvalidInput(
            f"version {wanted.version} of product {name.key} has another image, and clients may have that already: name"
            " another version"
        )
    return wanted.version


def _described(wanted: Wanted, name: ProductName, before: Mapping[str, Any]) -> dict[str, Any]:
    """The product's own words; what was not named stays."""
    aliases = aliases_of(before) if wanted.aliases is None else tuple(dict.fromkeys(wanted.aliases))
    if not before and wanted.aliases is None:
        aliases = (name.usual_alias,)
    requirements = dict(before.get("requirements") or {})
    for key, value in (wanted.requirements or {}).items():
        requirements.pop(key, None)
        if value is not None:
            requirements.update(texts({key: value}, f"product {name.key}: requirement"))
    described = {
        **before,
        "aliases": ",".join(aliases),
        "arch": name.architecture,
        "os": wanted.os,
        "release": name.release,
        "release_title": wanted.release_title or before.get("release_title") or name.release,
        "variant": name.variant,
    }
    if requirements or "requirements" in before:
        described["requirements"] = requirements
    return described


def _refuse_clashes(
    name: ProductName,
    seen: Observed,
    after: Mapping[str, Any],
    image: Image | None,
    fingerprint: str | None,
) -> None:
    """What would have clients get another image, or none: they know an image by its alias, type and architecture."""
    types = types_of(after) | ({image.type} if image else set())
    for key, other in [*seen.products.items(), *seen.others.items()]:
        if key == name.key and other is seen.products.get(key):
            continue
        fingerprints = {one.fingerprint for version in other["versions"].values() for one in published(version)}
        if fingerprint in fingerprints:
            raise InvalidInput(
                f"image {str(fingerprint)[:12]} is in the tree already, as product {key}, and clients refuse an image that is"
                " there twice: give that product further aliases instead"
            )
        shared = sorted(set(aliases_of(after)) & set(aliases_of(other)))
        if shared and other.get("arch") == name.architecture and types & types_of(other):
            raise InvalidInput(f"alias {shared[0]} is that of product {key} already, for {name.architecture} as well")


def _words(product: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in product.items() if key != "versions"}


def _without(versions: Mapping[str, Any], gone: list[str]) -> dict[str, Any]:
    return {key: value for key, value in versions.items() if key not in gone}
