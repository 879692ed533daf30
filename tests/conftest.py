# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collections are imported as Ansible itself does it, from where `make venv` and nox link this checkout to."""

from __future__ import annotations

from ansible.plugins.loader import init_plugin_loader

# At import, so that it comes before the first test module's own imports.
init_plugin_loader()
