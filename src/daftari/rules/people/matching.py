"""The contacts that match a search and filters, by id: for pages, and for what is done with all of them. No SQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from operator import attrgetter

from msgspec import Struct

from daftari.rules.consent import ledger
from daftari.rules.consent.state import NOTHING_KNOWN
from daftari.rules.consent.summary import Answer, sum_up
from daftari.rules.fields import fold_name
from daftari.rules.search.find import find_ids
from daftari.rules.search.query import Query
from daftari.store import Tx, bulk, contacts, directory, groups
from daftari.store.consent import CLEAR
from daftari.store.contacts import ContactNumber
from daftari.store.purge import list_first_members

AT_ONCE = 1_000
"""Contacts that are looked at at a time."""
MEMBERS_READ_MAX = 10_000
"""Members of a group that are all looked at, in place of all contacts of whom something is known."""

_id_of = attrgetter("id")

Part = tuple[Sequence[ContactNumber], Sequence[ContactNumber]]
"""Contacts that are looked at, and those of them that are in the group."""


class Filter(Struct, frozen=True):
    """Who is wanted: by words and digits, of a group, and by whether they may be messaged."""

    query: Query | None
    group: str | None
    may: Answer | None


class Matching(Struct, frozen=True):
    """Contacts that match, in order. ``indexed_until``: as in a search."""

    ids: list[int]
    indexed_until: str | None = None


class Looked(Struct, frozen=True):
    """What was looked at: so many contacts, up to an id, and those of them that match.

    Of contacts that are not in the group, which is soon seen, ten count as one.
    """

    count: int
    last: int
    matching: list[int]


def list_matching(tx: Tx, *, wanted: Filter, limit: int) -> Matching:
    """The first contacts that match, those too who opted out of everything."""
    if wanted.query is not None:
        found = find_ids(tx, query=wanted.query, group=wanted.group, after=0, suppressed=True)
        return Matching(_take(look_for(tx, wanted=wanted, ids=found.ids, after=0), limit), found.indexed_until)
    if wanted.may is not None:
        return Matching(_take(look_for(tx, wanted=wanted, ids=None, after=0), limit))
    if wanted.group is None:
        return Matching(bulk.list_book_ids(tx, limit=limit))
    group_id = groups.find_group_id(tx, folded=fold_name(wanted.group))
    return Matching([] if group_id is None else list_first_members(tx, group_id=group_id, limit=limit))


def _take(looked: Iterator[Looked], limit: int) -> list[int]:
    ids: list[int] = []
    for one in looked:
        ids += one.matching
        if len(ids) >= limit:
            break
    return ids[:limit]


def look_for(tx: Tx, *, wanted: Filter, ids: Iterator[int] | None, after: int) -> Iterator[Looked]:
    """Looks for those that match after an id, some contacts at a time. ``ids``: those that a search found."""
    require = tx.project.consent.require_opt_in
    of_clear = sum_up(NOTHING_KNOWN, require_opt_in=require)
    found = _read_ids(tx, ids) if ids is not None else _candidates(tx, wanted, after, only_known=wanted.may != of_clear)
    for some, inside in found:
        if wanted.may is None:
            chosen = [one.id for one in inside]
        else:
            known = [one.mobile for one in inside if one.consent_status != CLEAR]
            states = ledger.find_states(tx, mobiles=known) if known else {}
            answers = {mobile: sum_up(state, require_opt_in=require) for mobile, state in states.items()}
            chosen = [one.id for one in inside if answers.get(one.mobile, of_clear) == wanted.may]
        yield Looked(len(inside) + -(-(len(some) - len(inside)) // 10), some[-1].id, chosen)


def _read_ids(tx: Tx, ids: Iterator[int]) -> Iterator[Part]:
    while some := [*islice(ids, AT_ONCE)]:
        if found := sorted(contacts.find_contact_numbers(tx, ids=some), key=_id_of):
            yield found, found


def _candidates(tx: Tx, wanted: Filter, after: int, *, only_known: bool) -> Iterator[Part]:
    """All contacts after an id that may match, those first that are cheap to find."""
    if wanted.group is None:
        yield from _read_on(tx, after, group_id=None, only_known=only_known)
        return
    group_id = groups.find_group_id(tx, folded=fold_name(wanted.group))
    if group_id is None:
        return
    if not only_known or directory.count_list(tx, list_id=group_id) <= MEMBERS_READ_MAX:
        yield from _read_on(tx, after, group_id=group_id, only_known=False)
        return
    for some, _ in _read_on(tx, after, group_id=None, only_known=True):
        members = groups.find_members(tx, group_id=group_id, ids=[one.id for one in some])
        yield some, [one for one in some if one.id in members]


def _read_on(tx: Tx, after: int, *, group_id: int | None, only_known: bool) -> Iterator[Part]:
    has_more = True
    while has_more:
        some = contacts.list_contact_numbers(tx, group_id=group_id, only_known=only_known, after=after, limit=AT_ONCE)
        if some:
            yield some, some
            after = some[-1].id
        has_more = len(some) == AT_ONCE
