"""The search index against the book, a block of ids at a time, and its repair. No SQL, no HTTP."""

from __future__ import annotations

from collections.abc import Iterator

from pyroaring import BitMap64

from daftari.model.limits import ID_MAX
from daftari.rules.search.index import OF_CONTACTS, make_entry, place_entries, write_block
from daftari.store import Tx, WriteTx, contacts, directory, feed, search
from daftari.store.consent import SUPPRESSED
from daftari.store.contacts import StoredContact
from daftari.store.directory import PageStart
from daftari.store.journal import read_ranges
from daftari.store.search import BLOCK_MASK, BLOCK_SHIFT, IndexState

CHANGES_AT_ONCE = 1_000


def find_wrong_blocks(tx: Tx) -> Iterator[tuple[int, str]]:
    """The blocks of the index that are not what the book leads to, and what is wrong with each.

    What was written after the index, or is still to be filled, may be missing from it and may be out of date.
    """
    state = search.get_state(tx)
    if state is None:
        for block in sorted(search.list_used_blocks(tx)):
            yield block, "has rows, although the index was not begun"
        return
    open_ids = _find_open(tx, state)
    for block in sorted(search.list_used_blocks(tx) | _list_blocks(tx)):
        wrong = _find_wrong(tx, state, block, open_ids)
        if wrong:
            yield block, wrong


def repair_index(tx: WriteTx) -> None:
    """Write the blocks again that are wrong."""
    wrong = [block for block, _ in find_wrong_blocks(tx)]
    state = search.get_state(tx)
    for block in wrong:
        found = [] if state is None else _list_contacts(tx, block)
        if state is not None and state.filled_to is not None:
            found = [contact for contact in found if contact.id <= state.filled_to]
        write_block(tx, block=block, found=found)
    if wrong and state is not None:
        search.save_state(tx, state=state)


def _find_open(tx: Tx, state: IndexState) -> BitMap64:
    """The contacts that changed after what the index has had."""
    changed = BitMap64()
    seq = state.seq
    while some := feed.list_change_contacts(tx, first=seq + 1, last=ID_MAX, limit=CHANGES_AT_ONCE):
        for change in some:
            if change.type in OF_CONTACTS:
                for first, last in read_ranges(change.contacts):
                    changed.add_range(first, last + 1)
        seq = some[-1].seq
    return changed


def _find_wrong(tx: Tx, state: IndexState, block: int, open_ids: BitMap64) -> str:
    """What is wrong with a block; empty if nothing is."""
    first = block << BLOCK_SHIFT
    entries = search.list_entries(tx, first=first, last=first + BLOCK_MASK)
    found = {contact.id: contact for contact in _list_contacts(tx, block)}
    filled_to = ID_MAX if state.filled_to is None else state.filled_to
    for entry in entries:
        contact = found.pop(entry.contact_id, None)
        if entry.contact_id in open_ids or entry.contact_id > filled_to:
            continue
        if contact is None:
            return f"has contact {entry.contact_id}, which does not exist"
        if make_entry(contact, searchable=state.searchable) != entry:
            return f"has other words or another number for contact {entry.contact_id}"
    missing = [number for number in found if number not in open_ids and number <= filled_to]
    if missing:
        return f"does not have contact {missing[0]}"
    wanted = {token: sorted({*places}) for (_, token), places in place_entries(entries).items()}
    stored = search.list_block_postings(tx, block=block)
    for token in sorted({*wanted, *stored}):
        if token not in stored or [*search.read_posting(stored[token])] != wanted.get(token):
            return "does not find its contacts by their words and numbers"
    return ""


def _list_blocks(tx: Tx) -> set[int]:
    """The blocks in which the book may have contacts."""
    return {
        block
        for first, last in directory.list_spans(tx, list_id=directory.BOOK)
        for block in range(first >> BLOCK_SHIFT, (last >> BLOCK_SHIFT) + 1)
    }


def _list_contacts(tx: Tx, block: int) -> list[StoredContact]:
    """The contacts with an id in a block, in order."""
    first = block << BLOCK_SHIFT
    start = PageStart(first=first, skip=0)
    found = contacts.list_contacts(tx, group_id=None, consent_status=SUPPRESSED, start=start, limit=BLOCK_MASK + 1)
    return [contact for contact in found if contact.id <= first + BLOCK_MASK]
