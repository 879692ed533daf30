# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leave secrets out of what is shown to strangers.

Values are masked by the key they are under. What was masked is then looked for in all other text, for the daemons write a
container's configuration into their logs as well. Rather too much is masked than too little.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

MASK = "(left out)"

# Where users put what they like.
_USERS_OWN = re.compile(r"(user|environment|cloud-init)\.")
_TELLING = re.compile(r"passw|secret|token|credential|private|certificate$|\.auth\.|(^|[._-])keys?($|[._-])")
# A raw key that holds nothing but numbers, and what a migration depends on in the other.
_RAW = re.compile(r"raw\.(?!idmap$)")
_HARMLESS_LXC = re.compile(r"lxc\.(apparmor|arch|cap|cgroup2?|console|idmap|mount\.auto|prlimit|pty|sched|tty)\.?")

_PEM = re.compile(r"-----BEGIN [^-]+-----.*?-----END [^-]+-----", re.DOTALL)
# As liblxc's own configuration has it, a copy of which is among the logs.
_LXC_ENVIRONMENT = re.compile(r"^(\s*lxc\.environment(?:\.\w+)?\s*=\s*).*$", re.MULTILINE)
# As in logs: ?secret=…, "token":"…", and the same quoted once more.
_SPOKEN = re.compile(
    r"""\b((?:secret|token|passw(?:or)?d)s?\\?["']?\s*[:=]\s*\\?["']?)(?!\(left out\))[^\s"'\\]+""", re.IGNORECASE
)
# A shorter one (`/root`, `8080`) stands in too much that tells nothing of it.
_SHORTEST = 6


class Masks:
    """Masks what it is given, and remembers what it masked."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def content(self, content: Any) -> Any:
        """An object of the API without the values that may be secrets, wherever they are in it."""
        if isinstance(content, Mapping):
            return {key: self._value(str(key), value) for key, value in content.items()}
        if isinstance(content, list):
            return [self.content(one) for one in content]
        return self._without_pem(content) if isinstance(content, str) else content

    def text(self, text: str) -> str:
        """Text of any kind without what was masked so far."""
        text = _LXC_ENVIRONMENT.sub(rf"\g<1>{MASK}", self._without_pem(text))
        text = _SPOKEN.sub(rf"\g<1>{MASK}", text)
        for secret in sorted(self._seen, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text

    def _value(self, key: str, value: Any) -> Any:
        if key == "raw.lxc" and isinstance(value, str):
            return "".join(map(self._lxc_line, value.splitlines(keepends=True)))
        if _USERS_OWN.match(key) or _RAW.match(key) or _TELLING.search(key):
            self._remember(value)
            return MASK if value not in (None, "", True, False) else value
        return self.content(value)

    def _lxc_line(self, line: str) -> str:
        key, _equals, value = line.partition("=")
        if not line.strip() or _HARMLESS_LXC.match(key.strip()):
            return line
        self._remember([line, value.strip(), value.partition("=")[2].strip()])
        return f"{key}= {MASK}\n" if key.startswith("lxc.") else f"{MASK}\n"

    def _remember(self, value: Any) -> None:
        if isinstance(value, Mapping):
            for one in value.values():
                self._remember(one)
        elif isinstance(value, list):
            for one in value:
                self._remember(one)
        elif isinstance(value, str):
            # In a log it may be cut into lines, or be written as JSON or Go write it.
            lines = {line.strip() for line in value.splitlines()}
            found = {value, *lines, *(json.dumps(one)[1:-1] for one in {value, *lines})}
            self._seen |= {one for one in found if len(one) >= _SHORTEST}

    def _without_pem(self, text: str) -> str:
        return _PEM.sub(MASK, text)
