"""What an event does: it makes or moves the one waiting message of each trigger, number and key. No HTTP, no SQL.

Whether the message is sent is asked when it is due (``messages``). Joins come from ``events``, in whose transaction
they fire; what programs report comes from ``triggers``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from daftari.model.jobs import JobKind
from daftari.model.messages import StoredMessage
from daftari.model.time import DAY_MICROSECONDS
from daftari.model.triggers import JOINED, StoredEvent, StoredTrigger, TriggerDefinition, TriggerProgress
from daftari.store import Tx, WriteTx, contacts, messages, triggers
from daftari.store.jobs import hint_job

ROUND_MARK = "#"
ROUND_DIGITS = 6
ROUND_SIZE = len(ROUND_MARK) + ROUND_DIGITS
ROUND_MAX = 10**ROUND_DIGITS - 1

read_definition = msgspec.json.Decoder(TriggerDefinition).decode
read_progress = msgspec.json.Decoder(TriggerProgress).decode


def written(record: TriggerDefinition | TriggerProgress) -> str:
    """A record as it is stored."""
    return msgspec.json.encode(record).decode()


# ---- keys and rounds ------------------------------------------------------------------------------------


def write_key(event_key: str, number: int) -> str:
    """The key of a trigger's message: that of its event, and the round."""
    return f"{event_key}{ROUND_MARK}{number:0{ROUND_DIGITS}}"


def event_key_of(key: str) -> str:
    """The key of the event that a trigger's message is about."""
    return key[:-ROUND_SIZE]


def round_of(key: str) -> int:
    """The round of a trigger's message."""
    return int(key[-ROUND_DIGITS:])


Name = tuple[int, int, str]
"""What a trigger has one waiting message of: its own id, a number, and an event's key."""


def find_last_rounds(tx: Tx, names: Collection[Name]) -> dict[Name, StoredMessage]:
    """The last message of each name that has one."""
    rounds = [
        (trigger_id, mobile, write_key(key, 0), write_key(key, ROUND_MAX), len(key) + ROUND_SIZE)
        for trigger_id, mobile, key in sorted(names)
    ]
    found = messages.find_last_rounds(tx, rounds=rounds)
    return {(message.origin_id, message.subject_id, event_key_of(message.key)): message for message in found}


# ---- fired ----------------------------------------------------------------------------------------------


def fire_joins(tx: WriteTx, joined: Mapping[int, Collection[int]]) -> None:
    """Fire the triggers that are on joins of these groups, for the contacts that joined each, by id."""
    fired = triggers.find_fired(tx, fired=[(group_id, JOINED) for group_id in sorted(joined)])
    wanted = sorted({trigger.group_id for trigger in fired})
    ids = sorted({contact_id for group_id in wanted for contact_id in joined[group_id]})
    numbers = {found.id: found.mobile for found in contacts.find_contact_numbers(tx, ids=ids)} if ids else {}
    pairs = [(group_id, contact_id) for group_id in wanted for contact_id in sorted(joined[group_id])]
    events = [
        StoredEvent(
            id=number,
            subject_id=numbers[contact_id],
            name=JOINED,
            key=str(group_id),
            at=tx.now,
            given_at=0,
            received_at=tx.now,
            fields="{}",
            is_contact=1,
            expires_at=tx.now + DAY_MICROSECONDS,
        )
        for number, (group_id, contact_id) in zip(triggers.take_event_ids(tx, count=len(pairs)), pairs, strict=True)
    ]
    triggers.insert_events(tx, events=events)
    fire(tx, fired, events)


def fire(tx: WriteTx, fired: Sequence[StoredTrigger], events: Sequence[StoredEvent]) -> dict[int, list[int]]:
    """Make or move the messages of triggers for events, each the latest of its number, name and key.

    Returns the ids of the messages by that of the event.
    """
    pairs = [(trigger, event) for event in events for trigger in fired if is_fired(trigger, event)]
    before = find_last_rounds(tx, {name_of(trigger, event) for trigger, event in pairs})
    made: list[StoredMessage] = []
    moved: list[StoredMessage] = []
    found: dict[int, list[int]] = {}
    definitions = {trigger.id: read_definition(trigger.definition) for trigger in fired}
    for trigger, event in pairs:
        last, definition = before.get(name_of(trigger, event)), definitions[trigger.id]
        due_at = event.at + definition.wait
        if last is not None and last.state == "waiting":
            message = replace(last, due_at=due_at, reason="", code="", says="", claimed_at=0, parts=0, text="", until=0)
            moved.append(message)
        else:
            message = _make(tx, trigger, definition, event, number=1 if last is None else round_of(last.key) + 1)
            message = replace(message, due_at=due_at)
            made.append(message)
        found.setdefault(event.id, []).append(message.id)
    messages.insert_messages(tx, messages=made)
    messages.save_messages(tx, messages=moved)
    _count(tx, fired, made)
    _hint(tx, fired, [*made, *moved])
    return found


def is_fired(trigger: StoredTrigger, event: StoredEvent) -> bool:
    """Whether a trigger is on what happened."""
    if event.name == JOINED:
        return trigger.group_id == int(event.key)
    return trigger.event_name == event.name


def name_of(trigger: StoredTrigger, event: StoredEvent) -> Name:
    """What a trigger has one waiting message of, for an event."""
    return trigger.id, event.subject_id, event.key


def _make(
    tx: WriteTx, trigger: StoredTrigger, definition: TriggerDefinition, event: StoredEvent, *, number: int
) -> StoredMessage:
    (message_id,) = messages.take_message_ids(tx, count=1)
    return StoredMessage(
        id=message_id,
        sender_id=trigger.sender_id,
        origin_id=trigger.id,
        subject_id=event.subject_id,
        key=write_key(event.key, number),
        state="waiting",
        reason="",
        code="",
        purpose=definition.purpose,
        attempt=1,
        due_at=0,
        until=0,
        claim=0,
        claimed_at=0,
        settled_at=0,
        parts=0,
        text="",
    )


def _count(tx: WriteTx, fired: Sequence[StoredTrigger], made: Sequence[StoredMessage]) -> None:
    for trigger in fired:
        progress = read_progress(trigger.progress)
        mine = [message for message in made if message.origin_id == trigger.id]
        for message in mine:
            progress.move(None, message)
        if mine:
            triggers.save_trigger(tx, trigger=replace(trigger, progress=written(progress)))


def _hint(tx: WriteTx, fired: Sequence[StoredTrigger], changed: Sequence[StoredMessage]) -> None:
    """Have each sender's job look when the first of its messages is due."""
    on = {trigger.id for trigger in fired if trigger.state == "on"}
    due: dict[int, int] = {}
    for message in changed:
        if message.origin_id in on:
            due[message.sender_id] = min(due.get(message.sender_id, message.due_at), message.due_at)
    for sender_id, due_at in due.items():
        hint_job(tx, kind=JobKind.SEND, subject=str(sender_id), due_at=due_at if due_at > tx.now else None)
