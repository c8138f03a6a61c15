"""Claims what a sender sends next: who may be messaged is decided in the transaction that writes the rows.

A claim takes waiting messages that are due, then the next numbers of running campaigns. Each message becomes
``sending``, or ends with the reason why it is not sent, or waits on. Nothing is sent here: no HTTP, no SQL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from daftari.model.messages import CALLS, MessagePurpose, SenderDefinition, StoredMessage, StoredSender
from daftari.rules.consent.decisions import ALLOWING, Question, judge_sender
from daftari.rules.consent.state import NOTHING_KNOWN, State, decode_state
from daftari.rules.messages.campaigns import OpenCampaign, end_cancelled, open_campaigns, save_campaigns
from daftari.rules.messages.content import Message, Unsendable, kept_content, render
from daftari.rules.messages.ends import Ends
from daftari.rules.senders.hours import Hours
from daftari.rules.senders.meter import HOUR_MICROSECONDS, Meter, read_meter, write_meter
from daftari.rules.senders.model import decode_definition, find_call_max, find_wait
from daftari.store import Tx, WriteTx, campaigns, consent, contacts, groups, messages, senders
from daftari.store.contacts import StoredContact

PAUSE_MICROSECONDS = 60_000_000
"""A campaign that waits for longer for its provider says until when."""


class Claim(Struct, frozen=True):
    """What is to be sent now. ``next_at``: when there may be more; ``None`` while nothing waits."""

    sender: StoredSender
    definition: SenderDefinition
    messages: Sequence[StoredMessage]
    next_at: int | None
    closes_at: Mapping[MessagePurpose, int] = {}
    """When the sending hours of a purpose end, where they do."""


class Candidate(Struct, frozen=True):
    """A message that may be sent now. ``campaign``: the one that it is of. ``is_new``: it has no row yet."""

    message: StoredMessage
    campaign: OpenCampaign | None
    is_new: bool


def list_busy_senders(tx: Tx) -> list[str]:
    """The senders that have something to send, or campaigns to look at."""
    found = [sender.id for sender in senders.list_senders(tx) if not sender.paused]
    return [
        str(sender_id)
        for sender_id in found
        if messages.has_open_messages(tx, sender_id=sender_id)
        or campaigns.list_active_campaigns(tx, sender_id=sender_id)
    ]


def claim_messages(tx: WriteTx, *, sender_id: int, fence: int) -> Claim | None:
    """Claim what may be under way at once. Returns ``None`` when another worker has taken the sender over."""
    sender = senders.get_sender(tx, sender_id=sender_id)
    if sender is None or sender.fence != fence:
        return None
    definition, meter = decode_definition(sender.definition), read_meter(sender.meter)
    ends = Ends()
    has_ended_more = end_cancelled(tx, campaign_ids=_waiting_campaigns(tx, sender), ends=ends)
    if sender.paused or sender.deleted_at is not None or find_wait(definition):
        ends.record(tx)
        return Claim(sender, definition, (), tx.now if has_ended_more else None)
    meter.fill(definition, now=tx.now)
    hours = Hours(tx.project, definition, now=tx.now)
    opens_at = partial(_opens_at, meter, definition, hours, tx.now)
    opened = open_campaigns(tx, sender=sender, opens_at=opens_at, resumed_at=meter.resumed_at, ends=ends)
    running = [campaign for campaign in opened if campaign.is_running]
    limit = min(find_call_max(sender, definition), meter.capacity(definition, now=tx.now))
    found = _find_due(tx, sender, limit)
    found += _take_turns(tx, sender, meter, running, limit - len(found))
    decided = _decide(tx, sender, definition, hours, found)
    for candidate, message in zip(found, decided, strict=True):
        before = None if candidate.is_new else candidate.message
        if candidate.campaign is None:
            ends.add(before, message, campaign_id=None)
        else:
            candidate.campaign.count(before, message)
    messages.insert_messages(tx, messages=_changed(found, decided, is_new=True))
    messages.save_messages(tx, messages=_changed(found, decided, is_new=False))
    claimed = [message for message in decided if message.state == "sending"]
    meter.count(messages=len(claimed), parts=sum(message.parts for message in claimed), now=tx.now)
    save_campaigns(tx, opened)
    ends.record(tx)
    senders.save_meter(tx, sender_id=sender.id, meter=write_meter(meter), paused="")
    next_at = tx.now if has_ended_more else _next_at(tx, sender, definition, meter, hours, running)
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


def _waiting_campaigns(tx: Tx, sender: StoredSender) -> list[int]:
    return [origin_id for origin_id in messages.list_waiting_origins(tx, sender_id=sender.id) if origin_id != CALLS]


def _find_due(tx: Tx, sender: StoredSender, limit: int) -> list[Candidate]:
    """Messages of calls that wait and are due."""
    due = messages.list_due_messages(tx, sender_id=sender.id, origin_id=CALLS, limit=max(0, limit))
    return [Candidate(message, None, False) for message in due]


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
            taken += [Candidate(message, campaign, False) for message in due]
        taken += [Candidate(message, campaign, True) for message in campaign.take(tx, share - len(taken))]
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
) -> int | None:
    """When there may be more to send."""
    due = [hours.opens_at(campaign.definition.purpose) for campaign in running if campaign.has_more]
    for origin_id in (CALLS, *[campaign.stored.id for campaign in running if campaign.has_waiting]):
        at = messages.find_next_due(tx, sender_id=sender.id, origin_id=origin_id)
        if at is not None:
            due.append(at)
    due += [tx.now for campaign in running if campaign.ending and campaign.has_waiting]
    return max(min(due), meter.opens_at(definition, now=tx.now)) if due else None


# ---- whether ----------------------------------------------------------------------------------------


def _decide(
    tx: Tx, sender: StoredSender, definition: SenderDefinition, hours: Hours, found: Sequence[Candidate]
) -> list[StoredMessage]:
    """Each message as it is after the claim."""
    if not found:
        return []
    numbers = sorted({candidate.message.subject_id for candidate in found})
    people = {person.mobile: person for person in contacts.find_contacts_by_mobile(tx, mobiles=numbers)}
    caps = Caps(tx, found)
    refusals = find_refusals(tx, sender, definition, found)
    groups = _find_groups(tx, [person.id for person in people.values()] if any(one.campaign for one in found) else [])
    decided = []
    for candidate in found:
        message, person = candidate.message, people.get(candidate.message.subject_id)
        opens = hours.opens_at(message.purpose)
        if message.subject_id < 0:
            # Its number was erased while it was being sent, and then it was not taken.
            decided.append(_ended(tx, message, "skipped", "erased"))
        elif message.until and message.until <= tx.now:
            decided.append(_ended(tx, message, "expired", "too_late"))
        elif opens > tx.now:
            decided.append(replace(message, due_at=opens))
        elif reason := refusals.get(message.id) or (candidate.campaign and candidate.campaign.refuse(person, groups)):
            decided.append(_ended(tx, message, "skipped", reason))
        elif caps.is_reached(message):
            decided.append(_ended(tx, message, "skipped", "too_often"))
        else:
            decided.append(_rendered(tx, sender, definition, candidate, person))
            caps.note(decided[-1])
    return decided


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
) -> StoredMessage:
    """The message with the text that is sent, or the reason why there is none."""
    message, campaign = candidate.message, candidate.campaign
    try:
        if campaign is not None:
            said = render(campaign.definition.content, person, suffix=definition.suffix)
        elif message.claimed_at:
            # It was rendered when it was claimed first, and a person's name in it is no template.
            said = Message(message.text, message.parts)
        else:
            said = render(kept_content(message.text), person, suffix=definition.suffix)
    except Unsendable as error:
        return _ended(tx, message, "skipped", error.reason)
    return replace(
        message,
        state="sending",
        reason="",
        code="",
        claim=sender.fence,
        claimed_at=tx.now,
        text=said.stored,
        parts=said.parts,
    )


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
