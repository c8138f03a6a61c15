"""Erased numbers by keyed hash, and how far journal and imports are cleared of the contact's id.

What else an erasure removes belongs to other modules.
"""

from __future__ import annotations

from msgspec import Struct

from daftari.store.engine import Tx, WriteTx


class OpenErasure(Struct, frozen=True):
    """An erasure after which the journal may still name the contact, from ``next_seq`` to ``last_seq``.

    Then the imports may, from ``next_chunk`` of ``next_import`` on.
    """

    id: int
    contact_id: int
    next_seq: int
    last_seq: int
    next_import: int
    next_chunk: int


def insert_erasure(tx: WriteTx, *, subject_id: int, contact_id: int | None, removed: str) -> int:
    """Insert an erasure, after which the journal up to now may still name the contact. Returns its id."""
    number = tx.book.next_item
    tx.book.next_item = number + 1
    last = tx.book.next_seq - 1
    tx.run(
        "insert_erasure",
        id=number,
        subject_id=subject_id,
        now=tx.now,
        contact=contact_id,
        first=1,
        last=last,
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
    """An erasure after which journal or imports may still name the contact."""
    return tx.fetch_one(OpenErasure, "find_open_erasure")


def advance_erasure(tx: WriteTx, *, erasure_id: int, next_seq: int, place: tuple[int, int]) -> None:
    """Save how far the journal is cleared, and then the imports: ``place`` is an import's id and a chunk."""
    tx.run("advance_erasure", id=erasure_id, first=next_seq, import_id=place[0], chunk=place[1])


def close_erasure(tx: WriteTx, *, erasure_id: int) -> None:
    """End an erasure: nothing names the contact, and its id is forgotten too."""
    tx.run("close_erasure", id=erasure_id)
