# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dates and spans of time as the servers have them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._resources import expiry


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("2027-01-31", "2027-01-31T00:00:00Z"),
        ("2027-01-31 12:00:00", "2027-01-31T12:00:00Z"),
        ("never", ""),
        (expiry.NEVER, ""),
    ],
)
def test_dates_are_written_as_the_servers_do(text, stored):
    assert expiry.expiry(text) == stored


@pytest.mark.parametrize("text", ["tomorrow", "2027-13-01", "2027-02-30", "2027-01-31T25:00:00Z", "31.1.2027"])
def test_what_is_no_date_is_refused(text):
    with pytest.raises(InvalidInput, match="is no date"):
        expiry.expiry(text)


@pytest.mark.parametrize(
    ("start", "span", "end"),
    [
        ("2026-11-24T10:00:00", "90M", "2026-11-24T11:30:00"),
        ("2026-11-24T10:00:00", "1d 12H", "2026-11-25T22:00:00"),
        ("2026-11-24T10:00:00", "2w", "2026-12-08T10:00:00"),
        ("2026-11-24T10:00:00", "2m", "2027-01-24T10:00:00"),
        ("2026-12-24T10:00:00", "1y 1m", "2028-01-24T10:00:00"),
        # As Go's AddDate, with which the servers count: there is no 31 February.
        ("2026-01-31T10:00:00", "1m", "2026-03-03T10:00:00"),
    ],
)
def test_spans(start, span, end):
    assert expiry.is_span(span)
    assert expiry.after(at(start), span) == at(end)


def test_a_span_before():
    assert expiry.before(at("2026-01-15T10:00:00"), "1m 1d") == at("2025-12-14T10:00:00")
    with pytest.raises(InvalidInput, match="no date of this calendar"):
        expiry.before(at("2026-01-15T10:00:00"), "9999y")


@pytest.mark.parametrize("text", ["", "2", "w", "2 w", "2W", "-2w", "2w,", "never", "2027-01-31"])
def test_what_is_no_span(text):
    assert not expiry.is_span(text)


@pytest.mark.parametrize(
    "text",
    ["2026-11-24T13:30:14.724140588Z", "2026-11-24T13:30:14.72414Z", "2026-11-24T15:30:14.72414+02:00"],
)
def test_moments_as_the_servers_write_them(text):
    assert expiry.moment(text) == at("2026-11-24T13:30:14.724140")
    assert expiry.written(expiry.moment(text)) == "2026-11-24T13:30:14Z"
