"""Changes of many contacts at once: each is one act, and those who may not join stay where they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from daftari.errors import ContactNotFound, GroupNotFound, ValidationFailed
from daftari.model.projects import Actor
from daftari.model.time import current_time
from daftari.rules.consent import facts
from daftari.rules.contacts import contacts, groups, many, parse
from daftari.store import Store, Tx, journal
from tests.conftest import People

MOBILES = tuple(f"072200000{place}" for place in range(4))


class Book:
    """Four contacts of Shopify, in the group ``old``; the last one opted out."""

    def __init__(self, store: Store, people: People) -> None:
        self.store, self.project = store, people.shopify
        raw = b'[{"mobile": "%b"}]' % b'"}, {"mobile": "'.join(mobile.encode() for mobile in MOBILES)
        rows = parse.read_contacts(raw, field="contacts", region="KE", now=current_time())
        made = self.write(contacts.create_contacts, rows=rows, group="old", skip=False, results=True)
        self.ids = [row.id for row in made.rows]
        self.write(facts.record_given, given=self.opt_out(MOBILES[-1]), kind="opt_out")

    def write(self, rule: Callable[..., Any], **given: Any) -> Any:
        return self.store.write(self.project, Actor(None, "test"), current_time(), rule, **given)

    def opt_out(self, mobile: str) -> facts.Given:
        return facts.read_facts(
            [mobile], common={"source": "inbound"}, kind="opt_out", writer="api", region="KE", now=current_time()
        )

    def counts(self) -> dict[str, int]:
        found = self.store.read(self.project, 1, groups.list_groups, after=0, limit=100)
        return {group.name: group.contacts for group in found}

    def acts(self) -> list[str]:
        def actions(tx: Tx) -> list[str]:
            return [row.action for row in journal.list_journal(tx, first=1, last=1_000, limit=1_000)]

        return self.store.read(self.project, 1, actions)


@pytest.fixture
def book(store: Store, people: People) -> Book:
    """The book."""
    return Book(store, people)


def test_a_move_is_one_act_and_leaves_all_other_groups_or_the_one_that_is_named(book: Book) -> None:
    book.write(many.add_to_group, ids=book.ids, name="third")
    before = len(book.acts())
    book.write(groups.create_group, name="new")
    outcome = book.write(many.move_to_group, ids=[*book.ids, 99], name="New", out_of="OLD")
    assert (outcome.changed, outcome.suppressed, outcome.unknown) == (3, 1, 1)
    assert book.counts() == {"old": 0, "third": 3, "new": 3}
    assert book.acts()[before:] == ["create_group", "move_contacts"]
    again = book.write(many.move_to_group, ids=book.ids, name="new", out_of="old")
    assert (again.changed, again.already) == (0, 3)
    assert len(book.acts()) == before + 2
    book.write(many.move_to_group, ids=book.ids[:2], name="only", out_of=None)
    assert book.counts() == {"old": 0, "third": 1, "new": 1, "only": 2}
    with pytest.raises(GroupNotFound):
        book.write(many.move_to_group, ids=book.ids, name="new", out_of="none")


def test_contacts_that_are_removed_leave_every_list_in_one_act(book: Book) -> None:
    before = len(book.acts())
    assert book.write(many.remove_contacts, ids=[*book.ids, book.ids[0], 99]) == 4
    assert book.write(many.remove_contacts, ids=book.ids) == 0
    assert book.acts()[before:] == ["delete_contacts"]
    assert book.counts() == {"old": 0}
    listed = book.store.read(
        book.project, 1, contacts.list_contacts, group=None, page=1, per_page=10, include=frozenset(), suppressed=True
    )
    assert listed.total == 0


def test_a_merge_keeps_who_may_not_join_out_and_ends_the_group(book: Book) -> None:
    book.write(groups.create_group, name="new")
    with pytest.raises(ValidationFailed):
        book.write(many.merge_groups, name="old", into="OLD")
    with pytest.raises(GroupNotFound):
        book.write(many.merge_groups, name="old", into="none")
    outcome = book.write(many.merge_groups, name="old", into="new")
    assert (outcome.changed, book.counts()) == (3, {"new": 3})


def test_an_opt_out_may_take_the_contact_out_of_the_book_and_stays(book: Book) -> None:
    given = book.opt_out(MOBILES[0])
    outcome = book.write(many.record_and_remove, contact_id=book.ids[0], given=given, removes=True)
    assert outcome.counts["recorded"] == 1
    with pytest.raises(ContactNotFound):
        book.write(many.record_and_remove, contact_id=book.ids[0], given=given, removes=False)
    assert book.counts() == {"old": 2}
