# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that a bundle draws in: ``include-file://``, ``include-base64://``, and charms by their path."""

from __future__ import annotations

import base64
import os
from dataclasses import replace

from .._api.errors import InvalidInput
from .document import Value
from .findings import Findings, quoted

_FILE = "include-file://"
_BASE64 = "include-base64://"


def included(value: Value, what: str, findings: Findings) -> Value:
    """The value, or the content of the file it names, relative to the file in which it stands.

    what: whose it is, for the problem that there is when that cannot be read.
    """
    text = value.data
    if not isinstance(text, str) or not text.startswith((_FILE, _BASE64)):
        return value
    path = text.partition("://")[2]
    try:
        content = _content(absolute(path, value))
        data = base64.b64encode(content).decode() if text.startswith(_BASE64) else content.decode()
    except InvalidInput as error:
        findings.problem(f"processing {what}: resolving include {quoted(path)}: {error}", value.place)
        return value
    except UnicodeDecodeError:
        findings.problem(
            f"processing {what}: resolving include {quoted(path)}: the file is not text in UTF-8: take {_BASE64}",
            value.place,
        )
        return value
    return replace(value, data=data, text=data)


def absolute(path: str, value: Value) -> str:
    """A path that stands in a bundle, made absolute."""
    return os.path.abspath(os.path.join(os.path.dirname(value.place.file), path))


def is_path(charm: str) -> bool:
    """Whether a charm is a directory, and not a name."""
    return charm.startswith(".") or os.path.isabs(charm)


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except FileNotFoundError as error:
        raise InvalidInput(f"include file {quoted(path)} not found") from error
    except IsADirectoryError as error:
        raise InvalidInput(f"include path {quoted(path)} resolves to a folder") from error
    except OSError as error:
        raise InvalidInput(f"include file {quoted(path)} cannot be read: {error.strerror}") from error
