# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client configuration of the tests' own, of both commands."""

from __future__ import annotations

import textwrap

import pytest


class Home:
    """A directory with the configurations of both commands, of which nothing is there at first."""

    def __init__(self, directory):
        self.directory = directory
        self.environment = {
            "LXD_CONF": str(directory / "lxc"),
            "INCUS_CONF": str(directory / "incus"),
            "LXD_GLOBAL_CONF": str(directory / "machine-lxc"),
            "INCUS_GLOBAL_CONF": str(directory / "machine-incus"),
        }

    def write(self, where, text):
        """Write config.yml of lxc, incus, machine-lxc or machine-incus."""
        path = self.directory / where / "config.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)
