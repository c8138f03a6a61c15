"""Fills the search index and keeps it up with the feed, in steps: prepared in a snapshot, written under the lock.

A step reads what the book says now of some contacts, and what the index has of them; the difference is written. The
index waits while much is written, since a search looks through what it does not have yet. No SQL, no HTTP.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby

from msgspec import Struct
from msgspec.structs import replace

from daftari.model.erasures import Person, Removed
from daftari.model.limits import ID_MAX
from daftari.rules.search.tokens import END_MAX, START_MAX, tokens_of, tokens_of_end, tokens_of_start, tokens_of_word
from daftari.rules.search.words import words_of
from daftari.rules.search.written import NOT_BEGUN, as_filled, find_written, list_unfilled
from daftari.store import Tx, WriteTx, contacts, feed, search
from daftari.store.contacts import StoredContact
from daftari.store.journal import read_ids
from daftari.store.search import BLOCK_MASK, BLOCK_SHIFT, Entry, IndexChanges, IndexState, PostingKey

CONTACTS_PER_STEP = 10_000
CONTACTS_WHILE_AWAITED = 1_000
"""The same while another write waits for the lock."""
CHANGES_AT_ONCE = 100
OF_CONTACTS = frozenset({"contacts.created", "contacts.updated", "contacts.deleted", "contacts.erased"})
"""The changes after which the index is to say something else."""
QUIET_MICROSECONDS = 2_000_000
"""How long ago the last change is before the index is written."""
LAG_MICROSECONDS_MAX = 60_000_000
"""How old a change becomes at most before the index is written, however many more there are."""
NOTHING = IndexChanges((), (), (), {})


class Step(Struct, frozen=True):
    """One step: the revision that it was prepared from, how far the index is after it, and what it writes."""

    revision: int
    state: IndexState
    changes: IndexChanges


# ---- when ---------------------------------------------------------------------------------------------


def is_index_due(tx: Tx) -> bool:
    """Whether the index is to be written now."""
    state = search.get_state(tx)
    if state is None:
        oldest = feed.get_oldest_seq(tx)
        return contacts.has_contacts(tx) and (oldest is None or _has_waited(tx, oldest))
    if as_filled(tx, state).filled_to is not None:
        return True
    return state.seq < feed.get_last_seq(tx) and _has_waited(tx, state.seq + 1)


def _has_waited(tx: Tx, oldest: int) -> bool:
    """Whether nothing was written for a while, or the oldest change that the index does not have has waited enough."""
    since, waited = _age_of(tx, feed.get_last_seq(tx)), _age_of(tx, oldest)
    return not 0 <= since < QUIET_MICROSECONDS or not 0 <= waited < LAG_MICROSECONDS_MAX


def _age_of(tx: Tx, seq: int) -> int:
    """How long ago a change was; below 0 if the clock was set back since, or it is no longer kept."""
    at = search.get_change_time(tx, seq=seq)
    return -1 if at is None else tx.now - at


# ---- a step -------------------------------------------------------------------------------------------


def prepare_step(tx: Tx, *, contacts_max: int = CONTACTS_PER_STEP) -> Step:
    """What the next step writes: some contacts of the book while the index is filled, then those that changed."""
    state = search.get_state(tx) or replace(NOT_BEGUN, seq=feed.get_last_seq(tx))
    revision, state = state.revision, as_filled(tx, state)
    if state.filled_to is not None:
        found = list_unfilled(tx, after=state.filled_to, limit=contacts_max)
        filled_to = found[-1].id if len(found) == contacts_max else None
        ids: Sequence[int] = [contact.id for contact in found]
        return Step(revision, replace(state, filled_to=filled_to), _find_changes(tx, ids, found))
    ids, seq = _find_changed(tx, state.seq, contacts_max)
    found = contacts.list_contacts_among(tx, ids=ids) if ids else []
    return Step(revision, replace(state, seq=seq), _find_changes(tx, ids, found))


def apply_step(tx: WriteTx, *, step: Step) -> bool:
    """Write a step. Returns ``False``, with nothing written, when the index was written since it was prepared."""
    if (search.get_state(tx) or NOT_BEGUN).revision != step.revision:
        return False
    search.write_index(tx, changes=step.changes)
    search.save_state(tx, state=step.state)
    return True


def _find_changed(tx: Tx, seq: int, contacts_max: int) -> tuple[list[int], int]:
    """The contacts that the next changes name, in order, and the last of these changes."""
    ids: set[int] = set()
    while some := feed.list_change_contacts(tx, first=seq + 1, last=ID_MAX, limit=CHANGES_AT_ONCE):
        for change in some:
            seq = change.seq
            if change.type in OF_CONTACTS:
                ids.update(read_ids(change.contacts))
                if len(ids) >= contacts_max:
                    return sorted(ids), seq
    return sorted(ids), seq


def _find_changes(tx: Tx, ids: Sequence[int], found: Sequence[StoredContact]) -> IndexChanges:
    """What makes the index say of some contacts what the book says: those ``found`` are there, the others are not."""
    stored = search.find_entries(tx, ids=ids)
    entries = [make_entry(contact, searchable=tx.project.searchable) for contact in found]
    new = [entry for entry in entries if entry.contact_id not in stored]
    changed = [entry for entry in entries if stored.get(entry.contact_id, entry) != entry]
    gone = stored.keys() - {entry.contact_id for entry in entries}
    joined, left = place_entries(new), dict[PostingKey, list[int]]()
    for after in changed:
        before = stored[after.contact_id]
        tokens_before, tokens_after = _tokens(before), _tokens(after)
        _place(left, after.contact_id, tokens_before - tokens_after)
        _place(joined, after.contact_id, tokens_after - tokens_before)
    for contact_id in gone:
        _place(left, contact_id, _tokens(stored[contact_id]))
    gone_entries = [*gone, *(entry.contact_id for entry in changed)]
    return _change_postings(tx, IndexChanges(gone_entries, [*new, *changed], (), {}), joined, left)


def _change_postings(
    tx: Tx,
    changes: IndexChanges,
    joined: Mapping[PostingKey, Sequence[int]],
    left: Mapping[PostingKey, Sequence[int]],
) -> IndexChanges:
    keys = sorted({*joined, *left})
    stored = search.find_postings(tx, keys=keys)
    postings = {}
    for key in keys:
        ids = search.change_posting(stored.get(key), joined=joined.get(key, ()), left=left.get(key, ()))
        if ids:
            postings[key] = ids
    return replace(changes, gone_postings=[*stored], postings=postings)


def make_entry(contact: StoredContact, *, searchable: Sequence[str]) -> Entry:
    """What the index is to hold of a contact."""
    return Entry(contact.id, contact.mobile, " ".join(sorted(words_of(contact.card, searchable=searchable))))


def _tokens(entry: Entry) -> set[str]:
    return tokens_of(entry.mobile, entry.words.split())


def _place(places: dict[PostingKey, list[int]], contact_id: int, tokens: Iterable[str]) -> None:
    block, place = contact_id >> BLOCK_SHIFT, contact_id & BLOCK_MASK
    for token in tokens:
        places.setdefault((block, token), []).append(place)


def place_entries(entries: Sequence[Entry]) -> dict[PostingKey, list[int]]:
    """The places of some contacts, in order of id, by block and token. A place may come twice.

    Words are collected before their tokens are made: most contacts share theirs with others.
    """
    places: defaultdict[PostingKey, list[int]] = defaultdict(list)
    for block, some in groupby(entries, lambda entry: entry.contact_id >> BLOCK_SHIFT):
        words: defaultdict[str, list[int]] = defaultdict(list)
        starts: defaultdict[str, list[int]] = defaultdict(list)
        ends: defaultdict[str, list[int]] = defaultdict(list)
        for entry in some:
            place, digits = entry.contact_id & BLOCK_MASK, str(entry.mobile)
            for word in entry.words.split():
                words[word].append(place)
            starts[digits[:START_MAX]].append(place)
            ends[digits[-END_MAX:]].append(place)
        for texts, make_tokens in ((words, tokens_of_word), (starts, tokens_of_start), (ends, tokens_of_end)):
            for text, of_text in texts.items():
                for token in make_tokens(text):
                    places[block, token] += of_text
    return places


# ---- erased, and written again ------------------------------------------------------------------------


def erase(tx: WriteTx, person: Person) -> Removed:
    """Remove what the index holds of a contact. A step that was prepared before is not written.

    A contact that was deleted or got another number since may be in the index with the number: it is among those that
    a search looks through itself, and waits for the next step without its entry.
    """
    state = search.get_state(tx)
    if state is None:
        return {}
    waiting = search.find_entries(tx, ids=sorted(find_written(tx, state=state).ids))
    ids = {entry.contact_id for entry in waiting.values() if entry.mobile == person.mobile}
    if person.contact_id is not None:
        ids.add(person.contact_id)
    if ids:
        search.write_index(tx, changes=_find_changes(tx, sorted(ids), []))
        search.save_state(tx, state=state)
    return {}


def write_block(tx: WriteTx, *, block: int, found: Collection[StoredContact]) -> None:
    """Write a block again, with the contacts that the book has in it."""
    first = block << BLOCK_SHIFT
    entries = [make_entry(contact, searchable=tx.project.searchable) for contact in found]
    stored = search.list_entries(tx, first=first, last=first + BLOCK_MASK)
    places = place_entries(entries)
    changes = IndexChanges(
        gone_entries=[entry.contact_id for entry in stored],
        entries=entries,
        gone_postings=[(block, token) for token in search.list_block_postings(tx, block=block)],
        postings={key: search.change_posting(None, joined=some, left=()) for key, some in places.items()},
    )
    search.write_index(tx, changes=changes)
