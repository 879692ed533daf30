# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as the servers store them, and how what the user names is laid over what is there.

Both servers keep every config value and device option as text. Only what the user named is compared and changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._api.errors import InvalidInput

# Keys the server or the image writes; nobody's to take away by not naming them.
SERVER_OWNED = ("volatile.", "image.")

Devices = dict[str, dict[str, str]]


def as_stored(value: Any) -> str:
    """A value of a playbook as the server would store it: ``True`` is ``true``, 2 is ``2``. Raises InvalidInput."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    # The value is not shown: it may be a secret that only has the wrong form.
    raise InvalidInput(f"a value has to be text, a number or a boolean, and not a {type(value).__name__}")


def merge_config(
    current: Mapping[str, str], wanted: Mapping[str, Any] | None, *, exact: bool, owner: str
) -> dict[str, str]:
    """current with the wanted keys set, and those that are null unset. exact: no others are kept but the server's own.

    owner is whose config it is, for the message. Raises InvalidInput for a value that is none.
    """
    if wanted is None:
        if exact:
            raise InvalidInput(f"exact names config, and no config of {owner} is given")
        return dict(current)
    kept = {key: value for key, value in current.items() if not exact or key.startswith(SERVER_OWNED)}
    return _merge(kept, wanted, owner)


def merge_devices(
    current: Mapping[str, Mapping[str, str]], wanted: Mapping[str, Any] | None, *, exact: bool, owner: str
) -> Devices:
    """The same for devices: one that is null is removed, of the others the options named are set.

    owner is whose devices they are, for the message. Raises InvalidInput for a device with no type.
    """
    merged: Devices = {name: dict(options) for name, options in current.items()}
    if wanted is None:
        if exact:
            raise InvalidInput(f"exact names devices, and no devices of {owner} are given")
        return merged
    if exact:
        merged = {name: options for name, options in merged.items() if name in wanted}
    for name, options in wanted.items():
        if options is None:
            merged.pop(name, None)
            continue
        if not isinstance(options, Mapping):
            raise InvalidInput(f"device {name} of {owner} has to be a map of options, or null to remove it")
        merged[name] = _merge({} if exact else merged.get(name, {}), options, f"device {name} of {owner}")
        if not merged[name].get("type"):
            raise InvalidInput(
                f"device {name} of {owner} has no type: it is not there yet, so say type: disk, nic, proxy, ..."
                " (to change one that a profile gives, name all its options here)"
            )
    return merged


def changed_keys(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """The keys that are set, unset or different."""
    return {key for key in {*before, *after} if before.get(key) != after.get(key)}


def _merge(current: Mapping[str, str], wanted: Mapping[str, Any], owner: str) -> dict[str, str]:
    merged = dict(current)
    for key, value in wanted.items():
        # An unset key reads as empty text, and empty text is how the API unsets one.
        if value is None or value == "":
            merged.pop(key, None)
        else:
            try:
                merged[key] = as_stored(value)
            except InvalidInput as error:
                raise InvalidInput(f"{key} of {owner}: {error}") from error
    return merged
