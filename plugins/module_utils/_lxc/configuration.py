# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of a classic container: its file, and all that it includes, read as LXC reads them.

Source: lxc.container.conf(5); parse_line() in src/lxc/confile.c of LXC.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Union

from .._api.errors import InvalidInput

# What LXC itself brings for every container.
SHIPPED = "/usr/share/lxc/config/"
INCLUDE = "lxc.include"
_MOST_NESTED = 16
# Keys that are said once for each of their values; an empty value takes back those said before.
_REPEATED = re.compile(
    r"lxc\.(mount\.(entry|auto)|cap\.(drop|keep)|environment|idmap|group|hook\..+"
    r"|cgroup2?\.devices\.(allow|deny)|net\.\d+\.ipv[46]\.(address|route))"
)

Value = Union[str, list[str]]


@dataclass(frozen=True)
class Entry:
    """One line. where: the file and line, for messages; shipped: LXC brought the file."""

    key: str
    value: str
    where: str
    shipped: bool = False


def is_repeated(key: str) -> bool:
    """Whether the key may be there several times, each adding to the others."""
    return _REPEATED.fullmatch(key) is not None


def read(path: str) -> list[Entry]:
    """The lines that count, in their order, those of included files in the place of the line that includes them.

    The lines ``lxc.include`` are among them. Of a key that is not repeated the last one counts. Raises InvalidInput for a
    file that cannot be read or understood.
    """
    counting: list[Entry] = []
    for entry in _read(path, ()):
        if not is_repeated(entry.key) and entry.key != INCLUDE:
            counting = [each for each in counting if each.key != entry.key]
        elif not entry.value:
            counting = [each for each in counting if each.key != entry.key]
            continue
        counting.append(entry)
    return counting


def as_map(entries: Iterable[Entry]) -> dict[str, Value]:
    """What a container says itself, without what LXC brings: text, or a list of texts for a key that may be repeated."""
    values: dict[str, Value] = {}
    for entry in entries:
        if entry.shipped or entry.key == INCLUDE:
            continue
        if is_repeated(entry.key):
            known = values.setdefault(entry.key, [])
            if isinstance(known, list):
                known.append(entry.value)
        else:
            values[entry.key] = entry.value
    return values


def _read(path: str, including: tuple[str, ...]) -> Iterator[Entry]:
    if path in including or len(including) >= _MOST_NESTED:
        raise InvalidInput(
            f"{including[-1]} includes {path}, which includes it in turn, or too many files do so in a row"
        )
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            lines = stream.read().splitlines()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        key, equals, value = text.partition("=")
        where = f"{path}:{number}"
        if not equals:
            raise InvalidInput(f"{where} is no line of LXC's configuration, which is a key, an equals sign and a value")
        entry = Entry(key.strip(), _unquoted(value.strip()), where, path.startswith(SHIPPED))
        yield entry
        if entry.key == INCLUDE and entry.value:
            for file in _included(entry):
                yield from _read(file, (*including, path))


def _included(entry: Entry) -> list[str]:
    """The file, or those of a directory that end in .conf. A directory need not be there."""
    if not os.path.isdir(entry.value):
        return [] if entry.value.endswith("/") else [entry.value]
    return [os.path.join(entry.value, name) for name in sorted(os.listdir(entry.value)) if name.endswith(".conf")]


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] in "'\"" and value[-1] == value[0] else value
