"""Contacts that are sent row by row, each answered while the next ones go, and taken up again after a cut.

HTTP libraries send a whole request before they read its answer, and nobody can send again what came out of an
iterator. So rows go in batches: at most ``BATCH_ROWS_MAX`` are under way and not acknowledged, and those are kept until
they are. This module must not know how a call is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

import msgspec
from msgspec import Struct

from daftari_client.api import NDJSON, Api
from daftari_client.errors import DaftariError, read_error
from daftari_client.flows import Iteration, Lines, Pause, Yield, cut_short, read_as
from daftari_client.records import StreamedRow
from daftari_client.retries import NO_RETRIES

BATCH_ROWS_MAX = 5_000


class _StreamLine(Struct, frozen=True):
    """A line of the answer: the import's id, what became of a row, or the end."""

    import_: int | None = msgspec.field(default=None, name="import")
    row: int | None = None
    outcome: str = ""
    id: int | None = None
    mobile: str | None = None
    why: str | None = None
    end: bool = False
    error_code: str | None = None


class Batch:
    """Some rows under way: which import they are of, and how many were acknowledged."""

    def __init__(self, rows: list[bytes], *, before: int) -> None:
        self._rows = rows
        self._before = before
        self._import_id: int | None = None
        self.acknowledged = 0
        self.is_over = False

    def unacknowledged(self) -> bytes:
        """The rows that nobody acknowledged yet. There may be none: only the end of the answer was cut."""
        return b"".join(row + b"\n" for row in self._rows[self.acknowledged :])

    def resume_query(self) -> dict[str, object]:
        """Where to take up again; nothing at the first try."""
        if self._import_id is None:
            return {}
        return {"resume": self._import_id, "after": self.acknowledged}

    def read_line(self, line: _StreamLine) -> StreamedRow | None:
        """What a line says of a row that was not told yet."""
        self.is_over = line.end
        if line.import_ is not None:
            self._import_id = line.import_
        if line.row is None or line.row <= self.acknowledged:
            return None
        self.acknowledged = line.row
        return StreamedRow(
            row=self._before + line.row,
            outcome=line.outcome,
            id=line.id,
            mobile=line.mobile,
            why=line.why,
            import_id=self._import_id,
        )


def stream_rows(api: Api, rows: Iterable[Mapping[str, object]], *, group: str | None) -> Iteration[StreamedRow]:
    """What became of each row, in the order given."""
    encoded = (msgspec.json.encode(dict(row)) for row in rows)
    before = 0
    while taken := _take_rows(encoded):
        yield from _send_batch(api, Batch(taken, before=before), group)
        before += len(taken)


def _take_rows(rows: Iterator[bytes]) -> list[bytes]:
    return list(islice(rows, BATCH_ROWS_MAX))


def _send_batch(api: Api, batch: Batch, group: str | None) -> Iteration[StreamedRow]:
    """Sends a batch, and after a cut what is left of it. The retries begin again whenever a row was acknowledged."""
    budget = api.retries.begin()
    while not batch.is_over:
        before = batch.acknowledged
        try:
            yield from _read_response(api, batch, group)
        except DaftariError as error:
            if batch.acknowledged > before:
                budget = api.retries.begin()
            pause = budget.seconds_before_next(error)
            if pause is None:
                raise
            yield Pause(pause)


def _read_response(api: Api, batch: Batch, group: str | None) -> Iteration[StreamedRow]:
    query = {"group": group, **batch.resume_query()}
    yield from api.open(
        "/contacts/stream", accept=NDJSON, query=query, ndjson=batch.unacknowledged(), retries=NO_RETRIES
    )
    lines = Lines(_read_line)
    while not batch.is_over:
        line = yield from lines.take()
        if line is None:
            raise cut_short()
        told = batch.read_line(line)
        if told is not None:
            yield Yield(told)


def _read_line(written: bytes) -> _StreamLine:
    line = read_as(_StreamLine)(written)
    if line.error_code is not None:
        raise read_error(200, {}, written)
    return line
