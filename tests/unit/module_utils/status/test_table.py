# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table, word for word, and the documents."""

from __future__ import annotations

import json
from dataclasses import replace

import yaml

from ansible_collections.flotilla.lxd.plugins.module_utils._model.removal import leave
from ansible_collections.flotilla.lxd.plugins.module_utils._model.state import State
from ansible_collections.flotilla.lxd.plugins.module_utils._model.status import describe
from ansible_collections.flotilla.lxd.plugins.module_utils._status.formats import FORMATS
from ansible_collections.flotilla.lxd.plugins.module_utils._status.table import table

TABLE = """\
Model  Remotes               Status
web    one, two (no answer)  available

No answer: remote two: nobody answers

App  Version  Status   Scale  Charm       Exposed  Message
api  1.2      error    1/2    node-api    yes      Start it: no such <file>
db            unknown  0/1    postgresql  no       remote two does not answer
log           waiting  1      log         no       for [31m api

Unit      Status   Machine  Address     Ports           Message
api/0*    error    0        192.0.2.17  80/tcp,443/tcp  Start it: no such <file>
  log/0*  waiting  0        192.0.2.17                  for [31m api
api/1     down     1                                    container web-api-1 is stopped
db/0      unknown  2                                    remote two does not answer

Machine  State    Address     Container  Remote
0        started  192.0.2.17  web-api-0  one
1        down                 web-api-1  one
2        unknown                         two
3        pending                         one

Relation provider  Requirer  Interface  Type
db:server          api:db    sql        regular
api:host           log:host  beside     subordinate"""


def test_the_table(model):
    assert table(model) == TABLE
    assert FORMATS["table"](model, {}) == TABLE + "\n"


def test_an_empty_model():
    assert table(describe(State("web", ("one",)))) == "Model  Remotes  Status\nweb    one      available"


def test_what_is_leaving(state):
    text = table(describe(replace(leave(state, [], ["api"]), ends=True)))
    assert "being destroyed" in text.splitlines()[1]
    assert "leaving: container web-api-1 is stopped" in text and "api/0 " in text


def test_wide_characters_take_two_columns(model):
    model["applications"]["db"]["message"] = "数据"
    model["applications"]["db"]["charm"] = "库"
    api, db = (line for line in table(model).splitlines() if line.startswith(("api ", "db ")))
    assert db.rindex("no") == api.index("yes") - 1


def test_documents(model):
    # C1 controls, tags and halves of characters do not come from JSON's own escaping.
    model["applications"]["db"]["message"] = "数 \x9b31m\U000e0001\ud800\n"
    for kind, load in (("json", json.loads), ("yaml", yaml.safe_load)):
        text = FORMATS[kind](model, {})
        assert load(text) == model
        assert "数" in text and all(each.isprintable() or each == "\n" for each in text)
    assert text.startswith("name: web\n")
