# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simplestreams tree: the files that make a web server an image server for LXD and Incus.

Source: shared/simplestreams/index.go and products.go of both.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from .._api.errors import InvalidInput
from .check import inspect
from .products import ProductName, aliases_of, files_of, product_name, published
from .tree_files import TreeError, copy, inside, locked, make_directory, read_json, remove, write_json
from .tree_parts import Image, is_ours, read_image
from .tree_plan import Observed, Plan, Wanted, check, plan_absent, plan_present, standing

INDEX = "streams/v1/index.json"
_PRODUCTS = "streams/v1/images.json"
_ENTRY = "images"
_DATATYPE = "image-downloads"
_FORMAT = "products:1.0"


@dataclass(frozen=True)
class Outcome:
    """What ensure() did, or in check mode would do."""

    plan: Plan
    name: ProductName
    fingerprint: str | None

    def result(self) -> dict[str, Any]:
        """A module's result."""
        result: dict[str, Any] = {"changed": bool(self.plan.actions), "actions": list(self.plan.actions)}
        if self.plan.actions:
            result["diff"] = {"before": _shown(self.plan.before), "after": _shown(self.plan.after)}
        if self.plan.after is not None:
            result["product"] = describe(self.name, self.plan.after)
        if self.plan.version is not None:
            result["version"] = self.plan.version
            result["fingerprint"] = self.fingerprint
        return result


def ensure(wanted: Wanted, *, checked_only: bool) -> Outcome:
    """Bring a product of a tree to where the user wants it; with checked_only say how. Raises FlotillaError."""
    name = product_name(wanted.os, wanted.release, wanted.architecture, wanted.variant)
    check(wanted)
    present = wanted.state == "present"
    with _held(wanted.path, make=present and not checked_only):
        tree = _Tree.read(wanted.path)
        seen = tree.observed(name)
        image, fingerprint = None, None
        if not present:
            plan = plan_absent(wanted, name, seen)
        else:
            image, fingerprint = _needed(wanted, name, seen, checked_only)
            plan = plan_present(wanted, name, seen, image, fingerprint, time.time())
            if plan.copied and wanted.file and image:
                inspect(wanted.file, wanted.rootfs)
        if plan.actions and not checked_only:
            tree.carry_out(name, plan, image)
    return Outcome(plan, name, fingerprint)


@contextmanager
def _held(root: str, *, make: bool) -> Iterator[None]:
    """The tree is nobody else's meanwhile. make: its root is made if need be, and gone again if nothing came of it."""
    if not os.path.isdir(root) and not make:
        yield
        return
    was_there = os.path.isdir(root)
    make_directory(os.path.abspath(root))
    try:
        with locked(root):
            yield
    except BaseException:
        if not was_there:
            with suppress(OSError):  # is not empty
                os.rmdir(root)
        raise


def describe(name: ProductName, product: Mapping[str, Any]) -> dict[str, Any]:
    """A product in the words of the options, its versions newest first."""
    return {
        "name": name.key,
        "os": product.get("os", name.os),
        "release": name.release,
        "release_title": product.get("release_title", name.release),
        "variant": name.variant,
        "architecture": name.architecture,
        "aliases": list(aliases_of(product)),
        "requirements": dict(product.get("requirements") or {}),
        "versions": [
            {
                "version": version,
                "images": [
                    {"type": one.type, "fingerprint": one.fingerprint, "files": list(one.files), "size": one.size}
                    for one in published(content)
                ],
            }
            for version, content in sorted(product["versions"].items(), reverse=True)
        ],
    }


@dataclass(frozen=True)
class _Tree:
    """where: the products file that is ours to write, relative to the root."""

    root: str
    index: Mapping[str, Any]
    where: str
    document: Mapping[str, Any]
    others: Mapping[str, Any]

    @classmethod
    def read(cls, root: str) -> _Tree:
        """Raises TreeError for a tree that is broken."""
        index = read_json(root, INDEX)
        entries = index.get("index") or {}
        if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
            raise TreeError(f"{os.path.join(root, INDEX)} is not the index of a simplestreams tree: mend or remove it")
        entry = entries.get(_ENTRY, {"datatype": _DATATYPE})
        if entry.get("datatype") != _DATATYPE:
            raise TreeError(f"{os.path.join(root, INDEX)} has something else than images by the name {_ENTRY}")
        others: dict[str, Any] = {}
        for key, other in entries.items():
            if key != _ENTRY and other.get("datatype") == _DATATYPE and other.get("path"):
                others.update(_products(root, other["path"])["products"])
        where = entry.get("path") or _PRODUCTS
        return cls(root, index, where, _products(root, where), others)

    def observed(self, name: ProductName) -> Observed:
        """Raises TreeError."""
        products = self.document["products"]
        versions = products[name.key]["versions"] if name.key in products else {}
        broken = frozenset(version for version, content in versions.items() if not self._is_whole(content))
        return Observed(products, self.others, broken, self._strays(name), self._indexed(products) == self.index)

    def carry_out(self, name: ProductName, plan: Plan, image: Image | None) -> None:
        """At every moment, all that the tree names is there: it may be served, and this may be interrupted."""
        products = {key: value for key, value in self.document["products"].items() if key != name.key}
        if plan.after is not None:
            products[name.key] = plan.after
        if plan.copied and image and plan.version:
            self._copy(name, plan, image)
        document = {
            "content_id": _ENTRY,
            "datatype": _DATATYPE,
            "format": _FORMAT,
            **self.document,
            "products": products,
        }
        if document != self.document:
            write_json(self.root, self.where, document)
        index = self._indexed(products)
        if index != self.index:
            write_json(self.root, INDEX, index)
        named = self._named(products)
        for path in plan.removed:
            if path not in named:
                remove(self.root, path)

    def _copy(self, name: ProductName, plan: Plan, image: Image) -> None:
        """Nothing of it is left if it fails."""
        named = self._named(self.document["products"])
        targets = {f"{name.directory}/{plan.version}/{part.name}": part for part in image.parts}
        try:
            for path, part in targets.items():
                copy(part.path, self.root, path, part.sha256)
        except BaseException:
            for path in targets:
                if path not in named:
                    remove(self.root, path)
            raise

    def _indexed(self, products: Mapping[str, Any]) -> dict[str, Any]:
        """The index with these products in it."""
        entries = self.index.get("index") or {}
        if not products and _ENTRY not in entries:
            return dict(self.index)
        entry = entries.get(_ENTRY, {})
        names = entry.get("products")
        if not isinstance(names, list) or set(names) != set(products):
            names = sorted(products)
        ours = {**entry, "datatype": _DATATYPE, "path": self.where, "format": _FORMAT, "products": names}
        return {"format": "index:1.0", **self.index, "index": {**entries, _ENTRY: ours}}

    def _named(self, products: Mapping[str, Any]) -> set[str]:
        everyone = [*products.values(), *self.others.values()]
        return {path for product in everyone for version in product["versions"].values() for path in files_of(version)}

    def _is_whole(self, version: Mapping[str, Any]) -> bool:
        for path, size in files_of(version).items():
            where = inside(self.root, path)
            if not os.path.isfile(where) or size not in (None, os.path.getsize(where)):
                return False
        return True

    def _strays(self, name: ProductName) -> tuple[str, ...]:
        """What interrupted runs left where the product's files are."""
        named = self._named(self.document["products"])
        directory = inside(self.root, name.directory)
        found = []
        for version in sorted(os.listdir(directory)) if os.path.isdir(directory) else []:
            files = (
                os.listdir(os.path.join(directory, version)) if os.path.isdir(os.path.join(directory, version)) else []
            )
            found += [f"{name.directory}/{version}/{file}" for file in files if is_ours(file)]
        return tuple(path for path in found if path not in named)


def _needed(wanted: Wanted, name: ProductName, seen: Observed, checked_only: bool) -> tuple[Image | None, str | None]:
    """The image, if its files have to be looked at, and its fingerprint, if one is meant at all."""
    if wanted.fingerprint:
        version = standing(wanted, name, seen, wanted.fingerprint)
        files_missing = wanted.file is None or not os.path.exists(wanted.file)
        if (version is not None and version not in seen.broken) or (checked_only and files_missing):
            return None, wanted.fingerprint
        if wanted.file is None:
            raise InvalidInput(
                f"product {name.key} has no image {wanted.fingerprint[:12]}: file is needed to publish it"
            )
    image = _read_wanted(wanted, name)
    return image, image.fingerprint if image else None


def _read_wanted(wanted: Wanted, name: ProductName) -> Image | None:
    if wanted.file is None:
        return None
    image = read_image(wanted.file, wanted.rootfs)
    if wanted.fingerprint and image.fingerprint != wanted.fingerprint:
        raise InvalidInput(
            f"image file {wanted.file} is not the image wanted: its fingerprint is {image.fingerprint}, and"
            f" {wanted.fingerprint} is asked for"
        )
    if image.architecture not in (None, name.architecture):
        raise InvalidInput(
            f"image file {wanted.file} is for {image.architecture}, and product {name.key} is for {name.architecture}"
        )
    return image


def _products(root: str, path: str) -> dict[str, Any]:
    """A products file, its products what they should be as far as is looked at here. Raises TreeError."""
    document = {"products": {}, **read_json(root, path)}
    products = document["products"]
    if not isinstance(products, dict) or not all(_is_product(product) for product in products.values()):
        raise TreeError(
            f"{os.path.join(root, path)} has products that are none: mend it, or remove it to have it made anew"
        )
    return document


def _is_product(product: Any) -> bool:
    if not isinstance(product, dict):
        return False
    versions = product.get("versions")
    return isinstance(versions, dict) and all(
        isinstance(version, dict)
        and isinstance(version.get("items"), dict)
        and all(isinstance(item, dict) for item in version["items"].values())
        for version in versions.values()
    )


def _shown(product: Mapping[str, Any] | None) -> dict[str, Any]:
    """A product as the user reads it in a diff."""
    if product is None:
        return {}
    versions = {
        version: [one.fingerprint for one in published(content)] for version, content in product["versions"].items()
    }
    return {**product, "versions": versions}
