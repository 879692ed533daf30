# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forms of names. Source: Juju's library of names."""

from __future__ import annotations

import re

NUMBER = r"(?:0|[1-9][0-9]*)"
APPLICATION = r"(?:[a-z][a-z0-9]*(?:-[a-z0-9]*[a-z][a-z0-9]*)*)"
ENDPOINT = r"(?:[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*)"
_NUMBERS = re.compile(r"(\d+)")


def is_number(text: str) -> bool:
    return re.fullmatch(NUMBER, text) is not None


def is_application(text: str) -> bool:
    """Offers, storage, devices and charms are named like applications."""
    return re.fullmatch(APPLICATION, text) is not None


def is_endpoint(text: str) -> bool:
    return re.fullmatch(ENDPOINT, text) is not None


def is_series(text: str) -> bool:
    return re.fullmatch(r"[a-z]+[a-z0-9]*", text) is not None


def is_base(text: str) -> bool:
    """``ubuntu@22.04``, ``debian/12/stable``."""
    return re.fullmatch(r"[a-z][a-z0-9]*[@/][a-z0-9][a-z0-9.-]*(?:/[a-z0-9.-]+)*", text) is not None


def is_offer_url(text: str) -> bool:
    """``[controller:][user/]model.application[:endpoint]``."""
    controller, user, model = r"[^:/]+:", r"[a-zA-Z0-9][a-zA-Z0-9.+@-]*/", r"[a-z0-9][a-z0-9-]*"
    return re.fullmatch(f"(?:{controller})?(?:{user})?{model}\\.{APPLICATION}(?::.*)?", text) is not None


def natural(text: str) -> tuple[tuple[str, int], ...]:
    """A key to sort by in which ``a10`` comes after ``a2``."""
    parts = _NUMBERS.split(text)
    numbers = [int(number) for number in parts[1::2]]
    return tuple(zip(parts[::2], [*numbers, -1]))
