"""What events hold about a person: erased, and shown in an export. No HTTP, no SQL."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from daftari.model.erasures import Person, Removed
from daftari.model.members import Text, Time
from daftari.model.time import format_time
from daftari.model.triggers import JOINED, StoredEvent
from daftari.store import Tx, WriteTx, exports, triggers

PER_STEP = 1_000

_read_fields = msgspec.json.Decoder(dict[str, str | int | float | bool | None]).decode


class EventView(Struct, frozen=True):
    """What happened to a number."""

    name: str
    """As it is compared, in small letters; empty for a join."""
    joins: Text | None
    """The group that the number joined, unless that was deleted; `null` for an event that a program reported."""
    key: str
    at: Time
    received_at: Time
    fields: dict[str, Annotated[str | int | float | bool | None, Meta(description="A field of the event.")]]


def erase(tx: WriteTx, person: Person) -> Removed:
    """Delete every event of the number, with its key and fields."""
    return {"events": triggers.delete_events_of(tx, mobile=person.mobile)}


def export(tx: Tx, person: Person) -> dict[str, object]:
    """Every event of the number that is still kept."""
    found: list[StoredEvent] = []
    while some := triggers.list_events_of(tx, mobile=person.mobile, after=found[-1].id if found else 0, limit=PER_STEP):
        found += some
    ids = sorted({int(event.key) for event in found if event.name == JOINED})
    names = {group_id: group.name for group_id, group in exports.find_group_names(tx, ids=ids).items()}
    return {"events": [_show(event, names) for event in found]}


def _show(event: StoredEvent, names: dict[int, str]) -> EventView:
    is_join = event.name == JOINED
    return EventView(
        name="" if is_join else event.name,
        joins=names.get(int(event.key)) if is_join else None,
        key="" if is_join else event.key,
        at=format_time(event.at),
        received_at=format_time(event.received_at),
        fields=_read_fields(event.fields),
    )
