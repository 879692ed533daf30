# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules share that write a text to a file of the host that runs the task."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ._api.errors import InvalidInput

_PRIVATE = 0o077


def written(module: AnsibleModule, option: str, text: str, *, private: bool = False) -> dict[str, Any]:
    """The part of a module's result that tells of the file, once that has the text, or in check mode before.

    option: the module's, that says which file. private: one that is not there yet is readable by its owner only. One that is
    there is replaced at once, and keeps its owner and mode. Raises InvalidInput where there can be none.
    """
    path = module.params[option]
    before, after = _content(option, path), text.encode()
    changed = before != after
    if changed and not module.check_mode:
        descriptor, temporary = tempfile.mkstemp(dir=module.tmpdir)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(after)
        with _umask(_PRIVATE if private else 0):
            module.atomic_move(temporary, os.path.realpath(path))
    shown = (before or b"").decode(errors="replace")
    return {"changed": changed, "diff": {"before_header": path, "after_header": path, "before": shown, "after": text}}


def _content(option: str, path: str) -> bytes | None:
    """What is in the file; None where there is none."""
    if os.path.isdir(path):
        raise InvalidInput(f"{option} {path} is a directory, and has to be a file")
    if not os.path.isdir(os.path.dirname(os.path.realpath(path))):
        raise InvalidInput(f"{option} {path}: its directory is not there: make it first")
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidInput(f"{option} {path} cannot be read: {error.strerror or error}") from error


@contextmanager
def _umask(more: int) -> Iterator[None]:
    """With more taken away from the modes of new files than is anyway."""
    usual = os.umask(_PRIVATE)
    os.umask(usual | more)
    try:
        yield
    finally:
        os.umask(usual)
