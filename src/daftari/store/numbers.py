"""Which numbers a project knows: by a contact, a fact, a removal, a message, or the hash of an erased number."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from daftari.model.limits import ID_MAX
from daftari.store.consent import erased_subject_id, has_erasures
from daftari.store.engine import Tx, WriteTx


class Mark(Struct, frozen=True, array_like=True):
    """A moment of a project, as the ids that come next: what is known before it has lower ones."""

    contact: int = ID_MAX
    fact: int = ID_MAX
    seq: int = ID_MAX
    item: int = ID_MAX


def mark_now(tx: WriteTx) -> Mark:
    """This moment."""
    book = tx.book
    return Mark(book.next_id, book.next_fact, book.next_seq, book.next_item)


def find_known(tx: Tx, *, mobiles: Sequence[int], before: Mark) -> set[int]:
    """Those of some numbers that the project knew at a moment."""
    has_erased = has_erasures(tx)
    items = [(mobile, erased_subject_id(tx, mobile=mobile) if has_erased else mobile) for mobile in mobiles]
    found = tx.fetch(
        int,
        "find_known_numbers",
        items=items,
        contact=before.contact,
        fact=before.fact,
        seq=before.seq,
        item=before.item,
    )
    return set(found)
