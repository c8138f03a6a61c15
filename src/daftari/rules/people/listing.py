"""A list of contacts for people to look through: searched, of a group, by whether they may be messaged. No SQL."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from daftari.model.contacts import Card
from daftari.rules.consent import ledger
from daftari.rules.consent.state import NOTHING_KNOWN
from daftari.rules.consent.summary import Answer, sum_up
from daftari.rules.contacts import contacts
from daftari.rules.people.matching import Filter, look_for
from daftari.rules.search.find import find_ids, search_contacts
from daftari.rules.search.query import Query
from daftari.store import Tx, groups

SCANNED_MAX = 10_000
"""Contacts that one page looks at where it is asked who may be messaged; it may have fewer, and a next one."""
NOTHING: frozenset[str] = frozenset()

_decode_cards = msgspec.json.Decoder(list[Card]).decode


class Listed(Struct, frozen=True):
    """A contact in a list."""

    card: Card
    groups: list[str]
    may: Answer


class People(Struct, frozen=True):
    """Part of a list. ``total``: of a list that has numbered pages. ``next``: the id after which there is more.

    ``indexed_until``: as in a search.
    """

    people: list[Listed]
    total: int | None = None
    next: int | None = None
    indexed_until: str | None = None


class Wanted(Filter, frozen=True):
    """Who is wanted, and where in the list. ``after`` is an id, for lists that have no numbered pages.

    ``group_id``: the group's id, where it is known already.
    """

    page: int
    after: int
    limit: int
    group_id: int | None = None


def list_people(tx: Tx, *, wanted: Wanted) -> People:
    """Part of the book, of a group, or of what is found; those too who opted out of everything."""
    if wanted.may is not None:
        return _find_answers(tx, wanted)
    if wanted.query is not None:
        found = search_contacts(
            tx,
            query=wanted.query,
            group=wanted.group,
            after=wanted.after,
            limit=wanted.limit,
            include=NOTHING,
            suppressed=True,
            group_id=wanted.group_id,
        )
        return People(_show(tx, found.cards), None, found.next, found.indexed_until)
    page = contacts.list_contacts(
        tx,
        group=wanted.group,
        group_id=wanted.group_id,
        page=wanted.page,
        per_page=wanted.limit,
        include=NOTHING,
        suppressed=True,
    )
    return People(_show(tx, page.cards), page.total)


def find_elsewhere(tx: Tx, *, query: Query, most: int) -> list[Card]:
    """The first contacts of the whole book that match, ``most`` at the most: for one who found none in a group."""
    found = search_contacts(tx, query=query, group=None, after=0, limit=most, include=NOTHING, suppressed=True)
    return read_cards(found.cards)


def read_cards(cards: bytes) -> list[Card]:
    """The cards of a page, which are JSON joined with commas."""
    return _decode_cards(b"[%b]" % cards)


def _find_answers(tx: Tx, wanted: Wanted) -> People:
    """Those who may be messaged as is wanted, among as many as one page looks at."""
    found = None
    if wanted.query is not None:
        found = find_ids(
            tx,
            query=wanted.query,
            group=wanted.group,
            after=wanted.after,
            suppressed=True,
            of_page=True,
            group_id=wanted.group_id,
        )
    chosen: list[int] = []
    looked_at, following = 0, None
    for looked in look_for(tx, wanted=wanted, ids=found.ids if found else None, after=wanted.after):
        chosen += looked.matching
        looked_at += looked.count
        if len(chosen) > wanted.limit:
            following = chosen[wanted.limit - 1]
            break
        if looked_at >= SCANNED_MAX:
            following = looked.last
            break
    end = found.end if found else None
    if end is not None:
        chosen = [number for number in chosen if number <= end]
        following = min(end, following or end) if len(chosen) <= wanted.limit else chosen[wanted.limit - 1]
    cards = contacts.find_contacts(tx, ids=chosen[: wanted.limit], include=NOTHING).cards
    return People(_show(tx, cards, may=wanted.may), None, following, found.indexed_until if found else None)


def _show(tx: Tx, cards: bytes, *, may: Answer | None = None) -> list[Listed]:
    """``may``: of all of them, where it is known."""
    found = read_cards(cards)
    if not found:
        return []
    names = groups.list_group_names(tx, ids=[card.id for card in found])
    if may is not None:
        return [Listed(card, names[card.id], may) for card in found]
    states = ledger.find_states(tx, mobiles=[int(card.mobile) for card in found])
    require = tx.project.consent.require_opt_in
    return [
        Listed(card, names[card.id], sum_up(states.get(int(card.mobile), NOTHING_KNOWN), require_opt_in=require))
        for card in found
    ]
