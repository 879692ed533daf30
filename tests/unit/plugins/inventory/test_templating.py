# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.flotilla.lxd.plugins.plugin_utils._inventory.templating import holds, never_templated

try:
    from ansible.template import trust_as_template as expression
except ImportError:
    expression = str


@pytest.fixture
def templar():
    return Templar(loader=DataLoader())


def test_text_of_a_server_is_no_template(templar):
    templar.available_variables = never_templated({"said": {"by": ["{{ 7*7 }}"]}})
    assert templar.template(expression("{{ said.by[0] }}")) == "{{ 7*7 }}"


def test_other_values_stay():
    assert never_templated({"a": [1, None, True, "x"]}) == {"a": [1, None, True, "x"]}


@pytest.mark.parametrize(
    ("condition", "held"),
    [("state == 'Running'", True), ("state != 'Running'", False), ("state is match('Run')", True)],
)
def test_conditions(templar, condition, held):
    assert holds(templar, expression(condition), {"state": "Running"}) is held


def test_a_condition_that_cannot_be_told(templar):
    with pytest.raises(AnsibleError):
        holds(templar, expression("nope.x == 1"), {})
