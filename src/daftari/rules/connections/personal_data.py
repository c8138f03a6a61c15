"""What links, and deliveries that wait, hold about a person: erased, but for the record's id, and shown in an export.

No HTTP, no SQL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

from msgspec import Struct
from msgspec.structs import replace

from daftari.connectors import CONNECTORS, Record
from daftari.mobile import Reader, reader_for
from daftari.model.connections import LINK_STATES, Link, LinkState, StoredConnection, StoredWebhookEvent
from daftari.model.erasures import Person, Removed
from daftari.model.members import Text
from daftari.rules.connections.marks import erase_marks
from daftari.rules.connections.model import (
    ERASED,
    Opened,
    as_connector_sees,
    counted,
    get_connection,
    open_stored,
    read_record,
)
from daftari.rules.connections.saving import add_counts
from daftari.rules.numbers import read_number_with
from daftari.store import Tx, WriteTx, connections

LOOKED_AT = 500
"""Deliveries that are looked at together."""


class LinkView(Struct, frozen=True):
    """A record of a connected system that has the number."""

    connection: Text
    """The connection's name."""
    id: Text
    """The record's id there."""
    url: Text | None
    """Where a person sees it there."""
    state: LinkState


def erase(tx: WriteTx, person: Person) -> Removed:
    """Take the number out of every link. The record's id stays, so that it does not bring the person back unnoticed."""
    found = connections.find_links_by_mobile(tx, mobiles=[person.mobile])
    erased = [_without_number(link) for link in found]
    connections.save_links(tx, links=erased)
    changes: dict[int, Counter[str]] = {}
    for before, after in zip(found, erased, strict=True):
        counts = changes.setdefault(before.connection_id, Counter())
        counts.subtract(counted(before))
        counts.update(counted(after))
    for connection_id, counts in changes.items():
        add_counts(tx, connection_id=connection_id, counts=counts)
        links = [link for link in found if link.connection_id == connection_id]
        erase_marks(tx, get_connection(tx, connection_id=connection_id), links)
    return {"external_links": len(erased)}


def _without_number(link: Link) -> Link:
    return replace(link, mobile=0, digest=0, state=ERASED, group_ids="", flags=0, problems=0, why="")


def export(tx: Tx, person: Person) -> dict[str, object]:
    """Every record that has the number."""
    found = connections.find_links_by_mobile(tx, mobiles=[person.mobile])
    opened = {number: get_connection(tx, connection_id=number) for number in {link.connection_id for link in found}}
    return {
        "external_links": [
            LinkView(
                connection=(connection := opened[link.connection_id]).stored.name,
                id=link.external_id,
                url=CONNECTORS[connection.stored.kind].record_url(as_connector_sees(connection, {}), link.external_id)
                or None,
                state=LINK_STATES[link.state],
            )
            for link in found
        ]
    }


# ---- deliveries that wait -------------------------------------------------------------------------------


class AnnouncedRecordView(Struct, frozen=True):
    """What a connected system announced of a record, which is not applied yet."""

    connection: Text
    """The connection's name."""
    id: Text
    """The record's id there."""
    fields: dict[str, str]


def erase_waiting(tx: WriteTx, person: Person) -> Removed:
    """Forget what deliveries say of records that have the number. Called while the links still have it."""
    keys: dict[int, list[str]] = {}
    for stored, event, _ in _find_waiting(tx, person):
        keys.setdefault(stored.id, []).append(event.key)
    for connection_id, found in keys.items():
        connections.wipe_kept_records(tx, connection_id=connection_id, keys=found)
    return {"announced_records": sum(map(len, keys.values()))}


def export_waiting(tx: Tx, person: Person) -> dict[str, object]:
    """What deliveries say of records that have the number, and which wait."""
    return {
        "announced_records": [
            AnnouncedRecordView(stored.name, record.id, {name: str(value) for name, value in record.values.items()})
            for stored, _, record in _find_waiting(tx, person)
        ]
    }


def _find_waiting(tx: Tx, person: Person) -> list[tuple[StoredConnection, StoredWebhookEvent, Record]]:
    """The deliveries that wait and have the number, or are about a record that has it."""
    known = {
        (link.connection_id, link.external_id) for link in connections.find_links_by_mobile(tx, mobiles=[person.mobile])
    }
    found: list[tuple[StoredConnection, StoredWebhookEvent, Record]] = []
    for stored in connections.list_connections(tx):
        opened = open_stored(stored)
        reader = reader_for(opened.definition.region or tx.project.region)
        after = (0, "")
        while events := connections.list_kept_records(tx, connection_id=stored.id, after=after, limit=LOOKED_AT):
            for event in events:
                record = read_record(event.record)
                if (stored.id, record.id) in known or person.mobile in _numbers_of(record, opened, reader):
                    found.append((stored, event, record))
            after = (events[-1].received_at, events[-1].key)
    return found


def _numbers_of(record: Record, opened: Opened, reader: Reader) -> Iterator[int]:
    for name, target in opened.definition.fields.items():
        value = record.values.get(name) if target == "mobile" else None
        for written in value if isinstance(value, list) else [value]:
            with suppress(ValueError):
                yield read_number_with(reader, written).number
