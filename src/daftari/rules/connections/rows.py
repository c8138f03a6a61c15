"""The rows that a connection's records become: taken by a stream import of the connection, one an hour. No SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from daftari.connectors import CONNECTORS, ConnectorKind
from daftari.errors import ImportNotFound
from daftari.files import Record as FileRecord
from daftari.model.connections import Run
from daftari.model.consent import FirstReceipt, NewFact
from daftari.model.limits import IMPORT_ROWS_MAX
from daftari.rules.connections.decide import Change
from daftari.rules.connections.mapping import EVERY
from daftari.rules.connections.model import PROPERTY, SCOPE_BITS, Opened
from daftari.rules.consent.views import write_evidence
from daftari.rules.imports.apply import take_chunks
from daftari.rules.imports.lifecycle import end_import, get_import
from daftari.rules.imports.model import CODE, OUTCOME_MASK, Import, ReadChunk
from daftari.rules.imports.parse import RowReader
from daftari.rules.imports.stream import begin_sync
from daftari.store import Tx, WriteTx, consent, imports
from daftari.store.imports import CHUNK_RECORDS

SECOND = 1_000_000
HOUR_MICROSECONDS = 3_600 * SECOND
BEHIND_SECONDS = 300
"""A connection is behind when what it has is older than this and than three readings."""
INVALID = CODE["invalid"]


class Row(Struct, frozen=True):
    """A change, what its row gives, and the names of the groups that its number is to join.

    A change without a row brings opt-outs alone.
    """

    change: Change
    values: dict[str, object]
    groups: list[str]


def kind_of(opened: Opened) -> ConnectorKind:
    """The kind of a connection."""
    return CONNECTORS[opened.stored.kind]


def poll_seconds_of(opened: Opened) -> int:
    """How often a connection is read."""
    return opened.definition.poll_seconds or kind_of(opened).facts.poll_seconds


def is_behind(opened: Opened, until: int, *, now: int) -> bool:
    """Whether what is here, up to a moment, is older than it should be."""
    return now - until > max(BEHIND_SECONDS, 3 * poll_seconds_of(opened)) * SECOND


def is_in_records(opened: Opened, source: str) -> bool:
    """Whether each record says whether it belongs to a source of groups; else that has to be walked."""
    return source == EVERY or source.partition(":")[0] in (PROPERTY, *kind_of(opened).in_records)


def write_rows(tx: WriteTx, opened: Opened, rows: Sequence[Row], *, fires: bool) -> tuple[Opened, dict[str, str]]:
    """Write rows. Returns the connection with its import, and why records were refused, by their ids.

    ``fires``: whether joins fire triggers.
    """
    opened, work = _use_import(tx, opened, rows=len(rows))
    receipt = FirstReceipt(consent.next_receipt(tx), tx.now)
    reader = RowReader(work.settings)
    refused: dict[str, str] = {}
    number, first = work.progress.next_chunk, work.progress.rows + 1
    for start in range(0, len(rows), CHUNK_RECORDS):
        some = rows[start : start + CHUNK_RECORDS]
        chunk = _read_chunk(reader, some, number=number, first=first, opened=opened)
        taken = take_chunks(
            tx, import_id=work.id, phase="apply", chunks=[chunk], seconds=0.0, receipt=receipt, fires=fires
        )
        assert taken.continues, "the import was looked at in this transaction"
        refused |= _find_refused(tx, work.id, some, number=number, first=first)
        number, first = number + 1, first + len(some)
    return opened, refused


def _find_refused(tx: Tx, import_id: int, rows: Sequence[Row], *, number: int, first: int) -> dict[str, str]:
    """Why records of a chunk were refused. An import keeps the reasons of its first rejects only."""
    (chunk,) = imports.list_chunks(tx, import_id=import_id, first=number, limit=1)
    places = [place for place, code in enumerate(chunk.outcomes) if code & OUTCOME_MASK == INVALID]
    if not places:
        return {}
    rejects = imports.list_rejects(tx, import_id=import_id, first=first, limit=len(rows))
    reasons = {one.number - first: one.reason for one in rejects if not one.taken}
    return {rows[place].change.after.external_id: reasons.get(place, "It was refused.") for place in places}


def _read_chunk(reader: RowReader, rows: Sequence[Row], *, number: int, first: int, opened: Opened) -> ReadChunk:
    records = [
        FileRecord(place, _as_record(row) if row.change.has_row else None, "brings an opt-out alone.")
        for place, row in enumerate(rows, first)
    ]
    chunk = reader.read_chunk(records, number=number, bytes_read=0)
    # What brings an opt-out alone is no row of the book, and no mistake.
    without = [place for place, row in enumerate(rows, first) if not row.change.has_row]
    if without:
        rejects = [one for one in chunk.rejects if one.number not in without]
        chunk = replace(chunk, rejects=rejects, others=[*chunk.others, *without])
    read = {row.index: (row.mobile, row.digits) for row in chunk.rows}
    for place, row in enumerate(rows, first):
        mobile, digits = read.get(place, (row.change.after.mobile, None))
        chunk.facts.extend(_opt_outs(place, mobile, digits, row.change, opened))
    return chunk


def _as_record(row: Row) -> dict[str, object]:
    """A row as the reader of imports takes it, with where a person finds the record, should it be refused."""
    link = row.change.after
    return {**row.values, "groups": row.groups, "record": row.change.url or link.external_id}


def _opt_outs(place: int, mobile: int, digits: int | None, change: Change, opened: Opened) -> list[NewFact]:
    if not mobile or not change.new_outs or change.said is None:
        return []
    evidence = write_evidence(note=f"{opened.stored.name}: {change.after.external_id}")
    return [
        NewFact(place, mobile, "opt_out", scope, change.said.at(scope), "sync", evidence=evidence, digits=digits)
        for scope, bit in SCOPE_BITS.items()
        if change.new_outs & bit
    ]


# ---- the import -----------------------------------------------------------------------------------------


def _use_import(tx: WriteTx, opened: Opened, *, rows: int) -> tuple[Opened, Import]:
    """The import that rows are written to now: of the first reading, or of this hour."""
    hour = _hour_of(tx, opened)
    work = _find_import(tx, opened)
    if work is not None and opened.progress.import_hour == hour and work.progress.rows + rows <= IMPORT_ROWS_MAX:
        return opened, work
    if work is not None:
        end_import(tx, found=work, state="done")
    work = begin_sync(
        tx, name=_name(tx, opened), region=opened.definition.region or tx.project.region, connection_id=opened.id
    )
    return replace(opened, progress=replace(opened.progress, import_id=work.id, import_hour=hour)), work


def _hour_of(tx: Tx, opened: Opened) -> int:
    return 0 if opened.stored.state == "importing" else tx.now // HOUR_MICROSECONDS


def _find_import(tx: Tx, opened: Opened) -> Import | None:
    """The import that is under way; ``None`` where there is none, or a person stopped it."""
    if not opened.progress.import_id:
        return None
    try:
        work = get_import(tx, import_id=opened.progress.import_id)
    except ImportNotFound:
        return None
    return work if work.is_work and work.is_streamed else None


def _name(tx: Tx, opened: Opened) -> str:
    zone = ZoneInfo(opened.progress.time_zone)
    at = datetime.fromtimestamp(tx.now / 1_000_000, zone)
    if opened.stored.state == "importing":
        return f"{opened.stored.name}: first reading"
    return f"{opened.stored.name} {at:%Y-%m-%d %H}:00"


def end_run(tx: WriteTx, opened: Opened) -> Opened:
    """End the run that is under way, with its import; the mass guard counts from nothing again."""
    work = _find_import(tx, opened)
    if work is not None:
        end_import(tx, found=work, state="done")
    run = Run(confirmed_until=opened.progress.run.confirmed_until)
    progress = replace(opened.progress, import_id=0, import_hour=0, run=run, run_hour=_hour_of(tx, opened))
    return replace(opened, progress=replace(progress, fired=0, unfired=0))


def is_run_over(tx: Tx, opened: Opened) -> bool:
    """Whether the hour of the run that is under way has passed."""
    return opened.progress.run_hour != _hour_of(tx, opened)
