"""Erases a number: every holder removes what it holds, and the opt-out is kept under a keyed hash. No HTTP, no SQL."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from daftari.mobile import other_form
from daftari.model.consent import NewFact, Scope
from daftari.model.erasures import Person
from daftari.model.jobs import JobKind
from daftari.model.members import Count
from daftari.rules import events
from daftari.rules.consent.others import choose_facts, record_others
from daftari.rules.erasure.holders import HOLDERS
from daftari.rules.events import Action, Erased
from daftari.store import WriteTx, consent, contacts, erasures, feed
from daftari.store.jobs import hint_job


class RemovedCounts(Struct, frozen=True, kw_only=True):
    """How much was removed, by kind."""

    contacts: Annotated[int, Meta(ge=0, le=2)]
    """Contacts; two where an Argentine number was there with and without the 9 of mobiles."""
    memberships: Count
    """Memberships in groups."""
    evidence: Count
    """Facts whose number and evidence went. Opt-outs and opt-ins are kept under a keyed hash."""
    reviews: Count
    """Messages that waited for review, or had been settled."""
    refused_requests: Count
    """Refused inbound requests that named the number."""
    whatsapp_users: Count
    """WhatsApp ids that stood for the number."""
    import_rows: Count
    """Cards before imports and users changed them, and records that imports could not take."""
    import_files: Count
    """Imports that were cancelled, with their files: paused ones, and plans that were not applied."""
    audience_numbers: Count
    """Frozen audiences that held the number."""
    kept_answers: Count
    """Answers kept for an Idempotency-Key that named the number."""
    messages: Count
    """Messages to the number, whose text and number went. Their states stay."""
    replies: Count
    """What the person wrote after a message."""
    events: Count
    """What happened to the number, as programs reported it, or by its joining groups."""
    carts: Count
    """Carts and orders of connected shops that had the number. The carts' keys stay."""
    announced_records: Count
    """Records of the number that a connected system announced and that were not applied yet."""
    external_links: Count
    """Records of connected systems that had the number. Their ids stay, so that they do not bring it back."""
    exports: Count
    """Files of exports, in any of which the person may be."""


class Erasure(Struct, frozen=True):
    """An erasure: its id, and how much of each kind was removed."""

    id: int
    removed: RemovedCounts


def erase_number(tx: WriteTx, *, mobile: int, digits: int | None = None) -> Erasure:
    """Remove everything about a number but its opt-outs and opt-ins, which move to its hash, and opt it out.

    ``digits``: what was written, where they may be another number that the project knows. An Argentine number is erased
    in both of its forms. The worker then clears the contact's id from the journal, the feed and imports.
    """
    opt_out = NewFact(0, mobile, "opt_out", Scope(), None, "api", digits=digits)
    meant = choose_facts(tx, facts=[opt_out])
    mobile = meant.facts[0].mobile
    other = other_form(mobile)
    removed: Counter[str] = Counter()
    erasure_id = _erase(tx, mobile, removed)
    if other is not None:
        _erase(tx, other, removed)
    if meant.others:
        events.record(tx, Action.RECORD_OPT_OUTS, *record_others(tx, others=meant.others))
    return Erasure(erasure_id, RemovedCounts(**removed))


def _erase(tx: WriteTx, mobile: int, removed: Counter[str]) -> int:
    """Erase one form of a number, and add up what was removed."""
    found = contacts.get_contact_by_mobile(tx, mobile=mobile)
    person = Person(mobile, None if found is None else found.id)
    naming = feed.list_naming_changes(tx, mobile=mobile)
    of_this: Counter[str] = Counter()
    for holder in HOLDERS:
        of_this.update(holder.erase(tx, person))
    erasure_id = erasures.insert_erasure(
        tx,
        subject_id=consent.erased_subject_id(tx, mobile=mobile),
        contact_id=person.contact_id,
        removed=msgspec.json.encode(of_this).decode(),
    )
    # The last fact is the opt-out that the ledger's holder recorded.
    erased = Erased(erasure_id, mobile, person.contact_id, tx.book.next_fact - 1, naming)
    events.record(tx, Action.ERASE_NUMBER, erased)
    if person.contact_id is not None:
        hint_job(tx, kind=JobKind.ERASE)
    removed.update(of_this)
    return erasure_id
