"""What was written after the index: the contacts that a search looks through itself, so that it knows of every write.

No SQL, no HTTP.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from daftari.model.limits import ID_MAX, SEARCHED_ANEW_MAX
from daftari.model.time import format_time
from daftari.rules.search.query import Query
from daftari.rules.search.words import VERSION, fold, words_of
from daftari.store import Tx, contacts, search
from daftari.store.consent import SUPPRESSED
from daftari.store.contacts import StoredContact
from daftari.store.directory import PageStart
from daftari.store.journal import read_ranges
from daftari.store.search import IndexState

CHANGES_AT_ONCE = 100
CONTACTS_AT_ONCE = 1_000
NOT_BEGUN = IndexState(seq=0, filled_to=0, searchable=(), version=0, revision=0)
"""An index that has nothing yet."""


class Written(Struct, frozen=True):
    """The contacts that are not in the index yet: what the index has of them does not count.

    ``indexed_until``: when there are more than a search looks through, the time until which everything is found.
    """

    ids: Collection[int]
    indexed_until: str | None


def find_written(tx: Tx, *, state: IndexState | None) -> Written:
    """The contacts that were written after the index; if they are too many, the last of them."""
    state = as_filled(tx, state or NOT_BEGUN)
    ids, is_whole = _find_changed(tx, state.seq) if state.revision else (set[int](), True)
    indexed_until = None
    if not is_whole:
        indexed_until = search.get_change_time(tx, seq=state.seq) or tx.project.created_at
    if state.filled_to is not None:
        beyond = PageStart(first=state.filled_to + 1, skip=SEARCHED_ANEW_MAX)
        if contacts.find_listed_id(tx, group_id=None, consent_status=SUPPRESSED, start=beyond) is None:
            ids.update(contact.id for contact in list_unfilled(tx, after=state.filled_to, limit=SEARCHED_ANEW_MAX))
        else:
            indexed_until = tx.project.created_at
    return Written(ids, None if indexed_until is None else format_time(indexed_until))


def as_filled(tx: Tx, state: IndexState) -> IndexState:
    """The state, as one that is to be filled from the beginning if it has other attributes, or was folded otherwise."""
    wanted, version = tx.project.searchable, VERSION
    if (state.searchable, state.version) == (wanted, version):
        return state
    return replace(state, filled_to=0, searchable=wanted, version=version)


def list_unfilled(tx: Tx, *, after: int, limit: int) -> list[StoredContact]:
    """At most ``limit`` contacts after an id, in order."""
    start = PageStart(first=after + 1, skip=0)
    return contacts.list_contacts(tx, group_id=None, consent_status=SUPPRESSED, start=start, limit=limit)


def list_matching(tx: Tx, written: Written, query: Query, *, after: int) -> Iterator[int]:
    """The ids after one of those that were written and match, in order, read as far as they are wanted."""
    # A card that has none of the texts of some term does not match: far sooner seen than the words of a card are.
    needed = [
        [text for part in term.list_parts() for text in (part.word, *part.starts, part.end) if text] for term in query
    ]
    ids = iter(sorted(number for number in written.ids if number > after))
    while some := [*islice(ids, CONTACTS_AT_ONCE)]:
        for contact in contacts.list_contacts_among(tx, ids=some):
            card = fold(contact.card)
            if all(any(text in card for text in texts) for texts in needed):
                words, digits = words_of(contact.card, searchable=tx.project.searchable), str(contact.mobile)
                if all(term.matches(digits, words) for term in query):
                    yield contact.id


def _find_changed(tx: Tx, seq: int) -> tuple[set[int], bool]:
    """The contacts that changes after one name, the last written first; whether these are all."""
    changed: set[int] = set()
    before = ID_MAX
    while some := search.list_newest_changes(tx, after=seq, before=before, limit=CHANGES_AT_ONCE):
        for change in some:
            for first, last in reversed(read_ranges(change.contacts)):
                added = set(range(max(first, last - SEARCHED_ANEW_MAX), last + 1)) - changed
                if len(changed) + len(added) > SEARCHED_ANEW_MAX:
                    changed.update(sorted(added)[len(changed) - SEARCHED_ANEW_MAX :])
                    return changed, False
                changed |= added
        before = some[-1].seq
    return changed, True
