# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.flotilla.lxd.plugins.plugin_utils._inventory.selection import Selection


def test_nothing_asked_for_is_everything(container):
    assert Selection().takes(container(status="Error"))


@pytest.mark.parametrize(
    ("status", "taken"), [("Running", True), ("Ready", True), ("Frozen", True), ("Stopped", False), ("", False)]
)
def test_states(container, status, taken):
    assert Selection(states=["running", "frozen"]).takes(container(status=status)) is taken


def test_types(container):
    assert not Selection(types=["virtual-machine"]).takes(container())


@pytest.mark.parametrize(("patterns", "taken"), [(["web*"], True), (["db*", "*1"], True), (["WEB1"], False)])
def test_names(container, patterns, taken):
    assert Selection(names=patterns).takes(container()) is taken
