"""Events that programs report: read before the lock, known once, kept as long as a message may ask for them.

No HTTP, no SQL.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from daftari.errors import ValidationFailed, quote
from daftari.model.limits import (
    EVENT_DAYS,
    EVENT_FIELD_NAME_MAX,
    EVENT_FIELD_TEXT_MAX,
    EVENT_FIELDS_MAX,
    EVENT_KEY_MAX,
    EVENTS_PER_CALL_MAX,
)
from daftari.model.members import Errors, Mobile, Number
from daftari.model.time import DAY_MICROSECONDS
from daftari.model.triggers import StoredEvent
from daftari.rules.events import Action, record
from daftari.rules.fields import Problems, read_text, read_time
from daftari.rules.firing import fire, read_definition
from daftari.rules.numbers import WrittenNumber, find_known, read_number
from daftari.rules.triggers.draft import read_event_name
from daftari.store import Tx, WriteTx, contacts, triggers

SAME_MICROSECONDS = DAY_MICROSECONDS
"""Two events without a time, of the same name, number and key, are one when no more than this lies between them."""
EVENTS_PER_STEP = 1_000
AWAITED_MICROSECONDS = 3_600_000_000
"""How often it is looked at whether a message still waits for an event."""

FieldValue = str | int | float | bool | None


class GivenEvent(Struct, frozen=True):
    """A row that was read. ``given_at``: the time that came with it; 0 for none."""

    index: int
    number: WrittenNumber
    name: str
    key: str
    given_at: int
    fields: str


class GivenEvents(Struct, frozen=True):
    """The good rows of a call, and what is wrong with the others by index."""

    rows: list[GivenEvent]
    invalid: dict[int, Errors]


class Happened(Struct, frozen=True):
    """An event of a number that is known. ``index``: its place. ``given_at``: the time that came with it; 0 for none.

    ``fields``: JSON of what a text may use.
    """

    index: int
    mobile: int
    name: str
    key: str
    given_at: int
    fields: str


class EventOutcome(Struct, frozen=True, omit_defaults=True):
    """The outcome of one row."""

    index: Annotated[int, Meta(ge=0, le=EVENTS_PER_CALL_MAX - 1)]
    """The row's place, counted from 0."""
    outcome: Literal["recorded", "duplicate", "invalid"]
    """`duplicate`: this event is known already."""
    mobile: Mobile | None = None
    messages: list[Number] = []
    """The waiting messages of triggers that it made, or moved to a later time."""
    errors: Errors | None = None


# ---- read -------------------------------------------------------------------------------------------


def read_events(items: Sequence[object], *, common: Mapping[str, object], region: str) -> GivenEvents:
    """Read one event an item: an object whose members win over the common ones, or a number.

    Raises ``ValidationFailed`` when there is none or too many, and for a single one that is wrong.
    """
    if not items:
        raise ValidationFailed({"events": ["The events field is required."]})
    if len(items) > EVENTS_PER_CALL_MAX:
        raise ValidationFailed({"events": [f"The events field must not have more than {EVENTS_PER_CALL_MAX} items."]})
    rows: list[GivenEvent] = []
    invalid: dict[int, Errors] = {}
    for index, item in enumerate(items):
        problems = Problems()
        row = _read_event(index, item, common, region, problems)
        if row is None:
            invalid[index] = problems.errors
        else:
            rows.append(row)
    return GivenEvents(rows, invalid)


def _read_event(
    index: int, item: object, common: Mapping[str, object], region: str, problems: Problems
) -> GivenEvent | None:
    members = {**common, **item} if isinstance(item, Mapping) else {**common, "mobile": item}
    number = problems.read("mobile", members.get("mobile"), partial(read_number, region=region))
    name = problems.read("name", members.get("name"), read_event_name)
    key = problems.read("key", members.get("key"), _read_key)
    at = problems.read("at", members.get("at"), partial(read_time, now=None))
    fields = _read_fields(members.get("fields"), problems)
    if problems or number is None or name is None or key is None:
        return None
    return GivenEvent(index, number, name, key, at or 0, msgspec.json.encode(fields).decode())


def _read_key(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return read_text(value, most=EVENT_KEY_MAX) or ""


def _read_fields(value: object, problems: Problems) -> dict[str, FieldValue]:
    if isinstance(value, str):
        with suppress(msgspec.DecodeError):
            value = msgspec.json.decode(value)
    # An empty list is what PHP makes of an empty array.
    if value is None or value == []:
        return {}
    if not isinstance(value, Mapping):
        problems.add("fields", 'must be an object, such as {"url": "https://shop.example/cart/7"}.')
        return {}
    if len(value) > EVENT_FIELDS_MAX:
        problems.add("fields", f"must not have more than {EVENT_FIELDS_MAX} members, and has {len(value)}.")
        return {}
    read: dict[str, FieldValue] = {}
    for written, given in value.items():
        try:
            name = read_text(str(written), most=EVENT_FIELD_NAME_MAX)
            if name is None:
                raise ValueError("must have a name.")
            read[name] = _read_field(given)
        except ValueError as error:
            # A name may hold half of a surrogate pair, which no answer can be encoded with.
            path = f"fields.{str(written)[:EVENT_FIELD_NAME_MAX]}"
            problems.add(path.encode(errors="replace").decode(), str(error))
    return read


def _read_field(value: object) -> FieldValue:
    if isinstance(value, str):
        return read_text(value, most=EVENT_FIELD_TEXT_MAX)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise ValueError(f"must be a text, a number, true, false or null, and is {quote(value)}.")


# ---- recorded ---------------------------------------------------------------------------------------


def record_events(tx: WriteTx, *, given: GivenEvents) -> list[EventOutcome]:
    """Keep events that are not known yet, and fire the triggers that are on them. A call may be repeated."""
    outcomes = {index: EventOutcome(index, "invalid", errors=errors) for index, errors in given.invalid.items()}
    known = find_known(tx, (row.number.digits for row in given.rows))
    happened: list[Happened] = []
    for row in given.rows:
        mobile, other = row.number.chosen(known), row.number.other(known)
        if other is None:
            happened.append(Happened(row.index, mobile, row.name, row.key, row.given_at, row.fields))
        else:
            said = f"The mobile field may be +{mobile} or +{other}: write it with a plus."
            outcomes[row.index] = EventOutcome(row.index, "invalid", errors={"mobile": [said]})
    raised = raise_events(tx, happened=happened)
    for one in happened:
        made, shown = raised.get(one.index), str(one.mobile)
        if made is None:
            outcomes[one.index] = EventOutcome(one.index, "duplicate", mobile=shown)
        else:
            outcomes[one.index] = EventOutcome(one.index, "recorded", mobile=shown, messages=made)
    if raised:
        record(tx, Action.CREATE_EVENTS)
    return [outcomes[index] for index in sorted(outcomes)]


def raise_events(tx: WriteTx, *, happened: Sequence[Happened], connection_id: int = 0) -> dict[int, list[int]]:
    """Keep events of known numbers that are not known yet, and fire the triggers that are on them.

    The latest event of a number, name and key fires; one that is reported after a later one only counts where a trigger
    asks whether it happened. ``connection_id``: the connection whose system said so. Returns the messages that each new
    event made or moved, by its place. The journal row is the caller's.
    """
    new, firing = _find_new(tx, happened, connection_id)
    triggers.insert_events(tx, events=new.values())
    fired = triggers.find_fired(tx, fired=sorted({(0, event.name) for event in firing}))
    made = fire(tx, fired, firing)
    return {index: made.get(event.id, []) for index, event in new.items()}


def _find_new(
    tx: WriteTx, happened: Sequence[Happened], connection_id: int
) -> tuple[dict[int, StoredEvent], list[StoredEvent]]:
    """The events that are not known yet, by place; and those that fire: the latest of each number, name and key."""
    sought = [(one.index, one.mobile, one.name, one.key, one.given_at) for one in happened]
    known = triggers.find_known_events(tx, sought=sought, since=tx.now - SAME_MICROSECONDS)
    mobiles = sorted({one.mobile for one in happened})
    found = contacts.find_contacts_by_mobile(tx, mobiles=mobiles) if mobiles else []
    people = {person.mobile for person in found}
    seen: set[tuple[int, str, str, int]] = set()
    new: dict[int, StoredEvent] = {}
    latest: dict[tuple[int, str, str], StoredEvent] = {}
    for one in happened:
        name = (one.mobile, one.name, one.key, one.given_at)
        is_named = bool(one.given_at or one.key)
        if known[one.index].same is not None or (is_named and name in seen):
            continue
        seen.add(name)
        event = _stored(tx, one, connection_id, is_contact=one.mobile in people)
        new[one.index] = event
        before, last = latest.get(name[:3]), known[one.index].latest_at
        if (last is None or event.at >= last) and (before is None or _order(event) > _order(before)):
            latest[name[:3]] = event
    return new, [*latest.values()]


def _order(event: StoredEvent) -> tuple[int, int, int]:
    return event.at, event.given_at, event.id


def _stored(tx: WriteTx, one: Happened, connection_id: int, *, is_contact: bool) -> StoredEvent:
    (number,) = triggers.take_event_ids(tx, count=1)
    return StoredEvent(
        id=number,
        subject_id=one.mobile,
        name=one.name,
        key=one.key,
        at=min(one.given_at or tx.now, tx.now),
        given_at=one.given_at,
        received_at=tx.now,
        fields=one.fields,
        is_contact=int(is_contact),
        expires_at=tx.now + EVENT_DAYS * DAY_MICROSECONDS,
        connection_id=connection_id,
    )


# ---- kept, and deleted ------------------------------------------------------------------------------


def has_expired_event(tx: Tx) -> bool:
    """Whether it is to be looked at whether an event is still needed."""
    return triggers.has_expired_event(tx)


def expire_events(tx: WriteTx) -> None:
    """Delete some events that are older than the longest wait and a day, and for whose number no message waits.

    Where a message may be late by more than a day, events are kept for so long: one that comes again must be known.
    """
    found = triggers.list_expired_events(tx, limit=EVENTS_PER_STEP)
    kept_for = find_kept_for(tx)
    awaited = triggers.find_awaited(tx, mobiles=sorted({event.subject_id for event in found}))
    over = {event.id for event in found if event.received_at + kept_for <= tx.now and event.subject_id not in awaited}
    triggers.delete_events(tx, ids=sorted(over))
    later = sorted({event.id for event in found} - over)
    triggers.keep_events(tx, ids=later, until=tx.now + AWAITED_MICROSECONDS)


def find_kept_for(tx: Tx) -> int:
    """How long events are kept, in microseconds."""
    day = EVENT_DAYS * DAY_MICROSECONDS
    definitions = [read_definition(trigger.definition) for trigger in triggers.list_triggers(tx)]
    return max([day, *(one.wait + max(day, one.late) for one in definitions)])
