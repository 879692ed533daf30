# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forms in which the status of a model can be had, each as one text. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from .._api.errors import MissingLibrary
from .layout import Point
from .page import page
from .reading import Described
from .table import table

try:
    import yaml
except ImportError:
    yaml = None  # type: ignore[assignment]


def as_json(model: Described) -> str:
    """With no character that is not seen, as YAML has it anyway: it may be shown on a terminal."""
    text = json.dumps(model, indent=2, ensure_ascii=False)
    return "".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text) + "\n"


def as_yaml(model: Described) -> str:
    if yaml is None:
        raise MissingLibrary("PyYAML", "a status in YAML", "on the host that runs the task")
    return str(yaml.safe_dump(dict(model), sort_keys=False, allow_unicode=True))


FORMATS: Mapping[str, Callable[[Described, Mapping[str, Point]], str]] = {
    "table": lambda model, _given: f"{table(model)}\n",
    "json": lambda model, _given: as_json(model),
    "yaml": lambda model, _given: as_yaml(model),
    "html": page,
}
