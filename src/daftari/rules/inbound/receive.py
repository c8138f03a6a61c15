"""Receives what providers send: messages are read, codes and preferences recorded, doubtful ones kept for review.

Events are known by their message id, so replays change nothing, and by their time, so order does not matter. No
provider formats, no HTTP.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from msgspec import Struct

from daftari.model.consent import ANY, FactKind, FirstReceipt, NewFact, Scope
from daftari.model.contacts import Group
from daftari.model.inbound import (
    InboundDoubt,
    InboundEvent,
    InboundMessage,
    InboundSignal,
    InboundSubscription,
    InboundUnreadable,
    Review,
)
from daftari.model.limits import EVIDENCE_MAX, MESSAGE_ID_MAX, SENDER_MAX
from daftari.rules.consent import ledger
from daftari.rules.consent.keywords import Reading, is_opt_out_payload, read_message, stop_scope
from daftari.rules.consent.others import choose_facts, record_others
from daftari.rules.consent.state import fold_keyword
from daftari.rules.consent.views import write_evidence
from daftari.rules.events import Action, record
from daftari.rules.fields import fold_name
from daftari.rules.numbers import WrittenNumber, choose_numbers, read_international
from daftari.store import Tx, WriteTx, consent, groups, inbound

_UNREADABLE = "comes from a number that cannot be read"
_Known = InboundMessage | InboundSignal | InboundSubscription | InboundDoubt


class Taken(Struct, frozen=True):
    """The outcome of a request: the number of new facts, and of reviews for a person."""

    recorded: int
    reviews: int


class Receipt(Struct, frozen=True):
    """How a request came: from which provider, by which token, and when its bytes came for the first time.

    ``order``: the place of its receipt in the order of the project's. ``is_first``: it came now, and never before.
    """

    provider: str
    token_id: int
    received_at: int
    order: int
    is_first: bool


class _Inbox(Struct):
    """Facts and reviews that a request leads to."""

    facts: list[NewFact]
    reviews: list[tuple[Review, str]]


# ---- taking in ------------------------------------------------------------------------------------------


def receive_events(tx: WriteTx, *, events: Sequence[InboundEvent], receipt: Receipt) -> Taken:
    """Record the events of a verified request, all of them or none."""
    inbox = _Inbox([], [])
    for event in events:
        match event:
            case InboundMessage():
                _take_message(tx, inbox, event, receipt)
            case InboundSignal():
                _take_signal(tx, inbox, event, receipt)
            case InboundSubscription():
                _take_subscription(tx, inbox, event, receipt)
            case InboundDoubt():
                _keep_for_review(tx, inbox, event, _find_mobile(tx, event.number), event.why, receipt)
            case InboundUnreadable():
                _keep_unreadable(tx, inbox, event, receipt)
    received = None if receipt.is_first else FirstReceipt(receipt.order, receipt.received_at)
    meant = choose_facts(tx, facts=inbox.facts)
    recorded = ledger.record_facts(tx, facts=meant.facts, received=received) if meant.facts else None
    others = record_others(tx, others=meant.others, received=received)
    happened = [*(recorded.events if recorded is not None else ()), *others]
    _insert_reviews(tx, inbox)
    inbound.count_received(tx, token_id=receipt.token_id)
    new = 0 if recorded is None else sum(outcome.outcome == "recorded" for outcome in recorded.outcomes)
    if happened:
        record(tx, Action.RECEIVE_INBOUND, *happened)
    return Taken(new, len(inbox.reviews) + len(meant.others))


def _take_message(tx: WriteTx, inbox: _Inbox, event: InboundMessage, receipt: Receipt) -> None:
    reading = _read_said(tx, event)
    if reading.meaning in ("help", "nothing"):
        return
    number = _read_number(tx, event.number)
    if number is None:
        _keep_for_review(tx, inbox, event, None, _UNREADABLE, receipt)
        return
    (mobile,) = choose_numbers(tx, [number])
    if _was_taken(tx, event, mobile, receipt):
        return
    left = _find_group(tx, reading.rest)
    if reading.why and left is None:
        _keep_for_review(tx, inbox, event, mobile, reading.why, receipt)
    own_channel = Scope(channel=event.channel)
    if left is not None:
        fact = _fact(event, number, "left_group", own_channel, receipt, keyword=fold_name(left.name), group_id=left.id)
    elif reading.meaning == "opt_out":
        scope = stop_scope(tx.project.consent, channel=event.channel, sender=_sender(event))
        fact = _fact(event, number, "opt_out", scope, receipt)
    elif reading.meaning == "opt_in":
        # A START speaks for its own channel and no other one.
        fact = _fact(event, number, "opt_in", own_channel, receipt)
    else:
        return
    inbox.facts.append(fact)


def _read_said(tx: Tx, event: InboundMessage) -> Reading:
    """What a message says; a person should look at an edit and at the payload of a button that may be opt-outs."""
    if event.means is not None:
        # The provider acted on it already: what it took the message for is what the person will meet with.
        return Reading(event.means)
    reading = read_message(event.text, settings=tx.project.consent)
    if event.is_edit:
        doubtful = reading.meaning in ("opt_out", "review")
        return Reading("review", why="is an edited message that may be an opt-out") if doubtful else Reading("nothing")
    if reading.meaning in ("help", "nothing") and is_opt_out_payload(event.payload, settings=tx.project.consent):
        return Reading("review", why=f"is a button that stands for {event.payload[:SENDER_MAX]!r}")
    return reading


def _was_taken(tx: Tx, event: InboundMessage, mobile: int, receipt: Receipt) -> bool:
    """Whether the message led to something before. Groups and settings change, and with them what it would mean."""
    message = consent.message_digest(tx, message_id=_known_by(event, receipt))
    known = consent.find_facts(tx, mobiles=[mobile]).get(mobile, ())
    return any(fact.source == "inbound" and fact.message_digest == message for fact in known)


def _find_group(tx: Tx, rest: str) -> Group | None:
    """The group that "STOP WORD" names: as it was written, or without the signs at its end."""
    for name in dict.fromkeys((rest, rest.rstrip(".,;:!?…\"')] "))):
        group = groups.get_group(tx, folded=fold_name(name)) if name else None
        if group is not None:
            return group
    return None


def _take_signal(tx: WriteTx, inbox: _Inbox, event: InboundSignal, receipt: Receipt) -> None:
    number = _read_number(tx, event.number)
    if number is None:
        why = f"is the code {event.code} of the provider, and names no number that can be read"
        _keep_for_review(tx, inbox, event, None, why, receipt)
        return
    inbox.facts.append(_fact(event, number, event.kind, event.scope, receipt))


def _take_subscription(tx: WriteTx, inbox: _Inbox, event: InboundSubscription, receipt: Receipt) -> None:
    number = _read_number(tx, event.number)
    if number is None:
        _keep_for_review(tx, inbox, event, None, _UNREADABLE, receipt)
        return
    kind: FactKind = "activated" if event.active else "deactivated"
    scope = Scope("premium_sms", _sender(event))
    inbox.facts.append(_fact(event, number, kind, scope, receipt, keyword=fold_keyword(event.keyword)[:SENDER_MAX]))


def _fact(
    event: _Known,
    number: WrittenNumber,
    kind: FactKind,
    scope: Scope,
    receipt: Receipt,
    *,
    keyword: str = "",
    group_id: int | None = None,
) -> NewFact:
    said = event.text[:EVIDENCE_MAX] if isinstance(event, InboundMessage) else None
    code = event.code if isinstance(event, InboundSignal) else None
    return NewFact(
        index=0,
        mobile=number.number,
        kind=kind,
        scope=scope,
        at=event.at,
        source="inbound" if isinstance(event, InboundMessage) else "provider",
        keyword=keyword,
        group_id=group_id,
        message_id=_known_by(event, receipt),
        evidence=write_evidence(provider=receipt.provider, message_id=event.message_id, text=said, code=code),
        digits=number.digits,
    )


def _known_by(event: _Known, receipt: Receipt) -> str:
    """What a repeated event has in common with the first: the message's id, or else what it says and when.

    Without a time it is known by its receipt: clocks are set back, and what is said later is no repetition.
    """
    address = f"{receipt.provider}:{receipt.token_id}:{event.number}"
    if event.message_id is not None:
        return f"{address}:{event.message_id[:MESSAGE_ID_MAX]}"
    said = event.text if isinstance(event, InboundMessage | InboundDoubt) else ""
    return f"{address}:{f'receipt {receipt.order}' if event.at is None else event.at}:{said}"


def _sender(event: InboundMessage | InboundSubscription | InboundDoubt) -> str:
    return event.sender.strip()[:SENDER_MAX] or ANY


def _read_number(tx: Tx, number: str | None) -> WrittenNumber | None:
    with suppress(ValueError):
        return None if number is None else read_international(number, region=tx.project.region)
    return None


def _find_mobile(tx: Tx, number: str | None) -> int | None:
    """The number that is meant, if one can be read."""
    read = _read_number(tx, number)
    return None if read is None else choose_numbers(tx, [read])[0]


# ---- review -----------------------------------------------------------------------------------------------


def _keep_for_review(tx: WriteTx, inbox: _Inbox, event: _Known, mobile: int | None, why: str, receipt: Receipt) -> None:
    """Keep an event for a person's eye, once: by its message id, or else by what it says and when."""
    # One ahead of the clock, or none, is that of receipt.
    at = receipt.received_at if event.at is None else min(event.at, receipt.received_at)
    said = event.text if isinstance(event, InboundMessage | InboundDoubt) else ""
    if isinstance(event, InboundSignal):
        channel, sender = event.scope.channel, event.scope.sender
    else:
        channel = "premium_sms" if isinstance(event, InboundSubscription) else event.channel
        sender = _sender(event)
    if mobile is None:
        # The reviewer needs all there is to find out which person it is about.
        why += "".join(
            f"; {what} {value!r}" for what, value in (("number", event.number), ("message", event.message_id)) if value
        )
    review = Review(
        0, mobile, at, receipt.provider, channel, sender, why, said.replace("\0", "")[:EVIDENCE_MAX],
        given_at=event.at, received_at=receipt.received_at, receipt=receipt.order,
    )  # fmt: skip
    inbox.reviews.append((review, consent.message_digest(tx, message_id=_known_by(event, receipt))))


def _insert_reviews(tx: WriteTx, inbox: _Inbox) -> None:
    for review, message in inbox.reviews:
        inbound.insert_review(tx, given=review, message_digest=message)


def _keep_unreadable(tx: WriteTx, inbox: _Inbox, event: InboundUnreadable, receipt: Receipt) -> None:
    """Keep an event that could not be read among others: it may be a STOP."""
    why = f"cannot be read: {event.why}"
    said = event.said[:EVIDENCE_MAX]
    review = Review(
        0, None, receipt.received_at, receipt.provider, ANY, ANY, why, said,
        received_at=receipt.received_at, receipt=receipt.order,
    )  # fmt: skip
    known_by = f"{receipt.provider}:unreadable:{event.said}"
    inbox.reviews.append((review, consent.message_digest(tx, message_id=known_by)))


def review_events(tx: WriteTx, *, events: Sequence[InboundEvent], why: str, receipt: Receipt) -> None:
    """Keep events for review. They record no facts by themselves."""
    inbox = _Inbox([], [])
    for event in events:
        if isinstance(event, InboundUnreadable):
            _keep_unreadable(tx, inbox, event, receipt)
        else:
            _keep_for_review(tx, inbox, event, _find_mobile(tx, event.number), why, receipt)
    _insert_reviews(tx, inbox)
