"""A list of contacts for people to look through: searched, of a group, by whether they may be messaged. No SQL."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from daftari.model.contacts import Card
from daftari.rules.consent import ledger
from daftari.rules.consent.state import NOTHING_KNOWN
from daftari.rules.consent.summary import Answer, sum_up
from daftari.rules.contacts import contacts
from daftari.rules.search.find import search_contacts
from daftari.rules.search.query import Query
from daftari.store import Tx, directory, groups

SCANNED_MAX = 10_000
"""Contacts that one page looks at where it is asked who may be messaged; it may have fewer, and a next one."""
SCANNED_AT_ONCE = 500
NOTHING: frozenset[str] = frozenset()

_decode_cards = msgspec.json.Decoder(list[Card]).decode


class Listed(Struct, frozen=True):
    """A contact in a list."""

    card: Card
    groups: list[str]
    may: Answer


class People(Struct, frozen=True):
    """Part of a list. ``total``: of a list that has numbered pages. ``next``: the id after which there is more.

    ``book``: how many contacts there are in all, but for pages of a group. ``indexed_until``: as in a search.
    """

    people: list[Listed]
    book: int | None
    total: int | None = None
    next: int | None = None
    indexed_until: str | None = None


class Wanted(Struct, frozen=True):
    """Who is wanted, and where in the list. ``after`` is an id, for lists that have no numbered pages."""

    query: Query | None
    group: str | None
    may: Answer | None
    page: int
    after: int
    limit: int

    @property
    def is_numbered(self) -> bool:
        """Whether the list has numbered pages."""
        return self.query is None and self.may is None


def list_people(tx: Tx, *, wanted: Wanted) -> People:
    """Part of the book, of a group, or of what is found; those too who opted out of everything."""
    if not wanted.is_numbered:
        found = _find_answers(tx, wanted) if wanted.may else _find_some(tx, wanted, wanted.after, wanted.limit)
        return People(found.people, _count_book(tx), None, found.next, found.indexed_until)
    page = contacts.list_contacts(
        tx, group=wanted.group, page=wanted.page, per_page=wanted.limit, include=NOTHING, suppressed=True
    )
    book = page.total if wanted.group is None else None
    return People(_show(tx, page.cards), book, page.total)


def count_matching(tx: Tx, *, query: Query, most: int) -> list[Card]:
    """The first contacts of the whole book that match, ``most`` at the most: for one who found none in a group."""
    found = search_contacts(tx, query=query, group=None, after=0, limit=most, include=NOTHING, suppressed=True)
    return read_cards(found.cards)


def read_cards(cards: bytes) -> list[Card]:
    """The cards of a page, which are JSON joined with commas."""
    return _decode_cards(b"[%b]" % cards)


class _Some(Struct, frozen=True):
    people: list[Listed]
    next: int | None
    indexed_until: str | None = None


def _find_answers(tx: Tx, wanted: Wanted) -> _Some:
    """Those who may be messaged as is wanted, among as many as one page looks at."""
    chosen: list[Listed] = []
    after, scanned = wanted.after, 0
    while True:
        found = _find_some(tx, wanted, after, SCANNED_AT_ONCE)
        for place, listed in enumerate(found.people):
            if listed.may == wanted.may:
                chosen.append(listed)
                is_last = place + 1 == len(found.people)
                if len(chosen) == wanted.limit and not (is_last and found.next is None):
                    return _Some(chosen, listed.card.id, found.indexed_until)
        scanned += len(found.people)
        if found.next is None or len(chosen) == wanted.limit or scanned >= SCANNED_MAX:
            return _Some(chosen, found.next, found.indexed_until)
        after = found.next


def _find_some(tx: Tx, wanted: Wanted, after: int, limit: int) -> _Some:
    """The contacts after an id that are searched for, or all of the book or group."""
    if wanted.query is not None:
        found = search_contacts(
            tx,
            query=wanted.query,
            group=wanted.group,
            after=after,
            limit=limit,
            include=NOTHING,
            suppressed=True,
        )
        return _Some(_show(tx, found.cards), found.next, found.indexed_until)
    page = contacts.list_contacts_after(
        tx, group=wanted.group, after_id=after, per_page=limit, include=NOTHING, suppressed=True
    )
    has_more = page.before + page.count < page.total
    return _Some(_show(tx, page.cards), page.last_id if has_more else None)


def _show(tx: Tx, cards: bytes) -> list[Listed]:
    found = read_cards(cards)
    if not found:
        return []
    names = groups.list_group_names(tx, ids=[card.id for card in found])
    states = ledger.find_states(tx, mobiles=[int(card.mobile) for card in found])
    require = tx.project.consent.require_opt_in
    return [
        Listed(card, names[card.id], sum_up(states.get(int(card.mobile), NOTHING_KNOWN), require_opt_in=require))
        for card in found
    ]


def _count_book(tx: Tx) -> int:
    return directory.count_list(tx, list_id=directory.BOOK)
