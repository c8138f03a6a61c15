"""Erasure: a person's number goes, and what must be kept to leave them in peace goes on under a keyed hash.

And its opposite, the export: everything that is held about a number. This room must not know HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote_plus

import msgspec
from msgspec import Struct

from daftari.errors import Malformed
from daftari.gateways import GATEWAYS
from daftari.mobile import national_digits
from daftari.model import (
    ANY,
    ID_MAX,
    InboundEvent,
    InboundRequest,
    InboundUnreadable,
    NewFact,
    Project,
    Scope,
    written_time,
)
from daftari.rules.consent import derive_state
from daftari.rules.contacts import Reference, remove_contact
from daftari.rules.imports import cancel_waiting
from daftari.rules.inbound import Receipt, review_events
from daftari.rules.kept_exports import fail_after_erasure
from daftari.rules.ledger import stored_state
from daftari.rules.questions import find_mobile, show_known
from daftari.rules.replays import forget_answers
from daftari.rules.texts import digits_in
from daftari.store import Tx, WriteTx, audiences, consent, contacts, erasures, groups, imports, inbound, journal
from daftari.store.erasures import OpenErasure
from daftari.store.inbound import Review
from daftari.store.jobs import ERASE, request_job

JOURNAL_ROWS_A_TURN = 200
"""Rows of the journal that are cleared, or looked at, at a time."""
CHUNKS_A_TURN = 20
"""Chunks of an import, a thousand records each, that are looked at at a time."""
QUARANTINED_A_TURN = 100

BESIDE_AN_ERASED = "came in a refused request, beside what somebody said who is erased"


class Erased(Struct, frozen=True):
    """An erasure: its id, and how much of each kind was removed."""

    id: int
    removed: dict[str, int]


# ---- erasing ----------------------------------------------------------------------------------------------


def erase_number(tx: WriteTx, *, mobile: int, project: Project, now: int) -> Erased:
    """Remove all that is held about a number but its opt-outs and opt-ins, which move to its hash, and opt it out.

    The worker clears the journal of the contact's id.
    """
    subject = consent.erased_subject(tx, mobile=mobile)
    found = contacts.get_contact_by_mobile(tx, mobile=mobile)
    memberships = remove_contact(tx, found=found) if found is not None else []
    moved, gone = consent.move_facts(tx, mobile=mobile, subject=subject)
    removed = {
        "contacts": int(found is not None),
        "memberships": len(memberships),
        "evidence": moved + gone + journal.delete_removals(tx, mobile=mobile),
        "reviews": _delete_reviews(tx, mobile),
        "refused_requests": _delete_quarantined(tx, mobile, project),
        "import_rows": imports.erase_changes(tx, contact_id=None if found is None else found.id, mobile=mobile)
        + imports.erase_rejects(tx, digits=national_digits(mobile)),
        "import_files": cancel_waiting(tx, now=now),
        "audience_numbers": audiences.erase_from_audiences(tx, mobile=mobile),
        "kept_answers": forget_answers(tx, mobile=mobile),
        "exports": fail_after_erasure(tx, now=now),
    }
    written = msgspec.json.encode(removed).decode()
    contact_id = None if found is None else found.id
    erasure_id = erasures.insert_erasure(tx, subject=subject, contact_id=contact_id, removed=written, now=now)
    _opt_out(tx, mobile, subject, now)
    journal.insert_journal(tx, action="erase_number", contacts=(), group_id=None, now=now)
    if contact_id is not None:
        request_job(tx, project_id=tx.project_id, kind=ERASE)
    return Erased(erasure_id, removed)


def _opt_out(tx: WriteTx, mobile: int, subject: int, now: int) -> None:
    """An opt-out of everything, kept under the hash with what was known before."""
    given = NewFact(0, mobile, "opt_out", Scope(), now, "erasure")
    fact = consent.new_fact(tx, given=given, message=None, now=now)
    known = consent.find_facts(tx, mobiles=[mobile]).get(mobile, [])
    consent.insert_facts(tx, facts=[(subject, fact)])
    consent.save_consent(tx, states={subject: stored_state(derive_state([*known, fact]))})


def _delete_reviews(tx: WriteTx, mobile: int) -> int:
    """The number's own reviews go, and what could not be read and names it."""
    unread = inbound.list_subject_reviews(tx, mobile=None)
    named = [review.id for review in unread if _names(review.said + review.why, mobile)]
    for review_id in named:
        inbound.delete_review(tx, review_id=review_id)
    return len(named) + inbound.delete_reviews(tx, mobile=mobile)


def _names(text: str, mobile: int) -> bool:
    """Whether a text or form names a number, in whatever spelling."""
    return national_digits(mobile) in digits_in(unquote_plus(text, errors="replace"))


def _delete_quarantined(tx: WriteTx, mobile: int, project: Project) -> int:
    """Refused requests that name the number go; what others said in them is kept for a person's eye."""
    named = [kept for kept in walk_quarantine(tx) if _names(_written(kept.request), mobile)]
    providers = {token.id: token.provider for token in inbound.list_tokens(tx)} if named else {}
    for kept in named:
        provider = providers[kept.token_id]
        receipt = Receipt(provider, kept.token_id, project.consent, project.region, kept.received_at)
        review_events(tx, events=_said_by_others(provider, kept.request, mobile), why=BESIDE_AN_ERASED, receipt=receipt)
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


def walk_quarantine(tx: Tx) -> Iterator[inbound.Quarantined]:
    """Every refused request that is kept."""
    after = 0
    while found := inbound.list_quarantine(tx, after=after, limit=QUARANTINED_A_TURN):
        yield from found
        after = found[-1].id


def clear_journal(tx: WriteTx) -> bool:
    """One turn of clearing journal and imports of an erased contact's id. Returns whether there was anything to do."""
    erasure = erasures.find_open_erasure(tx)
    if erasure is None:
        return False
    if erasure.next_seq > erasure.last_seq:
        _clear_imports(tx, erasure)
        return True
    rows = erasures.list_journal(tx, first=erasure.next_seq, last=erasure.last_seq, limit=JOURNAL_ROWS_A_TURN)
    for row in rows:
        left = journal.without_contact(row.contacts, contact_id=erasure.contact_id)
        if left != row.contacts:
            erasures.update_journal_contacts(tx, seq=row.seq, contacts=left)
    done = len(rows) < JOURNAL_ROWS_A_TURN
    erasures.advance_erasure(
        tx, erasure_id=erasure.id, next_seq=erasure.last_seq + 1 if done else rows[-1].seq + 1, place=(0, 0)
    )
    return True


def _clear_imports(tx: WriteTx, erasure: OpenErasure) -> None:
    """One turn: some chunks of the imports that were made before somebody was erased, the oldest first."""
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


# ---- exporting ----------------------------------------------------------------------------------------------


def export_number(tx: Tx, *, reference: Reference, now: int) -> dict[str, object]:
    """All that is held about a number. Raises ``ContactNotFound`` when a path names none."""
    mobile, contact_id = find_mobile(tx, reference=reference)
    found = None if contact_id is None else contacts.get_contact(tx, contact_id=contact_id)
    names = groups.list_group_names(tx, ids=[found.id])[found.id] if found is not None else []
    return {
        "mobile": str(mobile),
        "exported_at": written_time(now),
        "contact": None if found is None else msgspec.Raw(found.card.encode()),
        "updated_at": None if found is None else written_time(found.updated_at),
        "groups": names,
        "consent": show_known(tx, mobile=mobile),
        "removals": [
            {"at": written_time(at), "reason": reason} for at, reason in journal.list_removals(tx, mobile=mobile)
        ],
        "reviews": [show_review(review) for review in inbound.list_subject_reviews(tx, mobile=mobile)],
        "audiences": audiences.list_audiences_with(tx, mobile=mobile),
        "journal": [] if contact_id is None else _list_journal(tx, contact_id),
    }


def _list_journal(tx: Tx, contact_id: int) -> list[dict[str, object]]:
    """What was written about a contact, and by which key."""
    found: list[dict[str, object]] = []
    first = 1
    while rows := erasures.list_journal(tx, first=first, last=ID_MAX, limit=JOURNAL_ROWS_A_TURN):
        for row in rows:
            if journal.names_contact(row.contacts, contact_id=contact_id):
                found.append({"at": written_time(row.at), "action": row.action, "key_id": row.key_id})
        first = rows[-1].seq + 1
    return found


def show_review(review: Review) -> dict[str, object]:
    """What waits for a person's eye, or waited."""
    return {
        "id": review.id,
        "mobile": None if review.mobile is None else str(review.mobile),
        "at": written_time(review.at),
        "provider": review.provider,
        "channel": None if review.channel == ANY else review.channel,
        "sender": None if review.sender in ("", ANY) else review.sender,
        "why": review.why,
        "text": review.said,
        "settled_at": None if review.settled_at is None else written_time(review.settled_at),
        "settled_as": review.settled_as,
    }
