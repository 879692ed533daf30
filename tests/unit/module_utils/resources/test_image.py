# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is planned for an image: a pure function of what is there and what is wanted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._images.source import Offer
from ansible_collections.flotilla.lxd.plugins.module_utils._resources.image_plan import Observed, Wanted, plan

ONE, TWO = "1" * 64, "2" * 64
NEVER = "0001-01-01T00:00:00Z"


def there(fingerprint=ONE, aliases=("img",), **content):
    """An image as the API gives it."""
    base = {
        "properties": {"os": "Debian"},
        "public": False,
        "auto_update": False,
        "expires_at": NEVER,
        "profiles": ["p"],
    }
    return {"fingerprint": fingerprint, "aliases": [{"name": alias} for alias in aliases], **base, **content}


def planned(content, aliases=None, fingerprint=None, action="", offer=None, problem=None, **options):
    """offer: the fingerprint that the source has."""
    if aliases is None:
        aliases = {alias["name"]: content["fingerprint"] for alias in content["aliases"]} if content else {}
    fingerprint = fingerprint or (content["fingerprint"] if content else offer)
    offered = Offer(offer) if offer else None
    seen = Observed("here", content, "e1", fingerprint, aliases, action, offered, problem)
    return plan(Wanted(**{"name": "img", "state": "present", **options}), seen)


def actions(*arguments, **options):
    return [step.action for step in planned(*arguments, **options).steps]


def test_from_nothing():
    assert actions(None, action="copy", offer=ONE) == ["copy", "alias"]
    assert actions(None, action="import", fingerprint=ONE) == ["import", "alias"]
    with pytest.raises(InvalidInput, match="it takes source, file"):
        planned(None)


def test_aliases_are_given_once():
    assert actions(None, action="copy", offer=ONE, name="img") == ["copy", "alias"]
    wanted = {"action": "copy", "offer": ONE, "name": "img"}
    assert [step.payload["name"] for step in planned(None, **wanted).steps[1:]] == ["img"]
    many = plan(Wanted("img", "present", aliases=["img", "b", "b"]), Observed("here", there(), "e", ONE, {}))
    assert [step.payload["name"] for step in many.steps] == ["img", "b"]


def test_nothing_to_do():
    result = planned(there(), properties={"os": "Debian"}, public=False)
    assert result.steps == () and result.notes == {}


def test_update_comes_first_and_keeps_what_is_not_named():
    update, alias = planned(there(), aliases={}, properties={"os": None, "a": 1}).steps
    assert update.etag == "e1" and alias.action == "alias"
    assert update.payload == {
        "properties": {"a": "1"},
        "public": False,
        "auto_update": False,
        "expires_at": None,
        "profiles": ["p"],
    }


def test_a_file_moves_its_alias_and_a_taken_one_is_left_alone():
    steps = planned(there(TWO, ()), aliases={"img": ONE}, action="import", fingerprint=TWO).steps
    assert [(step.method, step.path) for step in steps] == [("PUT", "/1.0/images/aliases/img")]
    seen = Observed("here", there(), "e1", ONE, {"img": ONE, "other": TWO})
    with pytest.raises(InvalidInput, match="other is taken by image 222222222222"):
        plan(Wanted("img", "present", aliases=["other"]), seen)


@pytest.mark.parametrize("name", ["2204", "cafe", "beef", "0123456789ab"])
def test_names_that_look_like_numbers_are_aliases(name):
    assert actions(None, name=name, action="copy", offer=ONE) == ["copy", "alias"]
    assert actions(there(aliases=[name]), name=name) == []


def test_the_beginning_of_a_fingerprint_is_no_alias():
    assert actions(there(), name=ONE[:12]) == []
    assert actions(there(), name=ONE[:12], state="absent") == ["delete"]


def test_a_source_that_moved_on_or_is_gone_is_told():
    assert planned(there(), offer=TWO, fingerprint=ONE).notes == {"image_moved_on": True}
    gone = planned(there(), problem=InvalidInput("no image there"))
    assert gone.steps == () and "no image there" in gone.warnings[0]
    with pytest.raises(InvalidInput, match="no image there"):
        planned(None, problem=InvalidInput("no image there"))


def test_an_image_with_other_aliases_only_loses_the_one_named():
    shared = there(aliases=["img", "other"])
    (step,) = planned(shared, state="absent").steps
    assert (step.action, step.method, step.path) == ("unalias", "DELETE", "/1.0/images/aliases/img")
    assert actions(shared, state="absent", name=ONE[:12]) == ["delete"]
    seen = Observed("here", shared, "e1", ONE, {"img": ONE, "other": ONE})
    both = plan(Wanted("img", "absent", aliases=["other"]), seen)
    assert [step.action for step in both.steps] == ["delete"]


def test_absent():
    assert actions(None, state="absent") == []
    assert actions(there(), state="absent") == ["delete"]


def test_a_refreshed_image_takes_the_name_from_the_old_one():
    """Which goes only if asked, and if nothing else needs it."""
    old = there(ONE, ["img", "b"])

    def refreshed(users=(), **options):
        seen = Observed("here", None, None, TWO, {"img": ONE, "b": ONE}, "copy", Offer(TWO), old=old, old_users=users)
        return plan(Wanted(**{"name": "img", "state": "refreshed", **options}), seen)

    def of(plan):
        return [step.action for step in plan.steps]

    assert of(refreshed()) == ["copy", "alias"]
    assert of(refreshed(aliases=["b"])) == ["copy", "alias", "alias"]
    assert of(refreshed(aliases=["b"], remove_old=True)) == ["copy", "alias", "alias", "delete_old"]
    assert "it is b as well" in refreshed(remove_old=True).warnings[0]
    assert "used by c1" in refreshed(("c1",), aliases=["b"], remove_old=True).warnings[0]


def test_what_the_server_follows_is_refreshed_by_it():
    seen = Observed("here", there(), "e1", ONE, {"img": ONE}, newest=TWO)
    (step,) = plan(Wanted("img", "refreshed"), seen).steps
    assert (step.action, step.path) == ("refresh", f"/1.0/images/{ONE}/refresh")
    assert plan(Wanted("img", "refreshed"), replace(seen, newest=ONE)).steps == ()


def test_aliases_of_the_source_come_along_if_asked():
    seen = Observed("here", None, None, ONE, {}, "copy", Offer(ONE, ("a", "b")))
    assert [step.payload["name"] for step in plan(Wanted("img", "present", copy_aliases=True), seen).steps[1:]] == [
        "img",
        "a",
        "b",
    ]
