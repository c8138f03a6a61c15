"""Jobs on many contacts: their state, and the contacts in parts of up to 1,000 ids.

What is done to the contacts belongs to the rules.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from msgspec import Struct

from daftari.model.bulk import BulkState
from daftari.model.limits import ID_MAX
from daftari.store.engine import Tx, Value, WriteTx

IDS_PER_PART = 1_000


class StoredBulk(Struct, frozen=True):
    """A job as it is stored; ``settings`` and ``progress`` are JSON. ``user_id``: who asked for what is done now."""

    id: int
    created_at: int
    expires_at: int
    state: BulkState
    user_id: int | None
    settings: str
    progress: str


class BulkPart(Struct, frozen=True):
    """Some contacts of a job. ``seq``: the act that changed them, in the journal; 0 for none."""

    number: int
    ids: array[int]
    seq: int | None


def insert_bulk(tx: WriteTx, *, ids: Sequence[int], until: int, settings: str, progress: str) -> int:
    """Insert a job on contacts in ascending order. Returns its id."""
    number = tx.book.next_item
    tx.book.next_item = number + 1
    tx.run(
        "insert_bulk",
        id=number, now=tx.now, until=until, state="running", user=tx.actor.user_id, settings=settings,
        progress=progress,
    )  # fmt: skip
    starts = range(0, len(ids), IDS_PER_PART)
    tx.insert_many(
        "bulk_part",
        [_row(tx, number, place, ids[first : first + IDS_PER_PART], None) for place, first in enumerate(starts, 1)],
    )
    return number


def insert_part(tx: WriteTx, *, bulk_id: int, number: int, ids: Sequence[int], seq: int | None) -> None:
    """Insert one more part: one that is to be done, or an act that belongs to the job."""
    tx.insert_many("bulk_part", [_row(tx, bulk_id, number, ids, seq)])


def _row(tx: WriteTx, bulk_id: int, number: int, ids: Sequence[int], seq: int | None) -> tuple[Value, ...]:
    first, last = (ids[0], ids[-1]) if ids else (0, 0)
    return (tx.project.id, bulk_id, number, first, last, array("q", ids).tobytes(), seq)


def get_bulk(tx: Tx, *, bulk_id: int) -> StoredBulk | None:
    """One job."""
    return tx.fetch_one(StoredBulk, "get_bulk", id=bulk_id)


def list_bulks(tx: Tx, *, before: int, limit: int) -> list[StoredBulk]:
    """At most ``limit`` jobs before an id, the newest first; 0 means from the newest on."""
    return tx.fetch(StoredBulk, "list_bulks", before=before or ID_MAX, limit=limit)


def list_open_bulks(tx: Tx, *, limit: int) -> list[int]:
    """The first jobs that have work."""
    return tx.fetch(int, "list_open_bulks", limit=limit)


def save_bulk(tx: WriteTx, *, bulk: StoredBulk) -> None:
    """Save a job: its state, who asked for it, what it does and how far it is."""
    tx.run(
        "save_bulk",
        id=bulk.id, state=bulk.state, user=bulk.user_id, until=bulk.expires_at, settings=bulk.settings,
        progress=bulk.progress,
    )  # fmt: skip


def get_next_part(tx: Tx, *, bulk_id: int) -> BulkPart | None:
    """The first part that is not done yet."""
    return _part(tx.fetch_one(tuple[int, bytes, int | None], "get_next_bulk_part", id=bulk_id))


def get_last_part(tx: Tx, *, bulk_id: int, before: int) -> BulkPart | None:
    """The last part that is done, before one."""
    return _part(tx.fetch_one(tuple[int, bytes, int | None], "get_last_bulk_part", id=bulk_id, before=before))


def finish_part(tx: WriteTx, *, bulk_id: int, number: int, seq: int) -> None:
    """Note that a part is done, and forget its ids."""
    tx.run("save_bulk_part", id=bulk_id, number=number, ids=b"", seq=seq)


def forget_contact(tx: WriteTx, *, contact_id: int) -> None:
    """Take a contact out of what is still to be done."""
    for bulk_id, number, ids in tx.fetch(tuple[int, int, bytes], "list_bulk_parts_with", contact=contact_id):
        kept = array("q", [one for one in array("q", ids) if one != contact_id])
        tx.run("save_bulk_part", id=bulk_id, number=number, ids=kept.tobytes(), seq=None)


def find_expired_bulk(tx: Tx) -> int | None:
    """A job that has expired."""
    return tx.fetch_one(int, "find_expired_bulk", now=tx.now)


def delete_bulk(tx: WriteTx, *, bulk_id: int) -> None:
    """Delete a job."""
    tx.run("delete_bulk_parts", id=bulk_id)
    tx.run("delete_bulk", id=bulk_id)


def list_book_ids(tx: Tx, *, limit: int) -> list[int]:
    """The first contacts, in order."""
    return tx.fetch(int, "list_book_ids", limit=limit)


def _part(row: tuple[int, bytes, int | None] | None) -> BulkPart | None:
    return None if row is None else BulkPart(row[0], array("q", row[1]), row[2])
