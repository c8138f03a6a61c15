"""What inbound messages hold about a person: erased, and shown in an export. No HTTP, no SQL."""

from __future__ import annotations

from typing import Literal
from urllib.parse import unquote_plus

from msgspec.structs import replace

from daftari.errors import Malformed
from daftari.gateways import GATEWAYS
from daftari.mobile import national_digits
from daftari.model.erasures import Person, Removed
from daftari.model.inbound import InboundEvent, InboundMessage, InboundRequest, InboundUnreadable
from daftari.rules.consent.keywords import read_message
from daftari.rules.fields import digits_in
from daftari.rules.inbound.quarantine import receipt_of, walk_quarantine
from daftari.rules.inbound.receive import review_events
from daftari.rules.inbound.review import show_review
from daftari.store import Tx, WriteTx, inbound, whatsapp_users

HELD_PER_STEP = 100
"""Held events that are read at a time."""
WITH_AN_ERASED = "came in a refused request with the message of a number that is erased"


def erase(tx: WriteTx, person: Person) -> Removed:
    """Remove reviews and refused requests that name the number. Other people's messages in them are kept for review."""
    mobile = person.mobile
    return {"reviews": _delete_reviews(tx, mobile), "refused_requests": _delete_quarantined(tx, mobile)}


def export(tx: Tx, person: Person) -> dict[str, object]:
    """Messages of the number that were kept for review."""
    return {"reviews": [show_review(review) for review in inbound.list_subject_reviews(tx, mobile=person.mobile)]}


def erase_users(tx: WriteTx, person: Person) -> Removed:
    """Forget the WhatsApp ids of the number, and the number where the message of an unknown person names it."""
    after = 0
    while found := whatsapp_users.list_held(tx, after=after, limit=HELD_PER_STEP):
        for held in found:
            event = held.event
            if isinstance(event, InboundMessage) and _names(event.text + event.payload, person.mobile):
                # What it means stays, and what was written goes.
                meaning = read_message(event.text, settings=tx.project.consent).meaning
                means: Literal["opt_out", "opt_in"] = "opt_in" if meaning == "opt_in" else "opt_out"
                whatsapp_users.update_held(tx, held=held, event=replace(event, text="", payload="", means=means))
        after = found[-1].id
    return {"whatsapp_users": whatsapp_users.delete_users(tx, mobile=person.mobile)}


def export_users(tx: Tx, person: Person) -> dict[str, object]:
    """The WhatsApp ids that stand for the number."""
    found = whatsapp_users.list_users(tx, mobile=person.mobile)
    return {"whatsapp_users": sorted({user_id for _, user_id in found})}


def _delete_reviews(tx: WriteTx, mobile: int) -> int:
    """Delete the number's own reviews, and those without a readable number whose text names it."""
    unread = inbound.list_subject_reviews(tx, mobile=None)
    named = [review.id for review in unread if _names(review.text + review.reason, mobile)]
    for review_id in named:
        inbound.delete_review(tx, review_id=review_id)
    return len(named) + inbound.delete_reviews(tx, mobile=mobile)


def _delete_quarantined(tx: WriteTx, mobile: int) -> int:
    # A request that cannot be unsealed may name the number too.
    named = [kept for kept in walk_quarantine(tx) if kept.request is None or _names(_text_of(kept.request), mobile)]
    providers = {token.id: token.provider for token in inbound.list_tokens(tx)} if named else {}
    for kept in named:
        provider = providers[kept.token_id]
        others = [] if kept.request is None else _list_events_of_others(provider, kept.request, mobile)
        review_events(tx, events=others, why=WITH_AN_ERASED, receipt=receipt_of(kept, provider=provider))
        inbound.delete_quarantined(tx, quarantined_id=kept.id)
    return len(named)


def _list_events_of_others(provider: str, request: InboundRequest, mobile: int) -> list[InboundEvent]:
    """The events of a refused request that do not name the number; none if it cannot be parsed.

    A connection's has none: what it announces is read all the same.
    """
    if provider not in GATEWAYS:
        return []
    try:
        events = GATEWAYS[provider].read(request)
    except Malformed:
        return []
    named_in = [event.said if isinstance(event, InboundUnreadable) else event.number or "" for event in events]
    return [event for event, text in zip(events, named_in, strict=True) if not _names(text, mobile)]


def _text_of(request: InboundRequest) -> str:
    return f"{request.query} {request.body.decode(errors='replace')}"


def _names(text: str, mobile: int) -> bool:
    """Whether a text or form names a number, in any spelling."""
    return national_digits(mobile) in digits_in(unquote_plus(text, errors="replace"))
