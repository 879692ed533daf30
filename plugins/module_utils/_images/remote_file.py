# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image's file on a web server, as a part of an upload: read as it is sent on, and kept nowhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from .._api.chunks import chunks
from .._api.deadline import Deadline
from .._api.fetch import fetch, url_shown
from .._api.tls import Identity


@dataclass(frozen=True)
class RemoteFile:
    """A file at a URL. Its size is not asked for beforehand."""

    url: str
    identity: Identity
    deadline: Deadline
    size: None = None

    @property
    def name(self) -> str:
        return os.path.basename(urlsplit(self.url).path) or "image"

    @property
    def origin(self) -> str:
        return url_shown(self.url)

    def chunks(self) -> Iterator[bytes]:
        with fetch(self.url, identity=self.identity, deadline=self.deadline) as answer:
            yield from chunks(answer)
