"""Erases a number; what is needed to keep its opt-outs moves to a keyed hash of the number. No HTTP, no SQL."""

from __future__ import annotations

from urllib.parse import unquote_plus

import msgspec
from msgspec import Struct

from daftari.errors import Malformed
from daftari.gateways import GATEWAYS
from daftari.mobile import national_digits
from daftari.model.consent import NewFact, Scope
from daftari.model.inbound import InboundEvent, InboundRequest, InboundUnreadable
from daftari.model.jobs import ERASE
from daftari.rules import events
from daftari.rules.consent.ledger import stored_state
from daftari.rules.consent.state import derive_state
from daftari.rules.contacts.contacts import remove_contact
from daftari.rules.events import Action, Erased
from daftari.rules.exports.lifecycle import fail_after_erasure
from daftari.rules.fields import digits_in
from daftari.rules.idempotency import delete_stored_responses
from daftari.rules.imports.lifecycle import cancel_waiting
from daftari.rules.inbound.quarantine import walk_quarantine
from daftari.rules.inbound.receive import Receipt, review_events
from daftari.store import WriteTx, audiences, consent, contacts, erasures, imports, inbound, journal
from daftari.store.jobs import request_job

JOURNAL_ROWS_A_TURN = 200
"""Rows of the journal that are cleared, or looked at, at a time."""

WITH_AN_ERASED = "came in a refused request with the message of a number that is erased"


class Erasure(Struct, frozen=True):
    """An erasure: its id, and how much of each kind was removed."""

    id: int
    removed: dict[str, int]


# ---- erasing ----------------------------------------------------------------------------------------------


def erase_number(tx: WriteTx, *, mobile: int) -> Erasure:
    """Remove all that is held about a number but its opt-outs and opt-ins, which move to its hash, and opt it out.

    The worker clears the journal of the contact's id.
    """
    subject_id = consent.erased_subject_id(tx, mobile=mobile)
    found = contacts.get_contact_by_mobile(tx, mobile=mobile)
    memberships = remove_contact(tx, found=found) if found is not None else []
    moved, gone = consent.move_facts(tx, mobile=mobile, subject_id=subject_id)
    removed = {
        "contacts": int(found is not None),
        "memberships": len(memberships),
        "evidence": moved + gone + journal.delete_removals(tx, mobile=mobile),
        "reviews": _delete_reviews(tx, mobile),
        "refused_requests": _delete_quarantined(tx, mobile),
        "import_rows": imports.erase_changes(tx, contact_id=None if found is None else found.id, mobile=mobile)
        + imports.erase_rejects(tx, digits=national_digits(mobile)),
        "import_files": cancel_waiting(tx),
        "audience_numbers": audiences.erase_from_audiences(tx, mobile=mobile),
        "kept_answers": delete_stored_responses(tx, mobile=mobile),
        "exports": fail_after_erasure(tx),
    }
    written = msgspec.json.encode(removed).decode()
    contact_id = None if found is None else found.id
    erasure_id = erasures.insert_erasure(tx, subject_id=subject_id, contact_id=contact_id, removed=written)
    _opt_out(tx, mobile, subject_id)
    journal.forget_left(tx)
    events.record(tx, Action.ERASE_NUMBER, Erased(erasure_id, mobile, contact_id))
    if contact_id is not None:
        request_job(tx, project_id=tx.project.id, kind=ERASE)
    return Erasure(erasure_id, removed)


def _opt_out(tx: WriteTx, mobile: int, subject_id: int) -> None:
    """An opt-out of everything, kept under the hash with what was known before."""
    given = NewFact(0, mobile, "opt_out", Scope(), tx.now, "erasure")
    fact = consent.new_fact(tx, given=given, message_digest=None)
    known = consent.find_facts(tx, mobiles=[mobile]).get(mobile, [])
    consent.insert_facts(tx, facts=[(subject_id, fact)])
    consent.save_consent(tx, states={subject_id: stored_state(derive_state([*known, fact]))})


def _delete_reviews(tx: WriteTx, mobile: int) -> int:
    """The number's own reviews go, and what could not be read and names it."""
    unread = inbound.list_subject_reviews(tx, mobile=None)
    named = [review.id for review in unread if _names(review.text + review.reason, mobile)]
    for review_id in named:
        inbound.delete_review(tx, review_id=review_id)
    return len(named) + inbound.delete_reviews(tx, mobile=mobile)


def _names(text: str, mobile: int) -> bool:
    """Whether a text or form names a number, in whatever spelling."""
    return national_digits(mobile) in digits_in(unquote_plus(text, errors="replace"))


def _delete_quarantined(tx: WriteTx, mobile: int) -> int:
    """Refused requests that name the number go; what others said in them is kept for a person's eye."""
    named = [kept for kept in walk_quarantine(tx) if _names(_written(kept.request), mobile)]
    providers = {token.id: token.provider for token in inbound.list_tokens(tx)} if named else {}
    for kept in named:
        provider = providers[kept.token_id]
        receipt = Receipt(provider, kept.token_id, tx.project.consent, tx.project.region, kept.received_at)
        review_events(tx, events=_said_by_others(provider, kept.request, mobile), why=WITH_AN_ERASED, receipt=receipt)
        inbound.delete_quarantined(tx, quarantined_id=kept.id)
    return len(named)


def _said_by_others(provider: str, request: InboundRequest, mobile: int) -> list[InboundEvent]:
    """The events of a refused request that are not about the number; none where it cannot be read."""
    try:
        events = GATEWAYS[provider].read(request)
    except Malformed:
        return []
    return [event for event in events if not _names(_named_in(event), mobile)]


def _named_in(event: InboundEvent) -> str:
    return event.said if isinstance(event, InboundUnreadable) else event.number or ""


def _written(request: InboundRequest) -> str:
    return f"{request.query} {request.body.decode(errors='replace')}"


# ---- exporting ----------------------------------------------------------------------------------------------
