# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of Debian and Ubuntu, by mmdebstrap."""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .._api.deadline import Deadline
from .._api.errors import InvalidInput
from . import build_programs as programs
from .build_source import Base, need_root
from .metadata import ARCHITECTURES, USUAL_TEMPLATES


@dataclass(frozen=True)
class Bootstrap:
    """What mmdebstrap is told. mirrors: URLs, or lines as in sources.list; setup: a script, called with the tree."""

    suite: str
    mirrors: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    variant: str | None = None
    packages: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    setup: str | None = None


class BootstrapSource:
    """A Debian or Ubuntu that is made anew."""

    templates = USUAL_TEMPLATES
    is_made = True

    def __init__(self, wanted: Bootstrap) -> None:
        self._wanted = wanted

    def inputs(self) -> dict[str, Any]:
        inputs = asdict(self._wanted)
        if self._wanted.setup:
            inputs["setup"] = hashlib.sha256(_script(self._wanted.setup)).hexdigest()
        return {"mmdebstrap": inputs}

    def look(self, architecture: str) -> Base:
        wanted = self._wanted
        need_root(f"mmdebstrap of {wanted.suite}")
        programs.find("mmdebstrap")
        for argument in wanted.arguments:
            if not argument.startswith("--"):
                raise InvalidInput(f"mmdebstrap: {argument!r} in arguments is no option, which begins with --")
        if wanted.setup and not os.access(wanted.setup, os.X_OK):
            raise InvalidInput(f"mmdebstrap: setup {wanted.setup} cannot be executed: chmod it, and begin it with #!")
        debian = ARCHITECTURES[architecture]
        return Base({"properties": {"architecture": debian, "release": wanted.suite, "variant": "default"}})

    def make(self, scratch: str, created: int, architecture: str, deadline: Deadline) -> str:
        target = os.path.join(scratch, "tree")
        wanted = self._wanted
        options: Mapping[str, str | None] = {
            "variant": wanted.variant,
            "components": ",".join(wanted.components),
            "include": ",".join(wanted.packages),
            "customize-hook": f'{shlex.quote(os.path.abspath(wanted.setup))} "$1"' if wanted.setup else None,
        }
        command = [
            *("mmdebstrap", "--mode=root", "--format=directory", f"--architectures={ARCHITECTURES[architecture]}"),
            *(f"--{name}={value}" for name, value in options.items() if value),
            *wanted.arguments,
            *(wanted.suite, target),
            *wanted.mirrors,
        ]
        # It has a directory for itself, so that nothing is left elsewhere when it is killed.
        variables = {"TMPDIR": scratch, "SOURCE_DATE_EPOCH": str(created)}
        programs.run(command, deadline, extra=variables, within=programs.APART)
        return target


def _script(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError as error:
        raise InvalidInput(f"mmdebstrap: setup {path} cannot be read: {error.strerror}") from error
