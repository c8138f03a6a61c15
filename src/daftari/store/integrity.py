"""What ``daftari check`` reads and repairs: both sides of each invariant. Which side is right belongs to the rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from daftari.model.limits import ID_MAX
from daftari.store.consent import KNOWN, SUPPRESSED
from daftari.store.contacts import StoredContact
from daftari.store.directory import BOOK, LEVEL_SHIFTS, LISTED
from daftari.store.engine import Tx, WriteTx

ROWS_PER_STEP = 10_000
"""Contacts read at a time."""

Blocks = Counter[tuple[int, int, int]]
"""Members by list, level and block."""


class BookState(Struct, frozen=True):
    """A book's counters, the largest numbers, and the rows of journal and feed that there are."""

    next_id: int
    next_group_id: int
    next_seq: int
    next_fact: int
    next_change: int
    oldest_seq: int
    closed: int
    """1 when the project was deleted and its rows are being purged."""
    largest_id: int
    largest_group_id: int
    largest_fact: int
    journal_first: int
    journal_last: int
    journal_rows: int
    feed_first: int
    feed_last: int
    feed_rows: int


def read_book(tx: Tx) -> BookState | None:
    """The counters and what they must exceed; ``None`` without a book."""
    row = tx.fetch_one(tuple[int, ...], "check_book")
    journal = tx.fetch_one(tuple[int, ...], "check_journal")
    feed = tx.fetch_one(tuple[int, ...], "check_feed")
    return None if row is None or journal is None or feed is None else BookState(*row, *journal, *feed)


def find_duplicates(tx: Tx) -> list[int]:
    """Numbers that more than one contact has."""
    return tx.fetch(int, "check_duplicates")


def list_rows(tx: Tx) -> Iterator[StoredContact]:
    """Every contact, in order of id."""
    after = -1
    while rows := tx.fetch(tuple[int, int, str, int], "check_rows", after=after, limit=ROWS_PER_STEP):
        for contact_id, mobile, card, consent_status in rows:
            yield StoredContact(contact_id, mobile, card, consent_status=consent_status)
        after = rows[-1][0]


def list_states(tx: Tx) -> Iterator[tuple[int, bool, str]]:
    """Every stored state: subject, whether it is suppressed, and the state's text."""
    after = -ID_MAX - 1
    while rows := tx.fetch(tuple[int, int, str], "check_states", after=after, limit=ROWS_PER_STEP):
        for subject_id, suppressed, state in rows:
            yield subject_id, bool(suppressed), state
        after = rows[-1][0]


def list_fact_subjects(tx: Tx) -> Iterator[int]:
    """Every subject that has facts."""
    after = -ID_MAX - 1
    while subject_ids := tx.fetch(int, "check_subjects", after=after, limit=ROWS_PER_STEP):
        yield from subject_ids
        after = subject_ids[-1]


def find_orphans(tx: Tx) -> list[tuple[int, int]]:
    """The first 1,000 memberships without a contact or group, as group and contact ids."""
    return tx.fetch(tuple[int, int], "check_orphans")


def count_blocks(tx: Tx) -> Blocks:
    """What the directory must be, counted from the rows."""
    blocks: Blocks = Counter()
    low = tx.fetch(tuple[int, int, int], "check_member_blocks")
    for list_id, status in ((BOOK, SUPPRESSED), (LISTED, KNOWN)):
        counted = tx.fetch(tuple[int, int], "check_blocks", consent_status=status)
        low += [(list_id, block, count) for block, count in counted]
    for list_id, block, count in low:
        for level, shift in LEVEL_SHIFTS.items():
            blocks[list_id, level, block >> (shift - LEVEL_SHIFTS[1])] += count
    return blocks


def read_directory(tx: Tx) -> Blocks:
    """The directory as it is stored."""
    return Counter({row[:3]: row[3] for row in tx.fetch(tuple[int, int, int, int], "check_directory")})


def repair_directory(tx: WriteTx, *, wanted: Blocks, found: Blocks) -> None:
    """Change the directory from what was found to what is wanted."""
    changes = [
        (*block, wanted[block] - found[block])
        for block in sorted({*wanted, *found})
        if wanted[block] != found[block] or not found[block]
    ]
    if changes:
        tx.run("change_directory", items=changes)
        tx.run("clear_directory", items=[change[:3] for change in changes])


def repair_memberships(tx: WriteTx, *, orphans: list[tuple[int, int]]) -> None:
    """Delete memberships, given as group and contact ids."""
    for group_id, contact_id in orphans:
        tx.run("repair_membership", group=group_id, contact=contact_id)
