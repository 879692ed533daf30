# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mistakes in an inventory file, told apart before anything is asked."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from ...module_utils._api.errors import InvalidInput


def check(content: Mapping[str, Any], definitions: Mapping[str, Mapping[str, Any]]) -> None:
    """Whether the file has only options there are, and of choices only those there are. Raises InvalidInput.

    definitions is the documentation of the options by name. Types are Ansible's to check.
    """
    for key, value in content.items():
        refuse_unknown(f"unknown option {key}", key, definitions)
        choices = definitions[key].get("choices")
        for one in value if isinstance(value, list) else [value]:
            if choices and one is not None:
                refuse_unknown(f"{key}: {one} is no choice", one, choices)


def refuse_unknown(complaint: str, given: Any, known: Iterable[str]) -> None:
    """Raises InvalidInput, with what may have been meant, if given is not among what is known."""
    names = list(known)
    if given not in names:
        similar = difflib.get_close_matches(str(given), names, n=1)
        hint = f"did you mean {similar[0]}?" if similar else f"there are: {', '.join(names)}"
        raise InvalidInput(f"{complaint}: {hint}")
