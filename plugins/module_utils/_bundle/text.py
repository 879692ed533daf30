# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._api.errors import InvalidInput

try:
    import yaml
except ImportError:
    yaml = None  # type: ignore[assignment]

_OVERLAY = "--- # overlay.yaml\n"


def as_text(documents: Sequence[Any]) -> str:
    """YAML, with the keys in the order they are in. What comes after the first document is an overlay."""
    if yaml is None:
        raise InvalidInput("a bundle is YAML, and this Python has no PyYAML to write it: install it there")
    return _OVERLAY.join(_document(each) for each in documents)


def _document(content: Any) -> str:
    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    # A text of several lines is read, and compared, by lines.
    Dumper.add_representer(
        str,
        lambda dumper, text: dumper.represent_scalar(
            "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
        ),
    )
    return str(
        yaml.dump(
            content, Dumper=Dumper, default_flow_style=False, sort_keys=False, allow_unicode=True, width=1_000_000
        )
    )
