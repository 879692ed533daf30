# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every state of every module has to show: check mode predicts, it is done, and a second run changes nothing."""

from __future__ import annotations

from typing import Any


def three_times(task: dict[str, Any]) -> list[dict[str, Any]]:
    """The task in check mode, for real, and again. It needs a name."""
    return [
        {**task, "name": f"{task['name']}, checked", "check_mode": True, "diff": True},
        task,
        {**task, "name": f"{task['name']}, again"},
    ]


def assert_done(run, title: str, *actions: str) -> None:
    """Check mode predicted these actions, they were done, and the second time there were none."""
    assert run.result(f"{title}, checked")["actions"] == list(actions), title
    assert run.result(title)["actions"] == list(actions), title
    assert run.result(title)["changed"] is True, title
    again = run.result(f"{title}, again")
    assert again["changed"] is False and again["actions"] == [], title
