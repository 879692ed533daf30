# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When something expires: dates as the servers write them, and spans of time as their config takes them.

Source: doc/rest-api.yaml (expires_at), and snapshots.expiry in the instance options, of LXD and Incus.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from .._api.errors import InvalidInput

# How the servers write that something does not expire.
_NEVER = ("0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "")
# What has to be sent to a snapshot to take its expiry away: null leaves it.
NEVER = _NEVER[0]
_DATE = re.compile(r"(?P<date>[2-9]\d{3}-[01]\d-[0-3]\d)([T ](?P<time>[0-2]\d:[0-5]\d:[0-5]\d)Z?)?")
_MOMENT = re.compile(
    r"(?P<seconds>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.(?P<fraction>\d{1,9}))?(Z|(?P<zone>[+-]\d\d:\d\d))"
)
_TERM = re.compile(r"(?P<count>\d{1,4})(?P<unit>[MHdwmy])")
_HOURS = {"M": timedelta(minutes=1), "H": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_MONTHS = {"m": 1, "y": 12}


def expiry(text: str) -> str:
    """A date, or date and time, as the servers write it; never is "". Raises InvalidInput."""
    if text in ("never", *_NEVER):
        return ""
    match = _DATE.fullmatch(text.strip())
    try:
        if match:
            return written(datetime.fromisoformat(f"{match['date']}T{match['time'] or '00:00:00'}+00:00"))
    except ValueError as error:
        raise InvalidInput(f"expires_at {text!r} is no date of this calendar") from error
    raise InvalidInput(f"expires_at {text!r} is no date: write 2027-01-31 or 2027-01-31T12:00:00Z (in UTC), or never")


def stored_expiry(content: Mapping[str, Any]) -> str:
    """When an object of the API expires, in its own words; "" if it does not."""
    text = str(content.get("expires_at") or "")
    return "" if text in _NEVER else text


def is_span(text: str) -> bool:
    """Whether the text is a span of time: ``2w``, or ``1d 12H``."""
    terms = text.split()
    return bool(terms) and all(_TERM.fullmatch(term) for term in terms)


def after(start: datetime, span: str) -> datetime:
    """The moment a span later, counted as the servers do: M minutes, H hours, d days, w weeks, m months, y years."""
    return _shifted(start, span, 1)


def before(end: datetime, span: str) -> datetime:
    """The moment a span earlier."""
    return _shifted(end, span, -1)


def moment(text: str) -> datetime:
    """A moment as the servers write it (RFC 3339, with up to nine digits after the second)."""
    match = _MOMENT.fullmatch(text)
    if not match:
        raise AssertionError(f"{text!r} is no moment")
    fraction = (match["fraction"] or "").ljust(6, "0")[:6]
    return datetime.fromisoformat(f"{match['seconds']}.{fraction}{match['zone'] or '+00:00'}")


def written(when: datetime) -> str:
    """A moment as the servers take it, to the second."""
    return when.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _shifted(start: datetime, span: str, sign: int) -> datetime:
    """Raises InvalidInput for one that leads out of the calendar."""
    months, exact = 0, timedelta()
    for count, unit in _TERM.findall(span):
        months += int(count) * _MONTHS.get(unit, 0)
        exact += int(count) * _HOURS.get(unit, timedelta())
    year, month = divmod(start.year * 12 + start.month - 1 + sign * months, 12)
    try:
        # A day that the month does not have is one of the next, as in the servers.
        first = start.replace(year=year, month=month + 1, day=1)
        return first + timedelta(days=start.day - 1) + sign * exact
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"{span!r} from now is no date of this calendar") from error
