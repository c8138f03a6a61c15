"""The records that webhooks announced, applied as they are now; the events are settled in the same transaction.

No network, no SQL.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from daftari.connectors import ConnectorFailed, Record, Usage
from daftari.model.connections import ConnectionDefinition
from daftari.rules.connections.apply import apply_records
from daftari.rules.connections.firing import LATE_SECONDS
from daftari.rules.connections.model import Opened
from daftari.rules.connections.sync import (
    SECOND,
    STOPPED,
    Done,
    ask_first,
    find_held,
    save_step,
    take_failure,
    walked_sources,
    with_wanted,
)
from daftari.rules.connections.webhook_events import Announced, Announcement, note_absence, note_received
from daftari.store import WriteTx, connections

HEARD_LIST_SECONDS = 30
"""How long a list waits whose members changed: others follow, and the system's own index is late."""
TRIES_MAX = 5
"""After so many failures an event no longer waits: the readings of changes find its records."""


def take_announced(
    tx: WriteTx,
    *,
    connection_id: int,
    fence: int,
    announced: Announced,
    asked: Sequence[str],
    records: Sequence[Record],
    usage: Usage,
    read_as: ConnectionDefinition | None = None,
) -> Done:
    """Apply what records say that were announced. ``asked``: those that were read; of them ``records`` are there.

    How far the connection is complete stays as it is: what was not announced may have changed too.
    """
    opened = find_held(tx, connection_id, fence, read_as)
    if opened is None:
        return STOPPED
    found = {record.id for record in records}
    absent = [one for one in asked if one not in found]
    erased = [record for record in announced.records if record.gone == "erased"]
    merges, is_new = _merges_of(announced), _is_new(tx, announced)
    applied = apply_records(tx, opened, [*records, *erased, *merges], absent=absent, is_sure=True, fires=is_new)
    if applied.objection:
        return ask_first(tx, opened, applied.objection)
    opened = _settle(tx, with_wanted(applied), announced.find_settled({*asked}))
    progress = replace(opened.progress, day=usage.day, used=usage.used, allowed=usage.allowed)
    return save_step(tx, replace(opened, progress=progress), has_more=False)


def take_pushed(tx: WriteTx, *, connection_id: int, fence: int, announced: Announced) -> Done:
    """Apply what deliveries say themselves of their records, where the system cannot be asked."""
    opened = find_held(tx, connection_id, fence)
    if opened is None:
        return STOPPED
    if not opened.definition.push_only:
        return Done(True)
    records = [*announced.records, *_merges_of(announced)]
    applied = apply_records(tx, opened, records, fires=_is_new(tx, announced))
    if applied.objection:
        return ask_first(tx, opened, applied.objection)
    opened = applied.opened
    applied = apply_records(tx, opened, announced.overtaken)
    if applied.objection:
        return ask_first(tx, opened, applied.objection)
    opened = _settle(tx, applied.opened, announced.events)
    if opened.stored.state == "behind":
        opened = replace(opened, stored=replace(opened.stored, state="live", reason=""))
    return save_step(tx, opened, has_more=False)


def _merges_of(announced: Announced) -> list[Record]:
    return [Record(loser, -1, gone="merged", merged_into=winner) for loser, winner in announced.merged.items()]


def _is_new(tx: WriteTx, announced: Announced) -> bool:
    return all(tx.now - event.received_at <= LATE_SECONDS * SECOND for event in announced.events)


def _settle(tx: WriteTx, opened: Opened, events: Sequence[Announcement]) -> Opened:
    """Let some events wait no longer, and have the lists walked that they name."""
    connections.settle_events(tx, connection_id=opened.id, keys=[event.key for event in events])
    webhook = note_received(opened.progress.webhook, [event.received_at for event in events])
    walked = {*walked_sources(opened)} & opened.progress.groups_at.keys()
    named = {source for event in events for source in event.lists}
    due = dict.fromkeys(sorted(walked & named), tx.now + HEARD_LIST_SECONDS * SECOND)
    progress = replace(
        note_absence(opened, now=tx.now),
        tries=0,
        webhook=replace(webhook, read_at=tx.now),
        heard_lists={**due, **opened.progress.heard_lists},
    )
    return replace(opened, progress=progress)


def fail_announced(
    tx: WriteTx, *, connection_id: int, fence: int, announced: Announced, failure: ConnectorFailed, usage: Usage
) -> Done:
    """Note that records could not be read which were announced; too many failures let the events wait no longer."""
    if find_held(tx, connection_id, fence) is None:
        return STOPPED
    if failure.kind == "again":
        connections.count_tries(tx, connection_id=connection_id, keys=announced.keys, most=TRIES_MAX)
    return take_failure(tx, connection_id=connection_id, fence=fence, failure=failure, usage=usage)
