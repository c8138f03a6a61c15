"""Messages that a person has to read: listing and settling them. No HTTP, no SQL."""

from __future__ import annotations

from typing import Literal

from msgspec.structs import replace

from daftari.errors import ReviewNotFound, ReviewSettled, ValidationFailed
from daftari.model.consent import ANY, NewFact, Scope
from daftari.model.inbound import (
    Review,
)
from daftari.model.time import format_time
from daftari.rules import events
from daftari.rules.consent import ledger
from daftari.rules.consent.keywords import stop_scope
from daftari.rules.consent.views import write_evidence
from daftari.rules.events import Action
from daftari.store import Tx, WriteTx, consent, inbound


def show_review(review: Review) -> dict[str, object]:
    """What waits for a person's eye, or waited."""
    return {
        "id": review.id,
        "mobile": None if review.mobile is None else str(review.mobile),
        "at": format_time(review.at),
        "provider": review.provider,
        "channel": None if review.channel == ANY else review.channel,
        "sender": None if review.sender in ("", ANY) else review.sender,
        "why": review.reason,
        "text": review.text,
        "settled_at": None if review.settled_at is None else format_time(review.settled_at),
        "settled_as": review.settled_as,
    }


Settlement = Literal["opt_out", "opt_in", "retract", "dismiss"]
SETTLEMENTS: tuple[Settlement, ...] = ("opt_out", "opt_in", "retract", "dismiss")
"""It was a STOP; it was a START; it was neither, and what was recorded of it is taken back; nothing is to be done."""


def list_reviews(tx: Tx, *, after: int, limit: int) -> list[Review]:
    """What waits for a person's eye, in the order of arrival."""
    return inbound.list_reviews(tx, after=after, limit=limit)


def settle_review(tx: WriteTx, *, review_id: int, settled_as: Settlement) -> Review:
    """A person has looked. Settling it again the same way changes nothing.

    Raises ``ReviewNotFound``, ``ReviewSettled`` when it was settled otherwise, and ``ValidationFailed`` when there is
    nothing that could be settled so.
    """
    review = inbound.get_review(tx, review_id=review_id)
    if review is None:
        raise ReviewNotFound
    if review.settled_at is not None:
        if review.settled_as != settled_as:
            raise ReviewSettled(str(review.settled_as))
        return review
    if settled_as != "dismiss":
        facts = _settled_facts(tx, review, settled_as)
        recorded = ledger.record_facts(tx, facts=facts)
        events.record(tx, Action.SETTLE_REVIEW, *recorded.events)
    inbound.settle_review(tx, review_id=review_id, settled_as=settled_as)
    return replace(review, settled_at=tx.now, settled_as=settled_as)


def _settled_facts(tx: Tx, review: Review, settled_as: Settlement) -> list[NewFact]:
    """What the person's message means now, at the time at which they sent it."""
    mobile = review.mobile
    if mobile is None:
        raise ValidationFailed({"as": ["The as field must be dismiss: no number could be read."]})
    evidence = write_evidence(provider=review.provider, text=review.text, note=f"review {review.id}")
    if settled_as == "opt_out":
        scope = stop_scope(tx.project.consent, channel=review.channel, sender=review.sender or ANY)
        return [NewFact(0, mobile, "opt_out", scope, review.at, "inbound", evidence=evidence)]
    if settled_as == "opt_in":
        return [NewFact(0, mobile, "opt_in", Scope(channel=review.channel), review.at, "inbound", evidence=evidence)]
    wrong = [
        fact
        for fact in consent.find_facts(tx, mobiles=[mobile]).get(mobile, [])
        if fact.message_digest == review.message_digest
    ]
    if not wrong:
        raise ValidationFailed({"as": ["The as field must not be retract: nothing was recorded of this message."]})
    return [
        NewFact(
            index, mobile, "retraction", fact.scope, fact.at, "console",
            keyword=fact.keyword, group_id=fact.group_id, retracts=fact.id, evidence=evidence,
        )
        for index, fact in enumerate(wrong)
    ]  # fmt: skip
