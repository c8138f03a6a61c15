"""What jobs on many contacts hold about a person: the contact's id, until its part is done. No HTTP, no SQL."""

from __future__ import annotations

from daftari.model.erasures import Person, Removed
from daftari.store import WriteTx, bulk


def erase(tx: WriteTx, person: Person) -> Removed:
    """Take the contact out of what is still to be done."""
    if person.contact_id is not None:
        bulk.forget_contact(tx, contact_id=person.contact_id)
    return {}
