"""Messages that a person has to read: listing and settling them. No HTTP, no SQL."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from daftari.errors import ReviewNotFound, ReviewSettled, ValidationFailed
from daftari.gateways import GATEWAYS
from daftari.model.consent import ANY, Channel, FirstReceipt, NewFact, Scope, Sender
from daftari.model.inbound import DAFTARI, Review, Settlement
from daftari.model.limits import EVIDENCE_MAX, USER_ID_MAX
from daftari.model.members import Mobile, Number, Text, Time
from daftari.model.time import format_time
from daftari.rules import events
from daftari.rules.consent import ledger
from daftari.rules.consent.keywords import stop_scope
from daftari.rules.consent.others import choose_facts, record_others
from daftari.rules.consent.views import write_evidence
from daftari.rules.events import Action
from daftari.rules.fields import Problems
from daftari.rules.numbers import WrittenNumber, choose_numbers, read_number
from daftari.store import Tx, WriteTx, consent, inbound, messages, whatsapp_users

SETTLEMENTS: tuple[Settlement, ...] = ("opt_out", "opt_in", "retract", "dismiss")
"""It was a STOP; it was a START; it was neither, and what was recorded of it is taken back; nothing is to be done."""


class ReviewView(Struct, frozen=True):
    """A message, or a provider's word, that a person should read."""

    id: Number
    """What the settling call names."""
    mobile: Mobile | None
    """Whose message it is; `null` when no number could be read. Then settling it as `opt_out` takes a `mobile`."""
    at: Time
    """When it was sent, or else received."""
    provider: Annotated[str, Meta(extra_json_schema={"enum": sorted([*GATEWAYS, DAFTARI])})]
    """Who brought it; `daftari` where a call or a file named digits that are two numbers."""
    channel: Channel | None
    """The channel; `null` when it is not known."""
    sender: Sender | None
    """Our side: what the person wrote to; `null` when it is not known."""
    why: Text
    """Why a person should look at it."""
    text: Annotated[str, Meta(max_length=EVIDENCE_MAX)]
    """What the person wrote."""
    user_id: Annotated[str, Meta(max_length=USER_ID_MAX)] | None
    """The WhatsApp id of a person whose number the provider withholds or withheld; `null` otherwise."""
    settled_at: Time | None
    """When it was settled; `null` while it waits."""
    settled_as: Annotated[str, Meta(extra_json_schema={"enum": list(SETTLEMENTS)})] | None
    """What it was settled as; `null` while it waits."""


def show_review(review: Review) -> ReviewView:
    """A review as the API shows it."""
    return ReviewView(
        review.id,
        None if review.mobile is None else str(review.mobile),
        format_time(review.at),
        review.provider,
        None if review.channel == ANY else review.channel,
        None if review.sender in ("", ANY) else review.sender,
        review.reason,
        review.text,
        review.user_id or None,
        None if review.settled_at is None else format_time(review.settled_at),
        review.settled_as,
    )


def list_reviews(tx: Tx, *, after: int, limit: int) -> list[Review]:
    """Reviews that wait for a person, in the order of arrival."""
    return inbound.list_reviews(tx, after=after, limit=limit)


def settle_review(tx: WriteTx, *, review_id: int, settled_as: Settlement, mobile: object) -> Review:
    """Settle a review. Settling it again the same way changes nothing.

    ``mobile``: the number as a person wrote it, for a review without one; ``None`` or blank when it is not needed.

    Raises ``ReviewNotFound``, ``ReviewSettled`` when it was settled otherwise, and ``ValidationFailed`` when there is
    nothing that could be settled so.
    """
    review = inbound.get_review(tx, review_id=review_id)
    if review is None:
        raise ReviewNotFound
    if review.settled_at is not None and review.settled_as != settled_as:
        raise ReviewSettled(str(review.settled_as))
    number = _find_number(tx, review, settled_as, mobile)
    found = None if number is None else choose_numbers(tx, [number])[0]
    if review.settled_at is not None:
        return review
    if found is None and settled_as == "retract":
        _drop_held(tx, review)
    if number is not None and found is not None and settled_as != "dismiss":
        facts = _settled_facts(tx, review, settled_as, mobile=found)
        # A message without a time is an opt-out from the moment at which a person says so.
        is_new = settled_as == "opt_out" and review.given_at is None
        received = None if is_new else FirstReceipt(review.receipt, review.received_at)
        recorded = ledger.record_facts(tx, facts=facts, received=received)
        written = [replace(fact, mobile=number.number, digits=number.digits) for fact in facts]
        others = record_others(tx, others=choose_facts(tx, facts=written).others, received=received)
        events.record(tx, Action.SETTLE_REVIEW, *recorded.events, *others)
        messages.mark_reply(tx, digest=review.message_digest, opted_out=settled_as == "opt_out")
    inbound.settle_review(tx, review_id=review_id, settled_as=settled_as, mobile=found)
    return replace(review, mobile=found, settled_at=tx.now, settled_as=settled_as)


def _find_number(tx: Tx, review: Review, settled_as: Settlement, written: object) -> WrittenNumber | None:
    """Whose message it is: as it is known, or as a person wrote it. Raises ``ValidationFailed``."""
    problems = Problems()
    given = None
    if written not in (None, ""):
        given = problems.read("mobile", written, lambda value: read_number(value, region=tx.project.region))
    problems.refuse()
    if review.mobile is not None:
        if given is not None and choose_numbers(tx, [given]) != [review.mobile]:
            problems.add("mobile", f"must be left out, or be {review.mobile}: that is the number of this message.")
    elif settled_as == "opt_in" or (settled_as == "retract" and not review.user_id):
        problems.add("as", "must be opt_out, with the mobile, or dismiss: no number could be read.")
    elif settled_as != "opt_out" and given is not None:
        problems.add("mobile", "must be left out when nothing is to be recorded.")
    elif settled_as == "opt_out" and given is None:
        problems.add("mobile", "is required: no number could be read.")
    problems.refuse()
    return given if review.mobile is None else WrittenNumber(review.mobile)


def _drop_held(tx: WriteTx, review: Review) -> None:
    """Forget what is held of a message until its person's number is known: it was no opt-out."""
    if not whatsapp_users.delete_held(tx, message_digest=review.message_digest):
        raise ValidationFailed({"as": ["The as field must not be retract: nothing is held of this message."]})


def _settled_facts(tx: Tx, review: Review, settled_as: Settlement, *, mobile: int) -> list[NewFact]:
    """What the person's message means now, at the time at which they sent it, where that is known."""
    evidence = write_evidence(provider=review.provider, text=review.text, note=f"review {review.id}")
    if settled_as == "opt_out":
        scope = stop_scope(tx.project.consent, channel=review.channel, sender=review.sender or ANY)
        return [NewFact(0, mobile, "opt_out", scope, review.given_at, "inbound", evidence=evidence)]
    if settled_as == "opt_in":
        scope = Scope(channel=review.channel)
        return [NewFact(0, mobile, "opt_in", scope, review.given_at, "inbound", evidence=evidence)]
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
