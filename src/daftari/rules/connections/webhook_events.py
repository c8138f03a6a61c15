"""What connected systems announce by webhooks: kept, listed, replayed, deleted. No HTTP, no SQL.

An announcement only says which records changed. They are asked for by id a moment later, those of many events together.
Where the system cannot be asked, the record that a delivery has is kept until it is applied.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from hashlib import sha256

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from daftari.connectors import Record, WebhookEvent
from daftari.errors import Forged, ValidationFailed, WrongConnectionState
from daftari.model.connections import (
    WORKING,
    ConnectionProgress,
    StoredWebhookEvent,
    WebhookEventState,
    WebhookProgress,
)
from daftari.model.inbound import Quarantined, StoredToken
from daftari.model.jobs import JobKind
from daftari.model.limits import EXTERNAL_ID_MAX, REPLAYED_EVENTS_MAX, WEBHOOK_EVENT_DAYS
from daftari.model.members import Text, Time
from daftari.model.time import format_time
from daftari.rules.access.inbound_tokens import NO_ADDRESS
from daftari.rules.carts.states import was_away
from daftari.rules.connections.carts import receive_sales
from daftari.rules.connections.lifecycle import look_at_connection
from daftari.rules.connections.model import Opened, open_stored, read_record
from daftari.rules.connections.ways import refuse_uncallable
from daftari.rules.events import Action, record
from daftari.store import Tx, WriteTx, connections, inbound
from daftari.store.jobs import hint_job

SECOND = 1_000_000
HOUR, DAY = 3_600 * SECOND, 86_400 * SECOND
SILENCE_HOURS = 26
"""After how long without an event a person is to look."""
USUAL_MIN = 3
"""Where fewer come on a day, a day without one says nothing."""
DEBOUNCE_SECONDS = 2
"""How long an event waits for others, so that their records are asked for together."""
EVENTS_PER_STEP = 300
"""A step holds the lock of the project, for which deliveries wait."""
ROWS_PER_STEP = 1_000
KEY_MAX, TOPIC_MAX = 200, 100
NEWEST = (2**62, "")
"""A place behind every event."""

_encode = msgspec.json.encode
_read_ids = msgspec.json.Decoder(tuple[str, ...]).decode
_read_merged = msgspec.json.Decoder(dict[str, str]).decode


class Announcement(Struct, frozen=True):
    """An event that waits: the records that it names, who was merged into whom, and which lists someone joined or left.

    ``record``: what the delivery itself said of its record, where that is to be used.
    """

    key: str
    ids: tuple[str, ...]
    merged: dict[str, str]
    lists: tuple[str, ...]
    record: Record | None
    received_at: int


class Announced(Struct, frozen=True):
    """Events whose records are to be read now."""

    events: tuple[Announcement, ...]

    @property
    def merged(self) -> dict[str, str]:
        """Who was merged into whom."""
        return {loser: winner for event in self.events for loser, winner in event.merged.items()}

    @property
    def ids(self) -> list[str]:
        """The records to read, each once; one that was merged away is there no more."""
        named = dict.fromkeys(one for event in self.events for one in event.ids)
        return [one for one in named if one not in self.merged]

    @property
    def records(self) -> list[Record]:
        """What the deliveries themselves say of their records, the latest of each."""
        found: dict[str, Record] = {}
        said = [event.record for event in self.events if event.record is not None]
        for one in sorted(said, key=lambda one: one.version):
            before = found.get(one.id)
            found[one.id] = one if before is None else _add(before, one)
        return [*found.values()]

    @property
    def overtaken(self) -> list[Record]:
        """What says only some of a record, which a later delivery of the whole need not know."""
        latest = {record.id: record for record in self.records}
        said = [event.record for event in self.events if event.record is not None and event.record.is_partial]
        return [record for record in said if not latest[record.id].is_partial and latest[record.id].gone is None]

    @property
    def keys(self) -> list[str]:
        """The keys of the events."""
        return [event.key for event in self.events]

    def find_settled(self, read: AbstractSet[str]) -> list[Announcement]:
        """The events of which all records were read."""
        known = read | self.merged.keys()
        return [event for event in self.events if known.issuperset(event.ids)]


def _add(before: Record, record: Record) -> Record:
    """What is known of a record after a later delivery. One that says only some of it adds to what is known."""
    if not record.is_partial or record.gone is not None:
        return record
    if before.gone is not None:
        return before
    return replace(before, version=record.version, values={**before.values, **record.values})


class WebhookEventView(Struct, frozen=True, kw_only=True):
    """What a webhook announced."""

    key: Text
    """The same for every delivery of one event."""
    topic: Text
    """What happened, in the other system's words."""
    records: list[Text]
    """The records that it names."""
    merged: dict[str, str]
    """Who was merged into whom."""
    state: WebhookEventState
    """`waiting`: its records were not read yet. `settled`: they were, or that failed too often."""
    happened_at: Time | None
    """When it happened there, if the delivery says so."""
    received_at: Time


class WebhookEventPage(Struct, frozen=True):
    """Some events, and the cursor of the ones before them."""

    events: list[WebhookEventView]
    following: str | None


# ---- received -------------------------------------------------------------------------------------------


def receive_events(
    tx: WriteTx, *, connection_id: int, token_id: int, deliveries: Sequence[Sequence[WebhookEvent]]
) -> int:
    """Keep the events of verified deliveries, each once, and apply what they are about of carts and orders.

    Returns how many are new. Raises ``Forged`` when the connection was removed meanwhile.
    """
    stored = connections.get_connection(tx, connection_id=connection_id)
    if stored is None or stored.state == "removed":
        raise Forged(NO_ADDRESS)
    inbound.count_received(tx, token_id=token_id, count=len(deliveries))
    opened = open_stored(stored)
    kept = [_as_stored(event, opened, now=tx.now) for events in deliveries for event in events]
    new = connections.insert_events(tx, events=[*{event.key: event for event in kept}.values()])
    receive_sales(tx, connection_id=connection_id, events=[event for events in deliveries for event in events])
    if new:
        _bring_forward(tx, connection_id=connection_id, due_at=tx.now + DEBOUNCE_SECONDS * SECOND)
    return new


def release_delivery(tx: WriteTx, *, kept: Quarantined, stored: StoredToken, events: Sequence[WebhookEvent]) -> None:
    """Keep the events of a delivery that was refused before."""
    assert stored.token.connection_id is not None, "the token is a connection's"
    inbound.delete_quarantined(tx, quarantined_id=kept.id)
    receive_events(tx, connection_id=stored.token.connection_id, token_id=stored.token.id, deliveries=[events])


def _as_stored(event: WebhookEvent, opened: Opened, *, now: int) -> StoredWebhookEvent:
    record = event.record
    # A record that can be asked for is not kept; that it was erased there may be said nowhere else.
    is_kept = record is not None and (opened.definition.push_only or record.gone == "erased")
    return StoredWebhookEvent(
        connection_id=opened.id,
        key=_as_key(event.key),
        topic="".join(filter(str.isprintable, event.topic))[:TOPIC_MAX],
        record_ids=_encode([one for one in event.ids if len(one) <= EXTERNAL_ID_MAX]).decode(),
        merged=_encode(dict(event.merged)).decode(),
        lists=_encode([*event.groups]).decode(),
        record=_encode(record).decode() if is_kept else "",
        at=event.at or 0,
        received_at=now,
        state="waiting",
        tries=0,
    )


def _as_key(written: str) -> str:
    """The key of an event as it is stored: as the system wrote it, unless that is no short word."""
    is_word = len(written) <= KEY_MAX and written.isascii() and written.isprintable()
    return written if is_word else sha256(written.encode(errors="replace")).hexdigest()


def _bring_forward(tx: WriteTx, *, connection_id: int, due_at: int) -> None:
    """Have a worker look at a connection that reads by itself. The job is asked for at once: it waits for its time."""
    if connections.bring_forward(tx, connection_id=connection_id, due_at=due_at):
        hint_job(tx, kind=JobKind.SYNC, subject=str(connection_id))


# ---- waiting --------------------------------------------------------------------------------------------


def find_announced(tx: Tx, *, connection_id: int, ids_max: int) -> Announced | None:
    """The events that have waited long enough, as many as name at most ``ids_max`` records together."""
    until = tx.now - DEBOUNCE_SECONDS * SECOND
    waiting = connections.list_waiting_events(tx, connection_id=connection_id, until=until, limit=EVENTS_PER_STEP)
    events: list[Announcement] = []
    ids: set[str] = set()
    for event in waiting:
        named = _read_ids(event.record_ids)
        ids.update(named)
        if events and len(ids) > ids_max:
            break
        record = read_record(event.record) if event.record else None
        merged, lists = _read_merged(event.merged), _read_ids(event.lists)
        events.append(Announcement(event.key, named, merged, lists, record, event.received_at))
    return Announced(tuple(events)) if events else None


def find_next(tx: Tx, *, connection_id: int) -> int | None:
    """When the first event that waits has waited long enough."""
    first = connections.find_first_waiting(tx, connection_id=connection_id)
    return None if first is None else first + DEBOUNCE_SECONDS * SECOND


def note_received(webhook: WebhookProgress, received: Sequence[int]) -> WebhookProgress:
    """Count events that came by a webhook. ``received``: when each came; those that are replayed were counted."""
    newest = max(received, default=0)
    count = sum(at > webhook.last_at for at in received)
    if not count:
        return webhook
    day = newest // DAY
    if day == webhook.day:
        return replace(webhook, last_at=newest, today=webhook.today + count, silence="")
    return replace(webhook, last_at=newest, day=day, today=count, before=webhook.today, silence="")


def note_silence(webhook: WebhookProgress, *, now: int) -> WebhookProgress:
    """Note that nothing came for long although much did before."""
    silent_for, usual = now - webhook.last_at, max(webhook.today, webhook.before)
    silence = ""
    if webhook.made_at and silent_for >= SILENCE_HOURS * HOUR and usual >= USUAL_MIN:
        silence = f"No webhook for {silent_for // HOUR} h, {usual} a day before: is the address still right?"
    return replace(webhook, silence=silence)


def note_absence(opened: Opened, *, now: int) -> ConnectionProgress:
    """Progress that says until when no worker looked, where that was long: deliveries may have found no one."""
    progress = opened.progress
    looked_at = max(progress.read_at, progress.webhook.read_at)
    is_long = was_away(looked_at=looked_at, poll_seconds=opened.definition.poll_seconds, now=now)
    return replace(progress, away_until=now) if is_long else progress


# ---- listed and replayed --------------------------------------------------------------------------------


def list_events(tx: Tx, *, connection_id: int, after: str, limit: int) -> WebhookEventPage:
    """Events of a connection, the newest first. Raises ``ConnectionNotFound`` and ``ValidationFailed``."""
    look_at_connection(tx, connection_id=connection_id)
    before = read_place(after) if after else NEWEST
    found = connections.list_events(tx, connection_id=connection_id, before=before, limit=limit + 1)
    shown = found[:limit]
    following = write_place(shown[-1].received_at, shown[-1].key) if len(found) > limit else None
    return WebhookEventPage([_show(event) for event in shown], following)


def write_place(received_at: int, key: str) -> str:
    """The cursor behind what came at a time and has a key."""
    return f"{received_at}:{key}"


def read_place(written: str) -> tuple[int, str]:
    """The place of a cursor. Raises ``ValidationFailed``."""
    at, mark, key = written.partition(":")
    if not mark or not (at.isascii() and at.isdecimal()) or len(at) > len(str(NEWEST[0])) - 1:
        raise ValidationFailed({"after": ["The after field must be a cursor that an answer gave as next."]})
    return int(at), key


def _show(event: StoredWebhookEvent) -> WebhookEventView:
    return WebhookEventView(
        key=event.key,
        topic=event.topic,
        records=[*_read_ids(event.record_ids)],
        merged=_read_merged(event.merged),
        state=event.state,
        happened_at=format_time(event.at) if event.at else None,
        received_at=format_time(event.received_at),
    )


def replay_events(tx: WriteTx, *, connection_id: int, since: int) -> int:
    """Have the records of events since a time read again. Returns how many events wait again.

    Raises ``ConnectionNotFound`` and ``WrongConnectionState``.
    """
    opened = look_at_connection(tx, connection_id=connection_id)
    refuse_uncallable(opened, "replayed")
    if opened.stored.state not in WORKING:
        said = f"The connection {opened.stored.name!r} ({opened.stored.state}) cannot be replayed: start it."
        raise WrongConnectionState(said)
    count = connections.replay_events(tx, connection_id=connection_id, since=since, limit=REPLAYED_EVENTS_MAX)
    if count:
        _bring_forward(tx, connection_id=connection_id, due_at=tx.now)
    record(tx, Action.UPDATE_CONNECTION, detail={"connection": connection_id})
    return count


# ---- deleted --------------------------------------------------------------------------------------------


def has_expired_event(tx: Tx) -> bool:
    """Whether an event was kept long enough."""
    before = tx.now - WEBHOOK_EVENT_DAYS * DAY
    return any(connections.has_old_event(tx, connection_id=one, before=before) for one in _list_ids(tx))


def expire_events(tx: WriteTx) -> None:
    """Delete some of those. The records of one that waited so long are read by the next reading of changes."""
    before = tx.now - WEBHOOK_EVENT_DAYS * DAY
    for connection_id in _list_ids(tx):
        if connections.delete_old_events(tx, connection_id=connection_id, before=before, limit=ROWS_PER_STEP):
            return


def _list_ids(tx: Tx) -> Iterable[int]:
    return [stored.id for stored in connections.list_connections(tx)]
