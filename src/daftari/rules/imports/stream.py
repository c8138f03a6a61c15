"""A stream: an import whose rows are written as they arrive, and whose file is never kept.

It is an import like any other: listed, paged row by row, paused, cancelled and undone, but no worker takes it. The call
writes its chunks, each as large as what had arrived. After a cut the rows that were written and not reported are
reported again, and the next ones follow, so that every row is taken once. No HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

from daftari.errors import ImportNotFound, StoreBusy, ValidationFailed, WrongImportState
from daftari.files import ColumnUse, Layout, Record, read_line
from daftari.model.contacts import TEXT_FIELDS
from daftari.model.limits import IMPORT_ROWS_MAX
from daftari.rules import events
from daftari.rules.contacts.groups import refuse_mirrored_name
from daftari.rules.events import Action
from daftari.rules.imports.apply import take_chunks
from daftari.rules.imports.lifecycle import end_import, get_import, let_stream, pause_import
from daftari.rules.imports.model import Import, ImportSettings, ReadChunk
from daftari.rules.imports.parse import RowReader
from daftari.rules.imports.views import ImportRow, list_rows
from daftari.store import Tx, WriteTx, contacts, erasures, imports, numbers
from daftari.store.imports import CHUNK_RECORDS

NAME = "stream"
"""What its file is called, which it never had."""
FIELDS = ("mobile", *TEXT_FIELDS, "attributes", "groups")
"""The members of a row."""
SYNC_FIELDS = (*FIELDS, "name")
"""The members of a record of a connection."""


# ---- begin, resume and end ------------------------------------------------------------------------------


def begin_stream(tx: WriteTx, *, group: str | None, fire_triggers: bool = False) -> Import:
    """A new stream. Raises ``GroupIsMirrored``."""
    refuse_mirrored_name(tx, group)
    settings = _settings(tx, NAME, FIELDS, tx.project.region)
    return _begin(tx, replace(settings, group=group, fire_triggers=fire_triggers))


def begin_sync(tx: WriteTx, *, name: str, region: str, connection_id: int) -> Import:
    """A new stream of the records of a connection."""
    settings = replace(_settings(tx, name, SYNC_FIELDS, region), connection_id=connection_id)
    return _begin(tx, settings, connection_id=connection_id)


def _settings(tx: WriteTx, name: str, fields: tuple[str, ...], region: str) -> ImportSettings:
    return ImportSettings(
        name=name,
        bytes=0,
        layout=Layout("ndjson", fields),
        uses=tuple(ColumnUse(field, field) for field in fields),
        region=region,
        created_at=tx.now,
        streamed=True,
        known=numbers.mark_now(tx),
    )


def _begin(tx: WriteTx, settings: ImportSettings, *, connection_id: int | None = None) -> Import:
    number = imports.insert_import(
        tx,
        phase="apply",
        erasure_id=erasures.get_last_erasure(tx),
        settings=msgspec.json.encode(settings).decode(),
        progress="{}",
        until=tx.now,
        connection_id=connection_id,
    )
    found = get_import(tx, import_id=number)
    events.record(tx, Action.CREATE_IMPORT, detail=found.named)
    return let_stream(tx, found=found)


def resume_stream(tx: WriteTx, *, import_id: int, after: int) -> Import:
    """Resume a stream after a row that was reported to its sender; one that is done only reports its rows again.

    Raises ``ImportNotFound``, ``WrongImportState``, and ``ValidationFailed`` when it has no such row.
    """
    found = get_import(tx, import_id=import_id)
    if not found.settings.streamed:
        raise ImportNotFound
    if after > found.progress.rows:
        raise ValidationFailed({"after": [f"The after field is beyond the {found.progress.rows} rows of this stream."]})
    if not found.is_streamed or found.stored.state not in ("streaming", "paused", "done"):
        raise WrongImportState(f"This stream ({found.stored.phase}, {found.stored.state}) cannot continue.")
    return found if found.stored.state == "done" else let_stream(tx, found=found)


def end_stream(tx: WriteTx, *, import_id: int) -> Import:
    """Every row is here. Raises as ``write_chunk``."""
    return end_import(tx, found=_streaming(tx, import_id=import_id), state="done")


def pause_stream(tx: WriteTx, *, import_id: int) -> None:
    """The call is over before the stream is. Raises as ``write_chunk``."""
    _streaming(tx, import_id=import_id)
    pause_import(tx, import_id=import_id)


def _streaming(tx: WriteTx, *, import_id: int) -> Import:
    """The stream, if it still is one, and of this call."""
    found = get_import(tx, import_id=import_id)
    if not found.is_streamed or found.stored.state != "streaming":
        raise WrongImportState(f"This stream ({found.stored.phase}, {found.stored.state}) was stopped.")
    if found.progress.call != tx.actor.request_id:
        raise StoreBusy("Another call streams to this import; resume after the last row that was reported to you.")
    return found


# ---- rows -------------------------------------------------------------------------------------------------


class LineReader:
    """Reads the lines of one stream in their order, and knows which numbers came before in it."""

    def __init__(self, found: Import) -> None:
        self._reader = RowReader(found.settings)
        self._next_chunk = found.progress.next_chunk
        self._rows = found.progress.rows
        self._bytes = found.progress.bytes_read

    def read_chunk(self, lines: Sequence[bytes]) -> ReadChunk:
        """The next lines, a thousand at the most, as rows."""
        records = [read_line(number, line) for number, line in enumerate(lines, self._rows + 1)]
        self._bytes += sum(len(line) + 1 for line in lines)
        chunk = self._reader.read_chunk(records, number=self._next_chunk, bytes_read=self._bytes)
        self._next_chunk += 1
        self._rows += len(lines)
        return chunk

    def note_before(self, mobiles: Iterable[int], records: Sequence[Record]) -> None:
        """What came before in the stream: numbers of contacts, and records that could not be taken."""
        self._reader.note_seen(mobiles)
        if records:
            self._reader.read_chunk(records, number=0, bytes_read=0)


def read_before(tx: Tx, *, import_id: int, reader: LineReader) -> None:
    """Give a reader the rows that were written before it began.

    A number whose contact was deleted since is forgotten, as it is by the book.
    """
    ids = {contact for _, _, contact in imports.walk_rows(tx, import_id=import_id, after=0) if contact}
    wanted = sorted(ids)
    for first in range(0, len(wanted), CHUNK_RECORDS):
        found = contacts.find_contact_numbers(tx, ids=wanted[first : first + CHUNK_RECORDS])
        reader.note_before([contact.mobile for contact in found], ())
    after = 0
    while rejects := imports.list_rejects(tx, import_id=import_id, first=after, limit=CHUNK_RECORDS):
        records = [(one.number, msgspec.json.decode(one.record)) for one in rejects if not one.taken]
        reader.note_before((), [Record(number, values) for number, values in records if isinstance(values, dict)])
        after = rejects[-1].number + 1


def write_chunk(tx: WriteTx, *, import_id: int, chunk: ReadChunk, seconds: float) -> list[ImportRow]:
    """Write some rows; returns the outcome of each. ``seconds``: of work since the last ones.

    Raises ``WrongImportState`` when the stream was paused or cancelled or has too many rows, and ``StoreBusy`` when
    another call took over.
    """
    found = _streaming(tx, import_id=import_id)
    if found.progress.rows + chunk.count > IMPORT_ROWS_MAX:
        raise WrongImportState(f"This stream has the {IMPORT_ROWS_MAX:,} rows that it may have; begin another one.")
    taken = take_chunks(tx, import_id=import_id, phase="apply", chunks=[chunk], seconds=seconds)
    assert taken.continues, "a call writes the chunks of its stream in their order"
    return list_rows(tx, import_id=import_id, after=chunk.first - 1, limit=chunk.count)
