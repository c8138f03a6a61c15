"""What imports hold about a person: erased at once, but for the contact's id, which goes in steps. No HTTP, no SQL."""

from __future__ import annotations

from msgspec.structs import replace

from daftari.mobile import national_digits
from daftari.model.erasures import Person, Removed
from daftari.rules.imports.lifecycle import cancel_waiting
from daftari.store import WriteTx, erasures, imports
from daftari.store.erasures import OpenErasure

CHUNKS_PER_STEP = 20
"""Chunks of an import, of up to 1,000 records each, that one step reads."""


def erase(tx: WriteTx, person: Person) -> Removed:
    """Remove cards and rejected records that name the number, and cancel imports whose file may."""
    rows = imports.erase_changes(tx, contact_id=person.contact_id, mobile=person.mobile)
    rows += imports.erase_rejects(tx, digits=national_digits(person.mobile))
    return {"import_rows": rows, "import_files": cancel_waiting(tx)}


def clear(tx: WriteTx, erasure: OpenErasure) -> bool:
    """Remove the contact's id from some chunks of the imports before the erasure, the oldest first.

    Returns ``False`` when no such chunk is left.
    """
    import_id = erasure.next_import
    chunks = imports.list_chunks(tx, import_id=import_id, first=erasure.next_chunk, limit=CHUNKS_PER_STEP)
    for chunk in chunks:
        imports.erase_from_chunk(tx, import_id=import_id, chunk=chunk, contact_id=erasure.contact_id)
    if chunks:
        cleared = replace(erasure, next_chunk=chunks[-1].number + 1)
    else:
        following = imports.find_import_after(tx, import_id=import_id)
        if following is None or following > erasure.id:
            return False
        cleared = replace(erasure, next_import=following, next_chunk=0)
    erasures.advance_erasure(tx, erasure=cleared)
    return True
