# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import FlotillaError, Unreachable
from ansible_collections.flotilla.lxd.plugins.plugin_utils._inventory.answers import collect
from ansible_collections.flotilla.lxd.plugins.plugin_utils._inventory.keep import Keep
from ansible_collections.flotilla.lxd.plugins.plugin_utils._inventory.sources import Source


class Remotes:
    """Answers for the remotes that are up, and notes who was asked and what was warned of."""

    def __init__(self, **up):
        self.up = up
        self.asked = []
        self.warnings = []

    def ask(self, source):
        self.asked.append(source.name)
        if source.name not in self.up:
            raise Unreachable(source.name, "connection refused")
        return [{"name": name} for name in self.up[source.name]]

    def collect(self, *sources, keep=None):
        keep = keep or Keep({})
        listed = collect(sources, self.ask, keep, warn=self.warnings.append)
        return {source.name: [one["name"] for one in instances] for source, instances in listed}


@pytest.fixture
def clock():
    class Clock:
        now = 1_000_000.0

        def __call__(self):
            return self.now

    return Clock()


def test_all_in_order():
    remotes = Remotes(a=["c1"], b=[])
    assert list(remotes.collect(Source("b"), Source("a")).items()) == [("b", []), ("a", ["c1"])]


def test_fail_names_every_remote_that_did():
    with pytest.raises(FlotillaError) as raised:
        Remotes(a=["c1"]).collect(Source("a"), Source("b"), Source("c"))
    assert str(raised.value) == "remote b: connection refused; remote c: connection refused"


def test_warn_goes_on_without():
    remotes = Remotes(a=["c1"])
    assert remotes.collect(Source("a"), Source("b", on_error="warn")) == {"a": ["c1"]}
    assert remotes.warnings == ["remote b: connection refused. Its containers are missing from the inventory."]


def test_cache_takes_the_last_answer_however_old(clock):
    store = {}
    keep = Keep(store, seconds=60, clock=clock)
    source = Source("a", on_error="cache")
    Remotes(a=["c1"]).collect(source, keep=keep)
    clock.now += 1e6
    gone = Remotes()
    assert gone.collect(source, keep=keep) == {"a": ["c1"]}
    assert gone.asked == ["a"]
    (warning,) = gone.warnings
    assert warning.endswith("Its containers are those of 1970-01-12 13:46:40 UTC, from the cache.")


def test_cache_with_nothing_in_it_fails():
    with pytest.raises(FlotillaError, match="connection refused, and no earlier answer of it is in the cache"):
        Remotes().collect(Source("a", on_error="cache"))


def test_an_answer_as_good_as_new_is_not_asked_for_again(clock):
    keep = Keep({}, seconds=60, clock=clock)
    Remotes(a=["c1"], b=["c2"]).collect(Source("a"), keep=keep)
    clock.now += 60
    again = Remotes(a=["new"], b=["c2"])
    assert again.collect(Source("a"), Source("b"), keep=keep) == {"a": ["c1"], "b": ["c2"]}
    assert again.asked == ["b"]


def test_an_older_one_is(clock):
    keep = Keep({}, seconds=60, clock=clock)
    Remotes(a=["c1"]).collect(Source("a"), keep=keep)
    clock.now += 61
    assert Remotes(a=["new"]).collect(Source("a"), keep=keep) == {"a": ["new"]}


def test_no_time_is_for_ever(clock):
    keep = Keep({}, clock=clock)
    Remotes(a=["c1"]).collect(Source("a"), keep=keep)
    clock.now += 1e9
    assert Remotes().collect(Source("a"), keep=keep) == {"a": ["c1"]}


def test_a_cache_to_be_refreshed_still_serves_one_that_fails():
    store = {}
    Remotes(a=["c1"], b=["c2"]).collect(Source("a"), Source("b"), keep=Keep(store))
    refreshing = Keep(store, reading=False)
    found = Remotes(a=["new"]).collect(Source("a"), Source("b", on_error="cache"), keep=refreshing)
    assert found == {"a": ["new"], "b": ["c2"]}


@pytest.mark.parametrize("other", [Source("a", projects=("x",)), Source("a", client_config="lxc"), Source("b")])
def test_an_answer_serves_its_own_question_only(other):
    keep = Keep({})
    Remotes(a=["c1"]).collect(Source("a"), keep=keep)
    assert keep.last(other) is None
    assert keep.last(Source("a", on_error="warn")) is not None


def test_what_is_kept_is_json_and_what_is_not_is_nothing():
    store = {}
    keep = Keep(store, "prefix")
    keep.put(Source("a"), [{"name": "c1"}])
    ((key, entry),) = json.loads(json.dumps(store)).items()
    assert key.startswith("prefix_")
    assert Keep({key: entry}, "prefix").last(Source("a")).instances == [{"name": "c1"}]
    assert Keep({key: "rubbish"}, "prefix").last(Source("a")) is None
