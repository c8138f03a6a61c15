"""Contacts sent row by row. Each row is answered while the next ones go, and a stream resumes after a cut.

HTTP libraries send the whole request before they read its response, and rows from an iterator cannot be sent twice.
So rows go in batches: a batch is kept until the server has acknowledged its rows. No HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice

import msgspec
from msgspec import Struct

from daftari_client.api import NDJSON, Api
from daftari_client.errors import DaftariError, read_error
from daftari_client.flows import Iteration, Lines, Pause, Yield, decode
from daftari_client.import_records import ImportRow, StreamedRow
from daftari_client.retries import NO_RETRIES

BATCH_ROWS_MAX = 5_000


class _StreamLine(Struct, frozen=True):
    """What distinguishes the lines of the response: the import's id, the outcome of a row, the end, or an error."""

    import_: int | None = msgspec.field(default=None, name="import")
    row: int | None = None
    end: bool = False
    error_code: str | None = None


class Batch:
    """Rows on their way: the import that holds them, and how many were acknowledged.

    ``before`` is how many rows of the stream came before this batch.
    """

    def __init__(self, rows: list[bytes], *, before: int) -> None:
        self._rows = rows
        self._before = before
        self._import_id: int | None = None
        self.acknowledged = 0
        self.is_over = False

    def unacknowledged(self) -> bytes:
        """The rows to send. There may be none, when only the end of the response was lost."""
        return b"".join(row + b"\n" for row in self._rows[self.acknowledged :])

    def resume_query(self) -> dict[str, object]:
        """Where to resume; empty at the first try."""
        return {} if self._import_id is None else {"resume": self._import_id, "after": self.acknowledged}

    def read_line(self, written: bytes) -> StreamedRow | None:
        """The outcome in a line, ``None`` if the line has none or has one that was already yielded.

        Raises ``DaftariError`` for a line that reports an error.
        """
        line = decode(written, _StreamLine)
        if line.error_code is not None:
            raise read_error(200, {}, written)
        self.is_over = line.end
        if line.import_ is not None:
            self._import_id = line.import_
        if line.row is None or line.row <= self.acknowledged:
            return None
        self.acknowledged = line.row
        row = msgspec.structs.asdict(decode(written, ImportRow))
        return StreamedRow(**row | {"row": self._before + line.row, "import_id": self._import_id})


def stream_rows(
    api: Api, rows: Iterable[Mapping[str, object]], *, group: str | None, fire_triggers: bool
) -> Iteration[StreamedRow]:
    """The outcome of each row, in the order given."""
    settings = {"group": group, "fire_triggers": fire_triggers or None}
    encoded = (msgspec.json.encode(dict(row)) for row in rows)
    before = 0
    while taken := list(islice(encoded, BATCH_ROWS_MAX)):
        yield from _send_batch(api, Batch(taken, before=before), settings)
        before += len(taken)


def _send_batch(api: Api, batch: Batch, settings: Mapping[str, object]) -> Iteration[StreamedRow]:
    """Sends a batch, and after a cut the rest of it. The retries start again whenever a row was acknowledged."""
    budget = api.retries.begin()
    while not batch.is_over:
        before = batch.acknowledged
        try:
            yield from _read_response(api, batch, settings)
        except DaftariError as error:
            if batch.acknowledged > before:
                budget = api.retries.begin()
            pause = budget.seconds_before_next(error)
            if pause is None:
                raise
            yield Pause(pause)


def _read_response(api: Api, batch: Batch, settings: Mapping[str, object]) -> Iteration[StreamedRow]:
    query = {**settings, **batch.resume_query()}
    yield from api.open(
        "/contacts/stream", accept=NDJSON, query=query, ndjson=batch.unacknowledged(), retries=NO_RETRIES
    )
    lines = Lines(batch.read_line)
    while not batch.is_over:
        row = yield from lines.take()
        if row is not None:
            yield Yield(row)
