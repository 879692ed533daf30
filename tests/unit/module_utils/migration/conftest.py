# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._migration import end


@pytest.fixture
def no_waiting(monkeypatch):
    """No patience with servers that are away, and no pauses."""
    monkeypatch.setattr(end, "_PATIENCE", 0.0)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
