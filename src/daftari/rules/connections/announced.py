"""The records that webhooks announced, as they are now: applied, and the events settled in the same transaction.

No network, no SQL.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from daftari.connectors import ConnectorFailed, Record, Usage
from daftari.model.connections import ConnectionDefinition
from daftari.rules.connections.apply import apply_records
from daftari.rules.connections.firing import LATE_SECONDS
from daftari.rules.connections.sync import (
    SECOND,
    STOPPED,
    Done,
    ask_first,
    find_held,
    save_step,
    take_failure,
    with_wanted,
)
from daftari.rules.connections.webhook_events import Announced, note_received
from daftari.store import WriteTx, connections

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
    merges = [Record(loser, -1, gone="merged", merged_into=winner) for loser, winner in announced.merged.items()]
    is_new = all(tx.now - event.received_at <= LATE_SECONDS * SECOND for event in announced.events)
    applied = apply_records(tx, opened, [*records, *merges], absent=absent, is_sure=True, fires=is_new)
    if applied.objection:
        return ask_first(tx, opened, applied.objection)
    settled = announced.find_settled({*asked})
    connections.settle_events(tx, connection_id=connection_id, keys=[event.key for event in settled])
    opened = with_wanted(applied)
    webhook = note_received(opened.progress.webhook, [event.received_at for event in settled])
    progress = replace(
        opened.progress,
        tries=0,
        webhook=replace(webhook, read_at=tx.now),
        day=usage.day,
        used=usage.used,
        allowed=usage.allowed,
    )
    return save_step(tx, replace(opened, progress=progress), has_more=False)


def fail_announced(
    tx: WriteTx, *, connection_id: int, fence: int, announced: Announced, failure: ConnectorFailed, usage: Usage
) -> Done:
    """Note that records could not be read which were announced; too many failures let the events wait no longer."""
    if find_held(tx, connection_id, fence) is None:
        return STOPPED
    if failure.kind == "again":
        connections.count_tries(tx, connection_id=connection_id, keys=announced.keys, most=TRIES_MAX)
    return take_failure(tx, connection_id=connection_id, fence=fence, failure=failure, usage=usage)
