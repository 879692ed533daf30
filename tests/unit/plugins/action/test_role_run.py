# SPDX-License-Identifier: GPL-3.0-or-later
"""Task files that run a role for a unit, as Ansible reads them."""

from __future__ import annotations

import os
import stat

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.flotilla.lxd.plugins.module_utils._model.charms import Role
from ansible_collections.flotilla.lxd.plugins.module_utils._model.rounds import Run
from ansible_collections.flotilla.lxd.plugins.plugin_utils import _role_run

AWKWARD = [
    "{{ 7 * 6 }}",
    "{% raw %}",
    "é \U0001f600 \x7f \x85",
    "a: b # c",
    "12",
    "yes",
    "",
    "two\nlines ",
    "~",
    '{"a": 1}',
]


def written(tmp_path, variables, role="acme.web.api"):
    run = Run("api/0", "main", "", None, {"name": "api/0", "relations": []}, variables)
    path = _role_run.write(run, Role(role, "", frozenset({"main"}), None), str(tmp_path))
    (task,) = DataLoader().load_from_file(path)
    return path, task


@pytest.mark.parametrize("text", AWKWARD)
def test_a_text_stays_what_it_is(tmp_path, text):
    _path, task = written(tmp_path, {"api_text": text, "api_deep": [{text: text}]})
    read = Templar(DataLoader()).template(task["vars"])
    assert read == {"api_text": text, "api_deep": [{text: text}], "unit": {"name": "api/0", "relations": []}}


@pytest.mark.parametrize("value", [3000, 1.5, True, None, [1, "1"], {"a": {}}])
def test_a_value_keeps_its_type(tmp_path, value):
    read = written(tmp_path, {"api_value": value})[1]["vars"]["api_value"]
    assert read == value and isinstance(read, type(value))


def test_only_its_owner_reads_it(tmp_path):
    path, _task = written(tmp_path, {})
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert os.path.basename(path).startswith("api-0-main-")


def test_which_role(tmp_path, monkeypatch):
    assert written(tmp_path, {})[1]["ansible.builtin.include_role"] == {"name": "acme.web.api", "tasks_from": "main"}
    # By a path from the home directory, which Ansible shows by the role's name.
    monkeypatch.setenv("HOME", str(tmp_path))
    role = written(tmp_path, {}, str(tmp_path / "roles" / "api"))[1]["ansible.builtin.include_role"]["name"]
    assert role == "~/roles/api"
