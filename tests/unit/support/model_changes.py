# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a model is when its containers are there, and units have published something: as if on servers."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.flotilla.lxd.plugins.module_utils._model.placing import Sites
from ansible_collections.flotilla.lxd.plugins.module_utils._model.state import Container, counted

SITES = Sites(["one", "two"], {"two": ["east", "west"]}, {"5": "two:west", "6": "three", "7": "two:north"})


def published(state, unit, **fields):
    containers = tuple(
        replace(each, units={**each.units, unit: replace(each.units[unit], **fields)}) if unit in each.units else each
        for each in state.containers
    )
    return replace(state, containers=containers)


def made(growth):
    """The model once its containers are there."""
    new = tuple(
        Container(each.name, each.remote, each.machine, "running", {"ipv4": ["192.0.2.1"]}, each.units)
        for each in growth.new
    )
    joined = tuple(
        replace(each, units={**each.units, **growth.joining.get(each.name, {})}) for each in growth.state.containers
    )
    return counted(replace(growth.state, containers=(*joined, *new)))
