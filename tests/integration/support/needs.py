# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What not every machine's lab has. A test without it is shown as skipped, with the reason."""

from __future__ import annotations

import pytest

from lab import criu

CRIU = pytest.mark.skipif(not criu.PROGRAM.exists(), reason="the lab could not get CRIU: see `python3 -m lab status`")
