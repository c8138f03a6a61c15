"""The pages of groups: sizes, contacts, another name, into another one, and the end."""

from __future__ import annotations

import pytest

from daftari.rules.contacts import groups
from daftari.store import Store
from tests.conftest import People
from tests.console.conftest import Everyone
from tests.console.test_contacts import HOSTILE, Book, at, book, rows_of
from tests.support.campaigns import Campaigns
from tests.support.connection_steps import Syncing
from tests.support.message_steps import Sending
from tests.support.triggers import Triggers

__all__ = ["book"]


def counts(store: Store, people: People) -> dict[str, int]:
    found = store.read(people.shopify, 1, groups.list_groups, after=0, limit=1_000)
    return {one.name: one.contacts for one in found}


def test_groups_are_listed_by_size_with_exact_counts(everyone: Everyone, book: Book) -> None:
    book.add({"mobile": "0722000001"}, group="small")
    book.add({"mobile": "0722000002"}, {"mobile": "0722000003"}, group="large / with a slash")
    page = everyone.vic.get(at(everyone, "/groups"))
    assert "2 groups" in page.text
    assert page.text.index("large / with a slash") < page.text.index("small")
    (link,) = [link for link in page.links if "large" in link]
    group = everyone.vic.get(link)
    assert (group.heading, rows_of(group)) == ("large / with a slash", 2)
    assert "2 contacts" in group.text
    assert rows_of(everyone.vic.get(f"{link}?q=000002")) == 0 or "000002" in everyone.vic.get(f"{link}?q=000002").text
    assert everyone.vic.get(at(everyone, "/groups/nothing")).status == 404


def test_a_group_is_made_once(everyone: Everyone, store: Store, people: People) -> None:
    path = at(everyone, "/groups")
    page = everyone.ed.get(at(everyone, "/groups"))
    assert "There is no group yet" in page.text
    made = everyone.ed.submit(page, path, name="VIP")
    assert "There is a group \u2068VIP\u2069 now." in made.text
    again = everyone.ed.submit(everyone.ed.get(at(everyone, "/groups")), path, name=" vip ")
    assert again.status == 409
    assert "There is a group of this name already." in again.text
    blank = everyone.ed.submit(again, path, name=" ")
    assert (blank.status, "This is needed." in blank.text) == (422, True)
    long = everyone.ed.submit(again, path, name="x" * 256)
    assert (long.status, long.heading) == (422, "Groups")
    assert "This is longer than 255 characters." in long.text
    assert counts(store, people) == {"VIP": 0}


def test_a_group_may_be_called_as_a_part_of_an_address(everyone: Everyone) -> None:
    for name in ("new", "rename"):
        everyone.ed.submit(everyone.ed.get(at(everyone, "/groups")), at(everyone, "/groups"), name=name)
        assert everyone.ed.get(at(everyone, f"/groups/{name}")).heading == name


def test_a_group_gets_another_name(everyone: Everyone, book: Book, store: Store, people: People) -> None:
    book.add({"mobile": "0722000001"}, group="VIP")
    book.add({"mobile": "0722000001"}, group="other")
    path = at(everyone, "/groups/VIP/rename")
    page = everyone.ed.get(path)
    taken = everyone.ed.submit(page, path, name="OTHER")
    assert (taken.status, taken.heading) == (409, "Rename VIP")
    renamed = everyone.ed.submit(page, path, name="Best customers")
    assert renamed.heading == "Best customers"
    assert counts(store, people) == {"Best customers": 1, "other": 1}


def test_a_group_is_merged_into_another_without_who_left_that_one(
    everyone: Everyone, book: Book, store: Store, people: People
) -> None:
    book.add({"mobile": "0722000001"}, {"mobile": "0722000002"}, group="old")
    book.add({"mobile": "0722000002"}, {"mobile": "0722000003"}, group="new")
    path = at(everyone, "/groups/old/merge")
    page = everyone.ed.get(path)
    for wrong, said in (("old", "This is the same group."), ("none", "There is no group of this name.")):
        refused = everyone.ed.submit(page, path, into=wrong)
        assert (refused.status, said in refused.text) == (422, True)
    merged = everyone.ed.submit(page, path, into="NEW")
    assert merged.heading == "new"
    assert "1 contact joined \u2068NEW\u2069. 1 were in it already." in merged.text
    assert counts(store, people) == {"new": 3}


def test_a_group_is_deleted_and_brought_back_by_an_undo(
    everyone: Everyone, book: Book, store: Store, people: People
) -> None:
    (number,) = book.add({"mobile": "0722000001"}, group="VIP")
    path = at(everyone, "/groups/VIP/delete")
    page = everyone.ed.get(path)
    assert "What stops Nothing: no trigger and no campaign uses this group." in page.text
    assert "What stays 1 contact is in it, and stays in the book." in page.text
    gone = everyone.ed.submit(page, path)
    assert "The group \u2068VIP\u2069 is gone." in gone.text
    assert counts(store, people) == {}
    assert everyone.ed.get(at(everyone, f"/contacts/{number}")).status == 200
    (undo,) = [form.action for form in gone.forms if form.action.endswith("/undo")]
    assert "Undone." in everyone.ed.submit(gone, undo).text
    assert counts(store, people) == {"VIP": 1}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_page_before_a_group_is_deleted_names_what_uses_it(
    everyone: Everyone, book: Book, store: Store, people: People, name: str
) -> None:
    book.add({"mobile": "0722000001"}, group="VIP")
    sending = Sending(store, people.shopify)
    campaigns = Campaigns(sending)
    campaigns.create(name=name, groups=["VIP"])
    campaigns.started(name="Now", groups=["VIP"])
    Triggers(sending).add(name="Welcome", on={"joins": "VIP"}, unless=[])
    Syncing(store, people.shopify, groups=[{"from": "all", "to": "VIP", "keep": "add_only"}])
    page = everyone.ed.get(at(everyone, "/groups/VIP/delete"))
    for words in (
        "The trigger \u2068Welcome\u2069: no one joins this group after that",
        f"The campaign \u2068{name}",
        "a draft, cannot start before it has another group.",
        "The campaign \u2068Now\u2069: who has not been sent it yet",
        "The connection \u2068crm\u2069 makes it again",
    ):
        assert words in page.text


def test_what_is_ticked_leads_to_the_page_of_what_is_to_be_done(everyone: Everyone, book: Book) -> None:
    for name in ("one", "two & more"):
        book.add({"mobile": "0722000001"}, group=name)
    listed = at(everyone, "/groups")
    assert everyone.ed.get(f"{listed}?do=rename&group=one").heading == "Rename one"
    merge = everyone.ed.get(f"{listed}?do=merge&group=one&group=two+%26+more")
    assert merge.heading == "Merge one into another group"
    assert ("into", "two & more") in merge.form(at(everyone, "/groups/one/merge")).fields
    assert "Tick two groups to merge them." in everyone.ed.get(f"{listed}?do=merge&group=one").text
    assert "Tick one group." in everyone.ed.get(f"{listed}?do=delete").text


def test_a_viewer_has_no_buttons(everyone: Everyone, book: Book) -> None:
    book.add({"mobile": "0722000001"}, group="VIP")
    for path in ("/groups", "/groups/VIP", "/contacts", "/contacts/1"):
        page = everyone.vic.get(at(everyone, path))
        assert "…" not in page.text.replace("Search…", "")
        assert not [form for form in page.forms if form.method == "post" and "/p/" in form.action]


def test_a_group_that_is_full_of_groups_is_found_by_name(everyone: Everyone, book: Book) -> None:
    for number in range(120):
        book.write(groups.create_group, name=f"group {number}")
    page = everyone.vic.get(at(everyone, "/groups"))
    assert rows_of(page) == 100
    assert rows_of(everyone.vic.get(at(everyone, "/groups?page=2"))) == 20
    assert rows_of(everyone.vic.get(at(everyone, "/groups?q=GROUP+11"))) == 11
