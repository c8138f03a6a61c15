"""What the journal holds about a contact: listed in an export, and cleared of its id in steps. No HTTP, no SQL."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from daftari.model.erasures import Person
from daftari.model.limits import ID_MAX
from daftari.model.members import Number, Text, Time
from daftari.model.time import format_time
from daftari.store import Tx, WriteTx, erasures, journal
from daftari.store.erasures import OpenErasure

ROWS_PER_STEP = 200
"""Rows of the journal that one step, or one query, reads."""


class JournalEntry(Struct, frozen=True):
    at: Time
    """When it was written."""
    action: Text
    """The call or command."""
    key_id: Number | None
    """The key that was used; `null` for what came without one."""
    user_id: Number | None
    """The user of the console who did it; `null` for what was not done there."""


def export(tx: Tx, person: Person) -> dict[str, object]:
    """Each act that concerned the contact: when, what, and with which key or by which user."""
    found: list[JournalEntry] = []
    first = 1
    while person.contact_id is not None and (
        rows := journal.list_journal(tx, first=first, last=ID_MAX, limit=ROWS_PER_STEP)
    ):
        for row in rows:
            if row.names(person.contact_id):
                found.append(JournalEntry(format_time(row.at), row.action, row.key_id, row.user_id))
        first = rows[-1].seq + 1
    return {"journal": found}


def clear(tx: WriteTx, erasure: OpenErasure) -> bool:
    """Remove the contact's id from some rows before the erasure. Returns ``False`` when no such row is left."""
    rows = journal.list_journal(tx, first=erasure.next_seq, last=erasure.last_seq, limit=ROWS_PER_STEP)
    for row in rows:
        if row.names(erasure.contact_id):
            journal.update_journal(tx, row=row.without(erasure.contact_id))
    if rows:
        erasures.advance_erasure(tx, erasure=replace(erasure, next_seq=rows[-1].seq + 1))
    return bool(rows)
