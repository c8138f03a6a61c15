"""Records what providers send: messages, codes and preferences; doubtful ones are kept for review.

Events are known by their message id, so replays change nothing, and by their time, so order does not matter. No
provider formats, no keywords, no HTTP.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from msgspec import Struct
from msgspec.structs import replace

from daftari.model.consent import ANY, FactKind, FirstReceipt, NewFact, Scope
from daftari.model.contacts import Group
from daftari.model.inbound import (
    DeliveryReport,
    InboundDoubt,
    InboundEvent,
    InboundLink,
    InboundMessage,
    InboundSignal,
    InboundSubscription,
    InboundUnreadable,
    Review,
)
from daftari.model.limits import MESSAGE_ID_MAX, SENDER_MAX
from daftari.rules.consent import ledger
from daftari.rules.consent.keywords import Reading, stop_scope
from daftari.rules.consent.others import choose_facts, record_others
from daftari.rules.consent.state import fold_keyword
from daftari.rules.consent.views import cut_evidence, write_evidence
from daftari.rules.events import Action, ConsentChanged, GroupLeft, record
from daftari.rules.fields import fold_name
from daftari.rules.inbound.requests import ReadEvent, read_events
from daftari.rules.inbound.trials import note_arrivals
from daftari.rules.messages.settle import receive_reports
from daftari.rules.numbers import WrittenNumber, choose_numbers, read_international
from daftari.store import Tx, WriteTx, consent, groups, inbound, messages, whatsapp_users

_UNREADABLE = "comes from a number that cannot be read"
_WITHHELD = "comes from a WhatsApp user whose number is withheld"
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
    sender_id: int | None = None
    """The sender whose own address it came to."""


class _Inbox(Struct):
    """Facts and reviews that a request leads to, which came as the receipt says."""

    receipt: Receipt
    facts: list[NewFact]
    reviews: list[tuple[Review, str]]


# ---- taking in ------------------------------------------------------------------------------------------


def receive_events(tx: WriteTx, *, events: Sequence[ReadEvent], receipt: Receipt) -> Taken:
    """Record the events of a verified request, all of them or none."""
    links = [read.event for read in events if isinstance(read.event, InboundLink)]
    inboxes = [found for link in links for found in _learn_link(tx, link, receipt)]
    inbox = _Inbox(receipt, [], [])
    for read in events:
        event = _identify(tx, read.event, receipt)
        if isinstance(event, InboundMessage):
            _keep_reply(tx, event, receipt)
        _take(tx, inbox, event, read.reading)
    reports = [read.event for read in events if isinstance(read.event, DeliveryReport)]
    receive_reports(tx, reports=reports, provider=receipt.provider, sender_id=receipt.sender_id)
    done = [_record(tx, one) for one in (*inboxes, inbox)]
    if inbound.count_received(tx, token_id=receipt.token_id):
        note_arrivals(tx, token_id=receipt.token_id, events=events)
    happened = [event for one in done for event in one.happened]
    if happened:
        record(tx, Action.RECEIVE_INBOUND, *happened)
    return Taken(sum(one.recorded for one in done), sum(one.reviews for one in done))


class _Done(Struct, frozen=True):
    """The outcome of an inbox: new facts, reviews and events."""

    recorded: int
    reviews: int
    happened: list[ConsentChanged | GroupLeft]


def _record(tx: WriteTx, inbox: _Inbox) -> _Done:
    """Record the facts of an inbox as of its receipt, and insert its reviews."""
    receipt = inbox.receipt
    received = None if receipt.is_first else FirstReceipt(receipt.order, receipt.received_at)
    meant = choose_facts(tx, facts=inbox.facts)
    recorded = ledger.record_facts(tx, facts=meant.facts, received=received) if meant.facts else None
    others = record_others(tx, others=meant.others, received=received)
    happened = [*(recorded.events if recorded is not None else ()), *others]
    _insert_reviews(tx, inbox)
    for fact in inbox.facts:
        if fact.kind == "opt_out" and fact.source == "inbound" and fact.message_id is not None:
            digest = consent.message_digest(tx, message_id=fact.message_id)
            messages.mark_reply(tx, digest=digest, opted_out=True)
    new = 0 if recorded is None else sum(outcome.outcome == "recorded" for outcome in recorded.outcomes)
    return _Done(new, len(inbox.reviews) + len(meant.others), happened)


def _take(tx: WriteTx, inbox: _Inbox, event: InboundEvent, reading: Reading) -> None:
    match event:
        case InboundMessage():
            _take_message(tx, inbox, event, reading, inbox.receipt)
        case InboundSignal():
            _take_signal(tx, inbox, event, inbox.receipt)
        case InboundSubscription():
            _take_subscription(tx, inbox, event, inbox.receipt)
        case InboundDoubt():
            _keep_for_review(tx, inbox, event, _find_mobile(tx, event.number), event.why, inbox.receipt)
        case InboundUnreadable():
            _keep_unreadable(tx, inbox, event, inbox.receipt)
        case InboundLink():
            """Learned before the other events of its request."""
        case DeliveryReport():
            """Taken with all reports of its request."""


def _take_message(tx: WriteTx, inbox: _Inbox, event: InboundMessage, reading: Reading, receipt: Receipt) -> None:
    if reading.meaning in ("help", "nothing"):
        return
    if not event.number and event.user_id:
        if reading.meaning in ("opt_out", "opt_in"):
            _hold(tx, event, receipt)
        if reading.meaning != "opt_in":
            why = f"{_WITHHELD}, and {reading.why}" if reading.why else _WITHHELD
            _keep_for_review(tx, inbox, event, None, why, receipt)
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


def _keep_reply(tx: WriteTx, event: InboundMessage, receipt: Receipt) -> None:
    """Keep what a person wrote with the last message that the number was sent."""
    mobile = _find_mobile(tx, event.number) if event.number and not event.is_edit else None
    sent = None if mobile is None else messages.find_last_sent(tx, mobile=mobile)
    if sent is not None:
        at = receipt.received_at if event.at is None else min(event.at, receipt.received_at)
        digest = consent.message_digest(tx, message_id=_known_by(event, receipt))
        message_id, origin_id = sent
        messages.insert_reply(
            tx, message_id=message_id, origin_id=origin_id, at=at, digest=digest, text=cut_evidence(event.text)
        )


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
    if not event.number and event.user_id:
        _hold(tx, event, receipt)
        if event.kind == "opt_out":
            why = f"is the code {event.code} of the provider, and {_WITHHELD}"
            _keep_for_review(tx, inbox, event, None, why, receipt)
        return
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
    said = cut_evidence(event.text) if isinstance(event, InboundMessage) else None
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
    """What a repeated event has in common with the first: what it says, and the message's id or else when it was said.

    Programs use ids again, and a STOP is no repetition of a START. Without id and time it is known by its receipt:
    clocks are set back, and what is said later is no repetition.
    """
    user_id = "" if isinstance(event, InboundSubscription) else event.user_id
    address = f"{receipt.provider}:{receipt.token_id}:{event.number or user_id or None}"
    said = event.text if isinstance(event, InboundMessage | InboundDoubt) else ""
    if event.message_id is not None:
        return f"{address}:{event.message_id[:MESSAGE_ID_MAX]}:{said}"
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


# ---- WhatsApp persons whose number is withheld -----------------------------------------------------------


def _learn_link(tx: WriteTx, link: InboundLink, receipt: Receipt) -> list[_Inbox]:
    """Remember whose a WhatsApp id is, at this address. Returns what was held under it, each as of its own receipt."""
    mobile = _find_mobile(tx, link.number)
    token_id = receipt.token_id
    if mobile is None or whatsapp_users.get_user(tx, token_id=token_id, user_id=link.user_id) == mobile:
        return []
    whatsapp_users.save_user(tx, token_id=token_id, user_id=link.user_id, mobile=mobile)
    found = []
    for held in whatsapp_users.find_held(tx, token_id=token_id, user_id=link.user_id):
        whatsapp_users.release_held(tx, held=held)
        first = Receipt(receipt.provider, token_id, held.received_at, held.receipt, is_first=False)
        inbox = _Inbox(first, [], [])
        for read in read_events([replace(held.event, number=f"+{mobile}")], settings=tx.project.consent):
            _take(tx, inbox, read.event, read.reading)
        found.append(inbox)
    return found


def _identify(tx: Tx, event: InboundEvent, receipt: Receipt) -> InboundEvent:
    """The event with its person's number, where the provider gives only an id and the number is known."""
    if not isinstance(event, InboundMessage | InboundSignal | InboundDoubt) or event.number or not event.user_id:
        return event
    mobile = whatsapp_users.get_user(tx, token_id=receipt.token_id, user_id=event.user_id)
    return event if mobile is None else replace(event, number=f"+{mobile}")


def _hold(tx: WriteTx, event: InboundMessage | InboundSignal, receipt: Receipt) -> None:
    """Keep what a person said about consent until the number is known."""
    whatsapp_users.insert_held(
        tx,
        token_id=receipt.token_id,
        received_at=receipt.received_at,
        receipt=receipt.order,
        message_digest=consent.message_digest(tx, message_id=_known_by(event, receipt)),
        event=event,
    )


# ---- review -----------------------------------------------------------------------------------------------


def _keep_for_review(tx: WriteTx, inbox: _Inbox, event: _Known, mobile: int | None, why: str, receipt: Receipt) -> None:
    """Keep an event for review, once: by its message id, or else by what it says and when."""
    # One ahead of the clock, or none, is that of receipt.
    at = receipt.received_at if event.at is None else min(event.at, receipt.received_at)
    said = event.text if isinstance(event, InboundMessage | InboundDoubt) else ""
    if isinstance(event, InboundSignal):
        channel, sender = event.scope.channel, event.scope.sender
    else:
        channel = "premium_sms" if isinstance(event, InboundSubscription) else event.channel
        sender = _sender(event)
    user_id = "" if isinstance(event, InboundSubscription) else event.user_id
    if mobile is None:
        # The reviewer needs all there is to find out which person it is about.
        why += "".join(
            f"; {what} {value!r}"
            for what, value in (("number", event.number), ("user", user_id), ("message", event.message_id))
            if value
        )
    review = Review(
        0, mobile, at, receipt.provider, channel, sender, why, cut_evidence(said),
        token_id=receipt.token_id, user_id=user_id,
        given_at=event.at, received_at=receipt.received_at, receipt=receipt.order,
    )  # fmt: skip
    inbox.reviews.append((review, consent.message_digest(tx, message_id=_known_by(event, receipt))))


def _insert_reviews(tx: WriteTx, inbox: _Inbox) -> None:
    for review, message in inbox.reviews:
        inbound.insert_review(tx, given=review, message_digest=message)


def _keep_unreadable(tx: WriteTx, inbox: _Inbox, event: InboundUnreadable, receipt: Receipt) -> None:
    """Keep an event that could not be read among others: it may be a STOP."""
    why = f"cannot be read: {event.why}"
    said = cut_evidence(event.said)
    review = Review(
        0, None, receipt.received_at, receipt.provider, ANY, ANY, why, said,
        token_id=receipt.token_id, received_at=receipt.received_at, receipt=receipt.order,
    )  # fmt: skip
    known_by = f"{receipt.provider}:unreadable:{event.said}"
    inbox.reviews.append((review, consent.message_digest(tx, message_id=known_by)))


def review_events(tx: WriteTx, *, events: Sequence[InboundEvent], why: str, receipt: Receipt) -> None:
    """Keep events for review. They record no facts by themselves."""
    inbox = _Inbox(receipt, [], [])
    for event in events:
        if isinstance(event, InboundUnreadable):
            _keep_unreadable(tx, inbox, event, receipt)
        elif not isinstance(event, InboundLink | DeliveryReport):
            _keep_for_review(tx, inbox, event, _find_mobile(tx, event.number), why, receipt)
    _insert_reviews(tx, inbox)
