"""Triggers, and the events that fire them or keep their messages from being sent. What fires is the rules' matter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import astuple

from daftari.model.triggers import StoredEvent, StoredTrigger, TriggerState
from daftari.store.engine import Tx, WriteTx

Fired = tuple[int, str]
"""What fires a trigger: the id of a group, or 0 and the folded name of an event."""


def insert_trigger(
    tx: WriteTx,
    *,
    sender_id: int,
    state: TriggerState,
    group_id: int,
    event_name: str,
    definition: str,
    progress: str,
) -> int:
    """Insert a trigger. Returns its id."""
    number = tx.book.next_item
    tx.book.next_item = number + 1
    tx.run(
        "insert_trigger",
        id=number, sender_id=sender_id, state=state, group_id=group_id, event_name=event_name, definition=definition,
        progress=progress, now=tx.now, key_id=tx.actor.key_id,
    )  # fmt: skip
    return number


def find_triggers(tx: Tx, *, ids: Sequence[int]) -> dict[int, StoredTrigger]:
    """Those of some ids that are triggers, deleted ones too, by id."""
    found = tx.fetch(StoredTrigger, "find_triggers", ids=ids) if ids else []
    return {trigger.id: trigger for trigger in found}


def list_triggers(tx: Tx) -> list[StoredTrigger]:
    """The triggers that are not deleted, in order of creation."""
    return tx.fetch(StoredTrigger, "list_triggers")


def find_fired(tx: Tx, *, fired: Sequence[Fired]) -> list[StoredTrigger]:
    """The triggers that are on what happened, and are not deleted."""
    return tx.fetch(StoredTrigger, "find_fired_triggers", items=fired) if fired else []


def save_trigger(tx: WriteTx, *, trigger: StoredTrigger) -> None:
    """Save a trigger that changed."""
    tx.run(
        "save_trigger",
        id=trigger.id, sender_id=trigger.sender_id, state=trigger.state, definition=trigger.definition,
        progress=trigger.progress,
    )  # fmt: skip


# ---- events -----------------------------------------------------------------------------------------


def take_event_ids(tx: WriteTx, *, count: int) -> range:
    """Some ids that no event, nor any other item of the book, has."""
    first = tx.book.next_item
    tx.book.next_item = first + count
    return range(first, first + count)


def insert_events(tx: WriteTx, *, events: Iterable[StoredEvent]) -> None:
    """Insert new events, whose ids are taken from the book."""
    tx.insert_many("event", [(tx.project.id, *astuple(event)) for event in events])


class KnownEvent(Struct, frozen=True):
    """What is known of the number, name and key of an event: when the latest was, and whether it is known itself."""

    place: int
    latest_at: int | None
    same: int | None


Sought = tuple[int, int, str, str, int]
"""A place, a number, a name, a key, and the time that came with an event; 0 for none."""


def find_known_events(tx: Tx, *, sought: Sequence[Sought], since: int) -> dict[int, KnownEvent]:
    """What is known of some events, by place.

    One without a time is the same as another without, if it has a key and that was received after ``since``.
    """
    found = tx.fetch(KnownEvent, "find_known_events", items=sought, since=since) if sought else []
    return {known.place: known for known in found}


def find_latest_events(tx: Tx, *, sought: Sequence[tuple[int, int, str, str]]) -> dict[int, StoredEvent]:
    """The latest events of some numbers, names and keys, by place."""
    rows = tx.fetch(tuple[int, int | None], "find_latest_event_ids", items=sought) if sought else []
    places = {place: number for place, number in rows if number is not None}
    ids = sorted({*places.values()})
    found = {event.id: event for event in (tx.fetch(StoredEvent, "find_events", ids=ids) if ids else [])}
    return {place: found[number] for place, number in places.items()}


def find_stopping_events(tx: Tx, *, sought: Sequence[tuple[int, int, str, str, int]]) -> set[int]:
    """The places of those numbers that an event of a name happened to: with the key, or received from a time on."""
    return set(tx.fetch(int, "find_stopping_events", items=sought)) if sought else set()


def list_events_of(tx: Tx, *, mobile: int, after: int, limit: int) -> list[StoredEvent]:
    """At most ``limit`` events of a number after an id, in order."""
    return tx.fetch(StoredEvent, "list_events_of", subject_id=mobile, after=after, limit=limit)


def delete_events_of(tx: WriteTx, *, mobile: int) -> int:
    """Delete the events of a number. Returns how many."""
    return tx.run("delete_events_of", subject_id=mobile)


def has_expired_event(tx: Tx) -> bool:
    """Whether an event is to be looked at."""
    return tx.one("has_expired_event", now=tx.now) is not None


def list_expired_events(tx: Tx, *, limit: int) -> list[StoredEvent]:
    """At most ``limit`` events that are to be looked at."""
    return tx.fetch(StoredEvent, "list_expired_events", now=tx.now, limit=limit)


def find_awaited(tx: Tx, *, mobiles: Sequence[int]) -> set[int]:
    """Those of some numbers to which a trigger's message waits or is being sent."""
    return set(tx.fetch(int, "find_awaited_numbers", subject_ids=mobiles)) if mobiles else set()


def delete_events(tx: WriteTx, *, ids: Sequence[int]) -> None:
    """Delete some events."""
    if ids:
        tx.run("delete_events", ids=ids)


def keep_events(tx: WriteTx, *, ids: Sequence[int], until: int) -> None:
    """Look at some events again later."""
    if ids:
        tx.run("keep_events", ids=ids, expires_at=until)
