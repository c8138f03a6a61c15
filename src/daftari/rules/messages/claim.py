"""Claims what a sender sends next: who may be messaged is decided in the transaction that writes the rows.

A claim takes messages of calls and triggers that are due, then the next numbers of running campaigns. Each becomes
``sending``, or ends with the reason why it is not sent, or waits on. Nothing is sent here: no HTTP, no SQL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from daftari.model.messages import CALLS, MessagePurpose, SenderDefinition, StoredMessage, StoredSender
from daftari.rules.carts.still_open import AboutCart, OpenCarts
from daftari.rules.consent.decisions import ALLOWING, Question, judge_sender
from daftari.rules.consent.state import NOTHING_KNOWN, State, decode_state
from daftari.rules.messages.campaigns import OpenCampaign, end_cancelled, open_campaigns, save_campaigns
from daftari.rules.messages.content import Message, Unsendable, kept_content, render
from daftari.rules.messages.ends import Ends
from daftari.rules.messages.triggers import (
    Due,
    OpenTrigger,
    change_waiting,
    has_to_change,
    open_triggers,
    save_triggers,
)
from daftari.rules.senders.hours import Hours
from daftari.rules.senders.meter import HOUR_MICROSECONDS, Meter, read_meter, write_meter
from daftari.rules.senders.model import decode_definition, find_call_max, find_wait
from daftari.store import Tx, WriteTx, campaigns, consent, contacts, groups, messages, senders
from daftari.store.contacts import StoredContact

PAUSE_MICROSECONDS = 60_000_000
"""A campaign that waits for longer for its provider says until when."""
RESTORED = (
    "the database was restored or copied: what waits here may have been sent since, or be sent by the other one too; "
    "look at what waits, then resume"
)


class Claim(Struct, frozen=True):
    """What is to be sent now. ``next_at``: when there may be more; ``None`` while nothing waits."""

    sender: StoredSender
    definition: SenderDefinition
    messages: Sequence[StoredMessage]
    next_at: int | None
    closes_at: Mapping[MessagePurpose, int] = {}
    """When the sending hours of a purpose end, where they do."""


class Candidate(Struct, frozen=True):
    """A message that may be sent now, and the campaign or trigger that it is of. ``is_new``: it has no row yet."""

    message: StoredMessage
    campaign: OpenCampaign | None = None
    trigger: OpenTrigger | None = None
    is_new: bool = False


def list_busy_senders(tx: Tx) -> list[str]:
    """The senders that have something to send, or campaigns to look at; a paused one, what is to go to another one."""
    return [str(sender.id) for sender in senders.list_senders(tx) if _is_busy(tx, sender)]


def _is_busy(tx: Tx, sender: StoredSender) -> bool:
    if not sender.paused:
        return messages.has_open_messages(tx, sender_id=sender.id) or bool(
            campaigns.list_active_campaigns(tx, sender_id=sender.id)
        )
    # What a dead worker left is settled all the same, what was cancelled ends, and what goes to another sender goes.
    if messages.has_sending_messages(tx, sender_id=sender.id):
        return True
    origins = [*{*messages.list_waiting_origins(tx, sender_id=sender.id)} - {CALLS}]
    return has_to_change(open_triggers(tx, ids=origins, ends=Ends()), sender=sender) or any(
        campaign.state in ("cancelled", "finished")
        for origin_id in origins
        if (campaign := campaigns.get_campaign(tx, campaign_id=origin_id)) is not None
    )


def claim_messages(tx: WriteTx, *, sender_id: int, fence: int) -> Claim | None:
    """Claim what may be under way at once. Returns ``None`` when another worker has taken the sender over."""
    sender = senders.get_sender(tx, sender_id=sender_id)
    if sender is None or sender.fence != fence:
        return None
    definition, meter = decode_definition(sender.definition), read_meter(sender.meter)
    if not sender.paused and meter.epoch != tx.epoch():
        senders.save_meter(tx, sender_id=sender.id, meter=sender.meter, paused=RESTORED)
        return Claim(sender, definition, (), None)
    ends = Ends()
    origins = [origin_id for origin_id in messages.list_waiting_origins(tx, sender_id=sender.id) if origin_id != CALLS]
    fired = open_triggers(tx, ids=origins, ends=ends)
    has_ended_more = end_cancelled(tx, campaign_ids={*origins} - {trigger.stored.id for trigger in fired}, ends=ends)
    has_ended_more = change_waiting(tx, opened=fired, sender=sender) or has_ended_more
    if sender.paused or sender.deleted_at is not None or find_wait(definition):
        save_triggers(tx, fired)
        ends.record(tx)
        return Claim(sender, definition, (), tx.now if has_ended_more else None)
    meter.fill(definition, now=tx.now)
    hours = Hours(tx.project, definition, now=tx.now)
    opens_at = partial(_opens_at, meter, definition, hours, tx.now)
    opened = open_campaigns(tx, sender=sender, opens_at=opens_at, resumed_at=meter.resumed_at, ends=ends)
    running = [campaign for campaign in opened if campaign.is_running]
    limit = min(find_call_max(sender, definition), meter.capacity(definition, now=tx.now))
    on = [trigger for trigger in fired if trigger.is_on and trigger.stored.sender_id == sender.id]
    found = _find_due(tx, sender, meter, on, limit)
    found += _take_turns(tx, sender, meter, running, limit - len(found))
    decided = _decide(tx, sender, definition, hours, found)
    for candidate, message in zip(found, decided, strict=True):
        before = None if candidate.is_new else candidate.message
        origin = candidate.campaign or candidate.trigger
        if origin is None:
            ends.add(before, message)
        else:
            origin.count(before, message)
    messages.insert_messages(tx, messages=_changed(found, decided, is_new=True))
    messages.save_messages(tx, messages=_changed(found, decided, is_new=False))
    claimed = [message for message in decided if message.state == "sending"]
    meter.count(messages=len(claimed), parts=sum(message.parts for message in claimed), now=tx.now)
    save_campaigns(tx, opened)
    save_triggers(tx, fired)
    ends.record(tx)
    senders.save_meter(tx, sender_id=sender.id, meter=write_meter(meter), paused="")
    next_at = tx.now if has_ended_more else _next_at(tx, sender, definition, meter, hours, running, on)
    closing = {purpose: hours.find_end(purpose) for purpose in {message.purpose for message in claimed}}
    closes_at = {purpose: at for purpose, at in closing.items() if at is not None}
    return Claim(sender, definition, claimed, next_at, closes_at)


def _changed(found: Sequence[Candidate], decided: Sequence[StoredMessage], *, is_new: bool) -> list[StoredMessage]:
    return [message for candidate, message in zip(found, decided, strict=True) if candidate.is_new is is_new]


# ---- when -------------------------------------------------------------------------------------------


def _opens_at(meter: Meter, definition: SenderDefinition, hours: Hours, now: int, purpose: MessagePurpose) -> int:
    """When a purpose may be sent: in the hours, and once the provider takes more."""
    resumes_at = meter.opens_at(definition, now=now)
    return hours.opens_after(resumes_at, purpose) if resumes_at > now + PAUSE_MICROSECONDS else hours.opens_at(purpose)


def _find_due(
    tx: WriteTx, sender: StoredSender, meter: Meter, on: Sequence[OpenTrigger], limit: int
) -> list[Candidate]:
    """Messages of calls and of triggers that wait and are due, of each a share; whose turn comes first changes."""
    found: list[Candidate] = []
    origins: dict[int, OpenTrigger | None] = {CALLS: None}
    for trigger in on:
        trigger.redate(tx)
        at = messages.find_next_due(tx, sender_id=sender.id, origin_id=trigger.stored.id)
        if at is not None and at <= tx.now:
            origins[trigger.stored.id] = trigger
    turns = sorted(origins, key=lambda origin_id: (origin_id <= meter.last_due, origin_id))
    for origin_id, left in zip(turns, range(len(turns), 0, -1), strict=True):
        share = -(-max(0, limit - len(found)) // left)
        due = messages.list_due_messages(tx, sender_id=sender.id, origin_id=origin_id, limit=share)
        if due and on:
            meter.last_due = origin_id
        found += [Candidate(_as_it_is_now(one, origins[origin_id]), trigger=origins[origin_id]) for one in due]
    return found


def _as_it_is_now(message: StoredMessage, trigger: OpenTrigger | None) -> StoredMessage:
    """A message with the purpose that its trigger has by now."""
    return message if trigger is None else replace(message, purpose=trigger.definition.purpose)


def _take_turns(
    tx: WriteTx, sender: StoredSender, meter: Meter, running: Sequence[OpenCampaign], limit: int
) -> list[Candidate]:
    """Messages of campaigns, of each a share: those that wait and are due, then those to its next numbers.

    The one that comes after the last one of the claim before begins, so that each has its turn where one message at a
    time may go out.
    """
    found: list[Candidate] = []
    turns = sorted(running, key=lambda campaign: (campaign.stored.id <= meter.last_campaign, campaign.stored.id))
    for campaign, left in zip(turns, range(len(turns), 0, -1), strict=True):
        campaign.retry(tx)
        campaign.end_waiting(tx)
        share = -(-(limit - len(found)) // left)
        taken: list[Candidate] = []
        if campaign.has_waiting and share > 0:
            due = messages.list_due_messages(tx, sender_id=sender.id, origin_id=campaign.stored.id, limit=share)
            taken += [Candidate(message, campaign=campaign) for message in due]
        taken += [
            Candidate(message, campaign=campaign, is_new=True) for message in campaign.take(tx, share - len(taken))
        ]
        if taken:
            meter.last_campaign = campaign.stored.id
        found += taken
    return found


def _next_at(
    tx: Tx,
    sender: StoredSender,
    definition: SenderDefinition,
    meter: Meter,
    hours: Hours,
    running: Sequence[OpenCampaign],
    on: Sequence[OpenTrigger],
) -> int | None:
    """When there may be more to send."""
    due = [hours.opens_at(campaign.definition.purpose) for campaign in running if campaign.has_more]
    waiting = [campaign.stored.id for campaign in running if campaign.has_waiting]
    for origin_id in (CALLS, *waiting, *[trigger.stored.id for trigger in on]):
        at = messages.find_next_due(tx, sender_id=sender.id, origin_id=origin_id)
        if at is not None:
            due.append(at)
    due += [tx.now for campaign in running if campaign.ending and campaign.has_waiting]
    due += [tx.now for trigger in on if trigger.is_redating]
    return max(min(due), meter.opens_at(definition, now=tx.now)) if due else None


# ---- whether ----------------------------------------------------------------------------------------


def _decide(
    tx: WriteTx, sender: StoredSender, definition: SenderDefinition, hours: Hours, found: Sequence[Candidate]
) -> list[StoredMessage]:
    """Each message as it is after the claim."""
    if not found:
        return []
    numbers = sorted({candidate.message.subject_id for candidate in found})
    people = {person.mobile: person for person in contacts.find_contacts_by_mobile(tx, mobiles=numbers)}
    caps = Caps(tx, found)
    refusals = find_refusals(tx, sender, definition, found)
    asks_groups = any(one.campaign or (one.trigger and one.trigger.definition.unless) for one in found)
    groups = _find_groups(tx, [person.id for person in people.values()] if asks_groups else [])
    due = _ask_triggers(tx, found)
    open_carts = _open_carts(tx, found, due)
    decided = []
    for candidate in found:
        message, person = candidate.message, people.get(candidate.message.subject_id)
        one, opens = due.get(message.id), hours.opens_at(message.purpose)
        reason = refusals.get(message.id) or _find_reason(tx, candidate, due, people, groups)
        reason = reason or open_carts.refuse(message.id)
        if message.subject_id < 0:
            # Its number was erased while it was being sent, and then it was not taken.
            decided.append(_ended(tx, message, "skipped", "erased"))
        elif _is_over(candidate, due, now=tx.now):
            decided.append(_ended(tx, message, "expired", "too_late"))
        elif one is not None and one.due_at > tx.now:
            decided.append(replace(message, due_at=one.due_at))
        elif reason and (opens <= tx.now or one is not None):
            decided.append(_ended(tx, message, "skipped", reason))
        elif opens > tx.now:
            waits = one is None or opens <= one.until
            decided.append(replace(message, due_at=opens) if waits else _ended(tx, message, "skipped", "quiet_hours"))
        elif caps.is_reached(message):
            decided.append(_ended(tx, message, "skipped", "too_often"))
        elif one is not None and (held := open_carts.hold(message.id)) is not None:
            until = min(held.again_at, one.until)
            decided.append(
                _ended(tx, message, held.state, held.reason) if held.reason else replace(message, due_at=until)
            )
        else:
            decided.append(_rendered(tx, sender, definition, candidate, person, one))
            caps.note(decided[-1])
            open_carts.note(decided[-1])
    open_carts.save(tx)
    return decided


def _open_carts(tx: Tx, found: Sequence[Candidate], due: Mapping[int, Due]) -> OpenCarts:
    """The carts of connected shops that messages are about which may be sent now."""
    about = [
        AboutCart(candidate.message.id, candidate.message.subject_id, one.cart, one.due_at, one.until)
        for candidate in found
        if (one := due.get(candidate.message.id)) is not None and one.cart is not None and one.due_at <= tx.now
    ]
    return OpenCarts(tx, about)


def _ask_triggers(tx: Tx, found: Sequence[Candidate]) -> dict[int, Due]:
    """What triggers know of their messages, by id."""
    due: dict[int, Due] = {}
    by_trigger: dict[int, list[Candidate]] = {}
    for candidate in found:
        if candidate.trigger is not None and candidate.message.subject_id > 0:
            by_trigger.setdefault(candidate.trigger.stored.id, []).append(candidate)
    for candidates in by_trigger.values():
        trigger = candidates[0].trigger
        if trigger is not None:
            due |= trigger.ask(tx, [candidate.message for candidate in candidates])
    return due


def _is_over(candidate: Candidate, due: Mapping[int, Due], *, now: int) -> bool:
    """Whether it is too late to send a message."""
    one = due.get(candidate.message.id)
    until = candidate.message.until if one is None else one.until
    return bool(until) and until <= now


def _find_reason(
    tx: Tx,
    candidate: Candidate,
    due: Mapping[int, Due],
    people: Mapping[int, StoredContact],
    groups: Mapping[int, frozenset[int]],
) -> str:
    """Why a message is no longer wanted, consent aside; empty for all others."""
    message, person = candidate.message, people.get(candidate.message.subject_id)
    if candidate.campaign is not None:
        return candidate.campaign.refuse(person, groups)
    if candidate.trigger is not None:
        asked = due.get(message.id)
        return "erased" if asked is None else candidate.trigger.refuse(message, asked, person, groups, now=tx.now)
    return ""


def _find_groups(tx: Tx, ids: Sequence[int]) -> Mapping[int, frozenset[int]]:
    """The groups of some contacts, by contact. A deleted group has no members, though its rows are still there."""
    found: dict[int, set[int]] = {}
    for membership in groups.list_memberships(tx, ids=ids) if ids else ():
        if membership.folded is not None:
            found.setdefault(membership.contact_id, set()).add(membership.group_id)
    return {contact_id: frozenset(mine) for contact_id, mine in found.items()}


def _ended(tx: Tx, message: StoredMessage, state: Literal["skipped", "expired"], reason: str) -> StoredMessage:
    return replace(message, state=state, reason=reason, settled_at=tx.now)


def _rendered(
    tx: Tx,
    sender: StoredSender,
    definition: SenderDefinition,
    candidate: Candidate,
    person: StoredContact | None,
    due: Due | None,
) -> StoredMessage:
    """The message with the text that is sent, or the reason why there is none."""
    message, campaign, trigger = candidate.message, candidate.campaign, candidate.trigger
    try:
        if campaign is not None:
            said = render(campaign.definition.content, person, suffix=definition.suffix)
        elif trigger is not None and due is not None:
            content = trigger.definition.content
            said = render(content, person, suffix=definition.suffix, event=due.fields)
        elif message.claimed_at:
            # It was rendered when it was claimed first, and a person's name in it is no template.
            said = Message(message.text, message.parts)
        else:
            said = render(kept_content(message.text), person, suffix=definition.suffix)
    except Unsendable as error:
        return _ended(tx, message, "skipped", error.reason)
    sent = replace(
        message,
        state="sending",
        reason="",
        code="",
        until=message.until if due is None else due.until,
        claim=sender.fence,
        claimed_at=tx.now,
        text=said.stored,
        parts=said.parts,
    )
    if trigger is not None:
        trigger.note_sent(sent)
    return sent


def find_refusals(
    tx: Tx, sender: StoredSender, definition: SenderDefinition, found: Sequence[Candidate]
) -> dict[int, str]:
    """Why consent forbids some messages now, by their ids; of all facts that are known."""
    numbers = sorted({candidate.message.subject_id for candidate in found})
    states = consent.find_consent(tx, mobiles=numbers)
    judges = {purpose: _Judge(tx, sender, definition, purpose) for purpose in get_args(MessagePurpose)}
    refused: dict[int, str] = {}
    for candidate in found:
        message = candidate.message
        stored = states.get(message.subject_id)
        reason = judges[message.purpose].judge("" if stored is None else stored.state)
        if reason:
            refused[message.id] = reason
    return refused


class _Judge:
    """Whether a state allows a purpose, under every name of the sender. Most states are alike: each is judged once."""

    def __init__(self, tx: Tx, sender: StoredSender, definition: SenderDefinition, purpose: MessagePurpose) -> None:
        self._require_opt_in = tx.project.consent.require_opt_in
        self._names = (sender.name, *definition.answers_as)
        self._question = Question(sender.channel, sender.name, purpose, definition.keyword)
        self._reasons: dict[str, str] = {}

    def judge(self, stored: str) -> str:
        """The reason against it; empty when there is none."""
        reason = self._reasons.get(stored)
        if reason is None:
            reason = self._reasons[stored] = self._find(decode_state(stored) if stored else NOTHING_KNOWN)
        return reason

    def _find(self, state: State) -> str:
        code = judge_sender(state, self._question, names=self._names, require_opt_in=self._require_opt_in)
        return "" if code in ALLOWING else code


class Caps:
    """How often a number may be messaged for a purpose, where the project says so."""

    def __init__(self, tx: Tx, found: Sequence[Candidate]) -> None:
        self._most: dict[str, int] = {}
        self._sent: dict[str, dict[int, int]] = {}
        for purpose, cap in tx.project.consent.caps.items():
            numbers = sorted({each.message.subject_id for each in found if each.message.purpose == purpose})
            since = tx.now - cap.hours * HOUR_MICROSECONDS
            self._most[purpose] = cap.messages
            self._sent[purpose] = messages.count_recent(tx, mobiles=numbers, since=since, purpose=purpose)

    def is_reached(self, message: StoredMessage) -> bool:
        """Whether the number has had its share."""
        most = self._most.get(message.purpose)
        return most is not None and self._sent[message.purpose].get(message.subject_id, 0) >= most

    def note(self, message: StoredMessage) -> None:
        """Count a message if it is sent."""
        if message.state == "sending" and message.purpose in self._most:
            sent = self._sent[message.purpose]
            sent[message.subject_id] = sent.get(message.subject_id, 0) + 1
