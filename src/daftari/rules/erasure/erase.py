"""Erases a number: every holder removes what it holds, and the opt-out is kept under a keyed hash. No HTTP, no SQL."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from daftari.model.erasures import Person
from daftari.model.jobs import JobKind
from daftari.model.members import Count
from daftari.rules import events
from daftari.rules.erasure.holders import HOLDERS
from daftari.rules.events import Action, Erased
from daftari.store import WriteTx, consent, contacts, erasures
from daftari.store.jobs import request_job


class RemovedCounts(Struct, frozen=True, kw_only=True):
    """How much was removed, by kind."""

    contacts: Annotated[int, Meta(ge=0, le=1)]
    """Contacts."""
    memberships: Count
    """Memberships in groups."""
    evidence: Count
    """Facts whose number and evidence went. Opt-outs and opt-ins are kept under a keyed hash."""
    reviews: Count
    """Messages that waited for review, or had been settled."""
    refused_requests: Count
    """Refused inbound requests that named the number."""
    import_rows: Count
    """Cards before imports changed them, and records that imports could not take."""
    import_files: Count
    """Imports that were cancelled, with their files: paused ones, and plans that were not applied."""
    audience_numbers: Count
    """Frozen audiences that held the number."""
    kept_answers: Count
    """Answers kept for an Idempotency-Key that named the number."""
    exports: Count
    """Files of exports, in any of which the person may be."""


class Erasure(Struct, frozen=True):
    """An erasure: its id, and how much of each kind was removed."""

    id: int
    removed: RemovedCounts


def erase_number(tx: WriteTx, *, mobile: int) -> Erasure:
    """Remove everything about a number but its opt-outs and opt-ins, which move to its hash, and opt it out.

    The worker then clears the contact's id from the journal and from imports.
    """
    found = contacts.get_contact_by_mobile(tx, mobile=mobile)
    person = Person(mobile, None if found is None else found.id)
    removed: Counter[str] = Counter()
    for holder in HOLDERS:
        removed.update(holder.erase(tx, person))
    erasure_id = erasures.insert_erasure(
        tx,
        subject_id=consent.erased_subject_id(tx, mobile=mobile),
        contact_id=person.contact_id,
        removed=msgspec.json.encode(removed).decode(),
    )
    # The last fact is the opt-out that the ledger's holder recorded.
    erased = Erased(erasure_id, mobile, person.contact_id, tx.book.next_fact - 1)
    events.record(tx, Action.ERASE_NUMBER, erased)
    if person.contact_id is not None:
        request_job(tx, project_id=tx.project.id, kind=JobKind.ERASE)
    return Erasure(erasure_id, RemovedCounts(**removed))
