"""Messages that a call asks for: read before the lock, written as rows that wait for their sender. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Literal

from msgspec import Meta, Struct

from daftari.errors import ValidationFailed
from daftari.model.jobs import JobKind
from daftari.model.limits import MESSAGE_KEY_MAX, MESSAGES_PER_CALL_MAX
from daftari.model.members import Errors, Mobile, Number
from daftari.model.messages import CALLS, MessagePurpose, StoredMessage, StoredSender
from daftari.rules.consent.facts import read_channel
from daftari.rules.events import Action, record
from daftari.rules.fields import Problems, read_text, read_time
from daftari.rules.messages.content import find_warning, keep_content, read_content
from daftari.rules.numbers import WrittenNumber, find_known, read_number
from daftari.rules.senders.lifecycle import find_sender
from daftari.rules.senders.model import decode_definition, read_message_purpose, refuse_purpose
from daftari.store import WriteTx, messages
from daftari.store.jobs import hint_job

OutcomeName = Literal["waiting", "duplicate", "invalid"]


class GivenMessage(Struct, frozen=True):
    """A row that was read: a number, what is said to it, and the caller's own key for it."""

    index: int
    number: WrittenNumber
    content: str
    key: str


class GivenMessages(Struct, frozen=True):
    """The good rows of a call, and what is wrong with the others by index."""

    sender: str
    channel: str
    purpose: MessagePurpose | None
    at: int | None
    until: int | None
    rows: list[GivenMessage]
    invalid: dict[int, Errors]


class MessageOutcome(Struct, frozen=True, omit_defaults=True):
    """The outcome of one row."""

    index: Annotated[int, Meta(ge=0, le=MESSAGES_PER_CALL_MAX - 1)]
    """The row's place, counted from 0 through `mobile`, `mobiles` and `items` in this order."""
    outcome: OutcomeName
    """`waiting`: it is sent as soon as the sender may. `duplicate`: this key was used for this number before."""
    id: Number | None = None
    mobile: Mobile | None = None
    warning: str | None = None
    """What is doubtful about a message that waits."""
    errors: Errors | None = None


def read_messages(items: Sequence[object], *, common: Mapping[str, object], region: str, now: int) -> GivenMessages:
    """Read one message an item: a number, or an object whose members win over the common ones.

    Raises ``ValidationFailed`` when there is none or too many, or when a common member is wrong.
    """
    if not items:
        raise ValidationFailed({"mobiles": ["The mobiles field is required."]})
    if len(items) > MESSAGES_PER_CALL_MAX:
        said = f"The mobiles field must not have more than {MESSAGES_PER_CALL_MAX} items."
        raise ValidationFailed({"mobiles": [said]})
    problems = Problems()
    sender = problems.read("sender", common.get("sender"), read_text)
    if sender is None and not problems:
        problems.add("sender", "is required: the name of a sender, as GET /v1/senders lists it.")
    channel = problems.read("channel", common.get("channel"), read_channel) or ""
    purpose = problems.read("purpose", common.get("purpose"), read_message_purpose)
    at = problems.read("at", common.get("at"), lambda value: read_time(value, now=None))
    until = problems.read("until", common.get("until"), lambda value: read_time(value, now=None))
    if until is not None and until <= max(now, at or 0):
        problems.add("until", "must be after the time at which the message is sent.")
    problems.refuse()
    rows: list[GivenMessage] = []
    invalid: dict[int, Errors] = {}
    for index, item in enumerate(items):
        problems = Problems()
        members = {**common, **item} if isinstance(item, dict) else common
        number = problems.read(
            "mobile",
            item.get("mobile") if isinstance(item, dict) else item,
            lambda value: read_number(value, region=region),
        )
        content = problems.read_part(partial(read_content, members, channel=channel))
        key = problems.read("key", members.get("key"), lambda value: read_text(value, most=MESSAGE_KEY_MAX))
        if problems:
            invalid[index] = problems.errors
        else:
            rows.append(
                GivenMessage(index, problems.require(number), keep_content(problems.require(content)), key or "")
            )
    return GivenMessages(sender or "", channel, purpose, at, until, rows, invalid)


def create_messages(tx: WriteTx, *, given: GivenMessages) -> list[MessageOutcome]:
    """Write the rows that wait, in the order given. Raises ``ValidationFailed`` for an unknown sender or purpose.

    A key that was used for the same number before is the same message: the call may be repeated.
    """
    sender = find_sender(tx, written=given.sender, channel=given.channel)
    definition = decode_definition(sender.definition)
    purpose = given.purpose or definition.purpose
    refuse_purpose(sender, definition, purpose)
    outcomes = {index: MessageOutcome(index, "invalid", errors=errors) for index, errors in given.invalid.items()}
    known = find_known(tx, (row.number.digits for row in given.rows))
    numbers = {row.index: row.number.chosen(known) for row in given.rows}
    call = tx.book.next_item
    keys = {row.index: (numbers[row.index], row.key or f"{call}.{row.index}") for row in given.rows}
    taken = messages.find_taken_keys(tx, origin_id=CALLS, keys=[*keys.values()])
    made: list[StoredMessage] = []
    for row in given.rows:
        mobile, key = keys[row.index]
        if row.number.other(known) is not None:
            said = f"The mobile field may be +{mobile} or +{row.number.other(known)}: write it with a plus."
            outcomes[row.index] = MessageOutcome(row.index, "invalid", errors={"mobile": [said]})
        elif (mobile, key) in taken:
            outcomes[row.index] = MessageOutcome(row.index, "duplicate", mobile=str(mobile))
        else:
            taken.add((mobile, key))
            (number,) = messages.take_message_ids(tx, count=1)
            made.append(_waiting(tx, number, sender, row, given, mobile=mobile, key=key, purpose=purpose))
            warning = find_warning(row.content, suffix=definition.suffix)
            outcomes[row.index] = MessageOutcome(row.index, "waiting", id=number, mobile=str(mobile), warning=warning)
    messages.insert_messages(tx, messages=made)
    if made:
        hint_job(tx, kind=JobKind.SEND, subject=str(sender.id))
        record(tx, Action.CREATE_MESSAGES)
    return [outcomes[index] for index in sorted(outcomes)]


def _waiting(
    tx: WriteTx,
    number: int,
    sender: StoredSender,
    row: GivenMessage,
    given: GivenMessages,
    *,
    mobile: int,
    key: str,
    purpose: MessagePurpose,
) -> StoredMessage:
    return StoredMessage(
        id=number,
        sender_id=sender.id,
        origin_id=CALLS,
        subject_id=mobile,
        key=key,
        state="waiting",
        reason="",
        code="",
        purpose=purpose,
        attempt=1,
        due_at=given.at or 0,
        until=given.until or 0,
        claim=0,
        claimed_at=0,
        settled_at=0,
        parts=0,
        text=row.content,
    )
