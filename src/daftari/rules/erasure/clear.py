"""Removes an erased contact's id from the journal and from imports, some rows a step. No HTTP, no SQL."""

from __future__ import annotations

from daftari.rules.erasure.erase import JOURNAL_ROWS_A_TURN
from daftari.store import WriteTx, erasures, imports, journal
from daftari.store.erasures import OpenErasure

CHUNKS_A_TURN = 20
"""Chunks of an import, a thousand records each, that are looked at at a time."""


def clear_journal(tx: WriteTx) -> bool:
    """One turn of clearing journal and imports of an erased contact's id. Returns whether there was anything to do."""
    erasure = erasures.find_open_erasure(tx)
    if erasure is None:
        return False
    if erasure.next_seq > erasure.last_seq:
        _clear_imports(tx, erasure)
        return True
    rows = journal.list_journal(tx, first=erasure.next_seq, last=erasure.last_seq, limit=JOURNAL_ROWS_A_TURN)
    for row in rows:
        if row.names(erasure.contact_id):
            journal.update_journal(tx, row=row.without(erasure.contact_id))
    done = len(rows) < JOURNAL_ROWS_A_TURN
    erasures.advance_erasure(
        tx, erasure_id=erasure.id, next_seq=erasure.last_seq + 1 if done else rows[-1].seq + 1, place=(0, 0)
    )
    return True


def _clear_imports(tx: WriteTx, erasure: OpenErasure) -> None:
    """One step: some chunks of the imports that were made before the erasure, the oldest first."""
    import_id = erasure.next_import
    chunks = imports.list_chunks(tx, import_id=import_id, first=erasure.next_chunk, limit=CHUNKS_A_TURN)
    for chunk in chunks:
        imports.erase_from_chunk(tx, import_id=import_id, chunk=chunk, contact_id=erasure.contact_id)
    if chunks:
        place = (import_id, chunks[-1].number + 1)
    else:
        following = imports.find_import_after(tx, import_id=import_id)
        if following is None or following > erasure.id:
            erasures.close_erasure(tx, erasure_id=erasure.id)
            return
        place = (following, 0)
    erasures.advance_erasure(tx, erasure_id=erasure.id, next_seq=erasure.next_seq, place=place)
