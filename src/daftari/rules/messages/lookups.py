"""Look-ups: messages whose end is unknown are looked for at their provider, where it lists what it took.

A look-up only ever adds to what is known. One that finds nothing, or fails, proves nothing: the message stays
``unknown``. What is found counts as a report of the same attempt, so that no fence is needed: a message that changed
meanwhile keeps its better state. No HTTP, no SQL.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from daftari.errors import SealBroken
from daftari.gateways import Outcome, OutgoingMessage, SendingAccount
from daftari.model.inbound import DeliveryReport
from daftari.model.messages import StoredMessage, StoredSender
from daftari.rules.messages.content import message_of, outgoing, read_own_id
from daftari.rules.messages.ends import Ends
from daftari.rules.messages.settle import FIRST_LOOK_MICROSECONDS, is_looked_up, join_early, save_changed, take_reports
from daftari.rules.senders.model import account_of, decode_definition
from daftari.store import Tx, WriteTx, messages, senders

LOOKED_UP_PER_STEP = 10
MINUTE_MICROSECONDS = 60_000_000
NEXT_LOOKS_MINUTES = (10, 60, 6 * 60, 24 * 60, 40 * 60)
"""How long after a message was sent it is looked for again. Providers keep their lists for two days or more."""


class Lookup(Struct, frozen=True):
    """A message to look for. ``known``: the provider's ids of other messages to its number."""

    sent: OutgoingMessage
    sent_at: int
    known: frozenset[str]


class Lookups(Struct, frozen=True):
    """What is to be looked for at one sender's provider. ``has_more``: so is more than these."""

    gateway: str
    account: SendingAccount
    found: Sequence[Lookup]
    has_more: bool


class LookedUp(Struct, frozen=True):
    """A message that was looked for; ``outcome`` is ``None`` when it was not found."""

    sent: OutgoingMessage
    outcome: Outcome | None


def list_lookup_senders(tx: Tx) -> list[str]:
    """The senders of which a message is to be looked for now."""
    return [
        str(sender.id)
        for sender in senders.list_senders(tx)
        if is_looked_up(sender) and messages.list_due_lookups(tx, sender_id=sender.id, limit=1)
    ]


def find_lookups(tx: Tx, *, sender_id: int) -> Lookups | None:
    """Some messages to look for now, those that wait longest.

    Returns ``None`` when there are none, or the sender's credentials cannot be unsealed.
    """
    sender = senders.get_sender(tx, sender_id=sender_id)
    if sender is None or sender.deleted_at is not None or not is_looked_up(sender):
        return None
    due = messages.list_due_lookups(tx, sender_id=sender_id, limit=LOOKED_UP_PER_STEP)
    if not due:
        return None
    try:
        account = account_of(tx, sender=sender, public_url=None)
    except SealBroken:
        return None
    return Lookups(
        decode_definition(sender.definition).gateway,
        account,
        [_as_lookup(tx, sender, message) for message in due],
        len(due) == LOOKED_UP_PER_STEP,
    )


def _as_lookup(tx: Tx, sender: StoredSender, message: StoredMessage) -> Lookup:
    sent = outgoing(message, sender=sender, project_id=tx.project.id, now=tx.now, closes_at=None)
    known = messages.list_provider_ids(
        tx, sender_id=sender.id, mobile=message.subject_id, since=message.claimed_at - FIRST_LOOK_MICROSECONDS
    )
    return Lookup(sent, message.claimed_at, frozenset(known))


def record_lookups(tx: WriteTx, *, sender_id: int, looked_up: Sequence[LookedUp]) -> None:
    """Settle the messages that were found, and note when to look for the others again."""
    sender = senders.get_sender(tx, sender_id=sender_id)
    if sender is None:
        return
    ends = Ends()
    found = [one.outcome for one in looked_up if one.outcome is not None and one.outcome.word != "unknown"]
    take_reports(tx, sender=sender, reports=[_as_report(outcome) for outcome in found], ends=ends, keeps_early=False)
    join_early(tx, sender, [outcome.provider_id for outcome in found if outcome.provider_id], ends=ends)
    kept = messages.find_messages(tx, ids=[message_of(one.sent.id) for one in looked_up])
    later = [
        (before, replace(before, due_at=_find_next_look(before, now=tx.now)))
        for one in looked_up
        if (before := kept.get(message_of(one.sent.id))) is not None
        and before.state == "unknown"
        and read_own_id(one.sent.id, project_id=tx.project.id) == (before.id, before.attempt)
    ]
    save_changed(tx, later, ends=ends)
    ends.record(tx)


def _as_report(outcome: Outcome) -> DeliveryReport:
    return DeliveryReport(
        state="accepted" if outcome.word == "accepted" else "failed",
        provider_id=outcome.provider_id,
        own_id=outcome.message.id,
        code=outcome.code,
        says=outcome.says,
    )


def _find_next_look(message: StoredMessage, *, now: int) -> int:
    """When to look for a message again; 0 for never."""
    looks = [message.claimed_at + minutes * MINUTE_MICROSECONDS for minutes in NEXT_LOOKS_MINUTES]
    return next((at for at in looks if at > now), 0)
