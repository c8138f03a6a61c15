"""What is kept for an undo about a person: erased with the contact. No HTTP, no SQL."""

from __future__ import annotations

from daftari.model.erasures import Person, Removed
from daftari.store import WriteTx, before


def erase(tx: WriteTx, person: Person) -> Removed:
    """Remove what acts changed of the contact, and of contacts that had the number."""
    removed = before.delete_person_before(tx, contact_id=person.contact_id, mobile=person.mobile)
    return {"import_rows": removed}
