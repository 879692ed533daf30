# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The remotes asked side by side, and what happens when one fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from ...module_utils._api.errors import FlotillaError
from .keep import Keep
from .listing import Instances
from .sources import Source

Ask = Callable[[Source], Instances]

# All that the threads do is wait for servers.
_AT_ONCE = 32


def collect(
    sources: Sequence[Source], ask: Ask, keep: Keep, *, warn: Callable[[str], None]
) -> list[tuple[Source, Instances]]:
    """What each source lists, in their order: the kept answer that is as good as new, or else what ask says.

    A source that fails is treated as its on_error says; warn is told. Raises FlotillaError for all that may not fail.
    """
    fresh = {source: kept.instances for source in sources if (kept := keep.fresh(source))}
    asked = _side_by_side([source for source in sources if source not in fresh], ask)
    listed: list[tuple[Source, Instances]] = []
    failures: list[str] = []
    for source in sources:
        if source in fresh:
            listed.append((source, fresh[source]))
            continue
        answer = asked[source]
        if not isinstance(answer, FlotillaError):
            keep.put(source, answer)
            listed.append((source, answer))
        elif source.on_error == "fail":
            failures.append(str(answer))
        elif source.on_error == "warn":
            warn(f"{answer}. Its containers are missing from the inventory.")
        elif last := keep.last(source):
            warn(f"{answer}. Its containers are those of {_moment(last.at)}, from the cache.")
            listed.append((source, last.instances))
        else:
            failures.append(f"{answer}, and no earlier answer of it is in the cache")
    if failures:
        raise FlotillaError("; ".join(failures))
    return listed


def _side_by_side(sources: Sequence[Source], ask: Ask) -> dict[Source, Instances | FlotillaError]:
    def attempt(source: Source) -> Instances | FlotillaError:
        try:
            return ask(source)
        except FlotillaError as error:
            return error

    if not sources:
        return {}
    with ThreadPoolExecutor(max_workers=min(_AT_ONCE, len(sources))) as threads:
        return dict(zip(sources, threads.map(attempt, sources), strict=True))


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
