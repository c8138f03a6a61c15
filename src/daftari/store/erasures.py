"""Erased numbers by keyed hash, and how far journal, feed and imports are cleared of the contact's id.

What else an erasure removes belongs to other modules.
"""

from __future__ import annotations

from msgspec import Struct

from daftari.store.engine import Tx, WriteTx


class OpenErasure(Struct, frozen=True):
    """An erasure after which the journal may still name the contact, from ``next_seq`` to ``last_seq``.

    So may the feed, from ``next_change`` to ``last_change``, and imports, from ``next_chunk`` of ``next_import`` on.
    """

    id: int
    contact_id: int
    next_seq: int
    last_seq: int
    next_change: int
    last_change: int
    next_import: int
    next_chunk: int


def insert_erasure(tx: WriteTx, *, subject_id: int, contact_id: int | None, removed: str) -> int:
    """Insert an erasure, after which journal and feed up to now may still name the contact. Returns its id."""
    number = tx.book.next_item
    tx.book.next_item = number + 1
    tx.run(
        "insert_erasure",
        id=number,
        subject_id=subject_id,
        now=tx.now,
        contact=contact_id,
        last_seq=tx.book.next_seq - 1,
        last_change=tx.book.next_change - 1,
        removed=removed,
    )
    return number


def get_last_erasure(tx: Tx) -> int:
    """The id of the last erasure, or 0."""
    return tx.fetch_one(int, "get_last_erasure") or 0


def list_subjects_after(tx: Tx, *, erasure_id: int) -> set[int]:
    """The subjects that were erased after an erasure."""
    return set(tx.fetch(int, "list_erased_subjects", after=erasure_id))


def find_open_erasure(tx: Tx) -> OpenErasure | None:
    """An erasure after which journal, feed or imports may still name the contact."""
    return tx.fetch_one(OpenErasure, "find_open_erasure")


def advance_erasure(tx: WriteTx, *, erasure: OpenErasure) -> None:
    """Save how far journal, feed and imports are cleared."""
    tx.run(
        "advance_erasure",
        id=erasure.id,
        next_seq=erasure.next_seq,
        next_change=erasure.next_change,
        import_id=erasure.next_import,
        chunk=erasure.next_chunk,
    )


def close_erasure(tx: WriteTx, *, erasure_id: int) -> None:
    """End an erasure: nothing names the contact, and its id is forgotten too."""
    tx.run("close_erasure", id=erasure_id)
