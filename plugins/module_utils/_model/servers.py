# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers that a model is on: a client for each, and for each thread, in the model's project."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, TypeVar

from .._api.client import Client
from .._api.errors import FlotillaError
from .._remotes.resolve import AUTO, Access, connect

_MOST_AT_ONCE = 8
_T = TypeVar("_T")
_R = TypeVar("_R")


class Servers:
    """Clients by the names of remotes. A connection belongs to one thread."""

    def __init__(self, project: str, client_config: str = AUTO) -> None:
        self.project = project
        self.client_config = client_config
        self._local = threading.local()

    def client(self, remote: str, *, target: str = "") -> Client:
        """In the model's project; nothing is sent yet. Raises ConfigurationError."""
        known = self._local.__dict__.setdefault("clients", {})
        if remote not in known:
            known[remote] = connect(Access(remote=remote, client_config=self.client_config, project=self.project))
        client: Client = known[remote]
        return client.scoped(target=target) if target else client


def in_parallel(work: Callable[[_T], _R], items: Iterable[_T]) -> list[_R]:
    """The results in the order of the items. All are tried; raises the first error, with how many others there were."""
    items = list(items)
    if len(items) <= 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(_MOST_AT_ONCE, len(items))) as pool:
        futures = [pool.submit(work, item) for item in items]
    errors = [error for error in (future.exception() for future in futures) if error is not None]
    for error in errors:
        if not isinstance(error, FlotillaError) or len(errors) == 1:
            raise error
    if errors:
        texts = list(dict.fromkeys(str(error) for error in errors))
        raise FlotillaError("; ".join(texts[:5]) + (f"; and {len(texts) - 5} more" if len(texts) > 5 else ""))
    return [future.result() for future in futures]
