"""A few figures of a project that its pages show, by one query."""

from __future__ import annotations

from msgspec import Struct

from daftari.model.bulk import BulkState
from daftari.store.bulk import StoredBulk
from daftari.store.directory import BOOK
from daftari.store.engine import Tx


class StoredOverview(Struct, frozen=True):
    """How many contacts there are, how many reviews are not settled, and the first job that has work."""

    contacts: int
    reviews: int
    bulk: StoredBulk | None


def get_overview(tx: Tx, *, reviews_max: int) -> StoredOverview:
    """The figures; ``reviews_max`` where more reviews are not settled."""
    row = tx.fetch_one(
        tuple[int, int, int | None, int, int, BulkState, int | None, str, str],
        "get_overview",
        list=BOOK,
        limit=reviews_max,
    )
    assert row is not None, "it has one row, whatever there is"
    contacts, reviews, bulk_id, created_at, expires_at, state, user_id, settings, progress = row
    if bulk_id is None:
        return StoredOverview(contacts, reviews, None)
    found = StoredBulk(bulk_id, created_at, expires_at, state, user_id, settings, progress)
    return StoredOverview(contacts, reviews, found)
