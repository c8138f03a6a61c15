"""Removes an erased contact's id from the journal, the feed and imports, some rows a step. No HTTP, no SQL."""

from __future__ import annotations

from daftari.rules.daily import count_changes
from daftari.rules.erasure.holders import HOLDERS
from daftari.store import Tx, WriteTx, erasures


def has_open_erasure(tx: Tx) -> bool:
    """Whether something may still name an erased contact by its id."""
    return erasures.find_open_erasure(tx) is not None


def clear_erased(tx: WriteTx) -> bool:
    """One step after an erasure. Returns whether there was anything to do."""
    erasure = erasures.find_open_erasure(tx)
    if erasure is None:
        return False
    if count_changes(tx, until=erasure.last_change):
        # They are counted with the contact, as its end will be.
        return True
    if not any(holder.clear(tx, erasure) for holder in HOLDERS):
        erasures.close_erasure(tx, erasure_id=erasure.id)
    return True
