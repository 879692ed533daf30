# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is planned for an image: a pure function of what is there and what is wanted."""

from __future__ import annotations

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._images.choice import ImageChoice
from ansible_collections.flotilla.lxd.plugins.module_utils._resources.image_plan import Observed, Wanted, plan

ONE, TWO = "1" * 64, "2" * 64


def there(fingerprint=ONE, aliases=("img",), **content):
    """An image as the API gives it."""
    base = {"properties": {"os": "Debian"}, "public": False, "auto_update": False, "expires_at": "x", "profiles": ["p"]}
    return {"fingerprint": fingerprint, "aliases": [{"name": alias} for alias in aliases], **base, **content}


def planned(content, aliases=None, fingerprint=None, source=None, problem=None, **options):
    choice = ImageChoice("foo:img", source, {"type": "image", "fingerprint": source}) if source else None
    if aliases is None:
        aliases = {alias["name"]: content["fingerprint"] for alias in content["aliases"]} if content else {}
    fingerprint = fingerprint or (content["fingerprint"] if content else source)
    seen = Observed("here", content, "e1", fingerprint, aliases, choice, problem)
    return plan(Wanted(**{"name": "img", "state": "present", **options}), seen)


def actions(*arguments, **options):
    return [step.action for step in planned(*arguments, **options).steps]


def test_from_nothing():
    assert actions(None, source=ONE) == ["copy", "alias"]
    assert actions(None, file="/f", fingerprint=ONE) == ["import", "alias"]
    with pytest.raises(InvalidInput, match="source or file is needed"):
        planned(None)


def test_aliases_are_given_once():
    assert actions(None, source=ONE, aliases=None, name="img") == ["copy", "alias"]
    wanted = {"source": ONE, "name": "img"}
    assert [step.payload["name"] for step in planned(None, **wanted).steps[1:]] == ["img"]
    many = plan(
        Wanted("img", "present", source="s", aliases=["img", "b", "b"]), Observed("here", there(), "e", ONE, {})
    )
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
        "expires_at": "x",
        "profiles": ["p"],
    }


def test_a_file_moves_its_alias_and_a_taken_one_is_left_alone():
    steps = planned(there(TWO, ()), aliases={"img": ONE}, file="/f", fingerprint=TWO).steps
    assert [(step.method, step.path) for step in steps] == [("PUT", "/1.0/images/aliases/img")]
    seen = Observed("here", there(), "e1", ONE, {"img": ONE, "other": TWO})
    with pytest.raises(InvalidInput, match="other is taken by image 222222222222"):
        plan(Wanted("img", "present", aliases=["other"]), seen)


@pytest.mark.parametrize("name", ["2204", "cafe", "beef", "0123456789ab"])
def test_names_that_look_like_numbers_are_aliases(name):
    assert actions(None, name=name, source=ONE) == ["copy", "alias"]
    assert actions(there(aliases=[name]), name=name) == []


def test_the_beginning_of_a_fingerprint_is_no_alias():
    assert actions(there(), name=ONE[:12]) == []
    assert actions(there(), name=ONE[:12], state="absent") == ["delete"]


def test_a_source_that_moved_on_or_is_gone_is_told():
    assert planned(there(), source=TWO, fingerprint=ONE).notes == {"image_moved_on": True}
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
