"""Test messages of a campaign: to a few numbers, now, outside its counts. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from daftari.errors import ValidationFailed
from daftari.model.jobs import JobKind
from daftari.model.members import Mobile, Number
from daftari.model.messages import CALLS, StoredCampaign, StoredMessage
from daftari.rules.campaigns.lifecycle import get_campaign
from daftari.rules.messages.claim import Candidate, Caps, find_refusals
from daftari.rules.messages.content import Unsendable, keep_content, render
from daftari.rules.messages.progress import CampaignDefinition, read_definition
from daftari.rules.numbers import WrittenNumber, find_known
from daftari.rules.senders.hours import Hours
from daftari.rules.senders.lifecycle import get_sender
from daftari.rules.senders.model import decode_definition
from daftari.store import Tx, WriteTx, contacts, messages
from daftari.store.jobs import hint_job

TEST_MICROSECONDS = 600_000_000
"""A test that was not sent by then is not sent."""


class TestOutcome(Struct, frozen=True):
    """The outcome of a test to one number."""

    mobile: Mobile
    outcome: Literal["waiting", "refused"]
    """`waiting`: it is sent at once, by the worker."""
    reason: str | None
    """Why it is refused: a reason of consent such as `opted_out`, `too_often`, `no_field`, `too_long`, `quiet_hours`,
    or `sender_paused`."""
    id: Number | None
    """The message's id."""


def send_test(tx: WriteTx, *, campaign_id: int, numbers: Sequence[WrittenNumber]) -> list[TestOutcome]:
    """Let the worker send a campaign's text to some numbers now. One that may not be sent says why."""
    campaign = get_campaign(tx, campaign_id=campaign_id)
    known = find_known(tx, (number.digits for number in numbers))
    for index, number in enumerate(numbers):
        other = number.other(known)
        if other is not None:
            said = f"The mobiles.{index} field may be +{number.chosen(known)} or +{other}: write it with a plus."
            raise ValidationFailed({f"mobiles.{index}": [said]})
    mobiles = [*dict.fromkeys(number.chosen(known) for number in numbers)]
    definition = read_definition(campaign.definition)
    ids = messages.take_message_ids(tx, count=len(mobiles))
    asked = [_waiting(tx, campaign, definition, number, mobile) for number, mobile in zip(ids, mobiles, strict=True)]
    refused = _find_reasons(tx, campaign, definition, asked)
    messages.insert_messages(tx, messages=[message for message in asked if message.id not in refused])
    hint_job(tx, kind=JobKind.SEND, subject=str(campaign.sender_id))
    return [
        TestOutcome(str(message.subject_id), "refused", refused[message.id], None)
        if message.id in refused
        else TestOutcome(str(message.subject_id), "waiting", None, message.id)
        for message in asked
    ]


def _find_reasons(
    tx: Tx, campaign: StoredCampaign, definition: CampaignDefinition, asked: Sequence[StoredMessage]
) -> dict[int, str]:
    """Why some of the messages cannot be sent now, by their ids: asked as the claim will ask again."""
    sender = get_sender(tx, sender_id=campaign.sender_id)
    sends = decode_definition(sender.definition)
    if sender.paused:
        return {message.id: "sender_paused" for message in asked}
    if Hours(tx.project, sends, now=tx.now).opens_at(definition.purpose) > tx.now:
        return {message.id: "quiet_hours" for message in asked}
    candidates = [Candidate(message, is_new=True) for message in asked]
    caps, reasons = Caps(tx, candidates), find_refusals(tx, sender, sends, candidates)
    numbers = sorted(message.subject_id for message in asked)
    people = {person.mobile: person for person in contacts.find_contacts_by_mobile(tx, mobiles=numbers)}
    for message in asked:
        if caps.is_reached(message):
            reasons.setdefault(message.id, "too_often")
        try:
            render(definition.content, people.get(message.subject_id), suffix=sends.suffix)
        except Unsendable as error:
            reasons.setdefault(message.id, error.reason)
    return reasons


def _waiting(
    tx: Tx, campaign: StoredCampaign, definition: CampaignDefinition, number: int, mobile: int
) -> StoredMessage:
    return StoredMessage(
        id=number,
        sender_id=campaign.sender_id,
        origin_id=CALLS,
        subject_id=mobile,
        key=f"test.{campaign.id}.{number}",
        state="waiting",
        reason="",
        code="",
        purpose=definition.purpose,
        attempt=1,
        due_at=0,
        until=tx.now + TEST_MICROSECONDS,
        claim=0,
        claimed_at=0,
        settled_at=0,
        parts=0,
        text=keep_content(definition.content),
    )
