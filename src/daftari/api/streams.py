"""``POST /v1/contacts/stream``: a row a line in, what became of it a line out, and how to go on after a cut.

This room must not know how lines travel, nor how a row is written.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from daftari.errors import DaftariError, WrongImportState
from daftari.model.limits import ID_MAX, STREAM_ROWS_MAX
from daftari.rules.imports.model import Import
from daftari.rules.imports.stream import (
    LineReader,
    begin_stream,
    end_stream,
    pause_stream,
    read_before,
    resume_stream,
    write_chunk,
)
from daftari.rules.imports.views import list_rows, show_import
from daftari.web.requests import Call, Reply

NDJSON = "application/x-ndjson"
WHY_MAX = 300
"""Characters of a reason in a line; rejects have all of it."""
TOLD = ("rows", "counts", "suppressed", "joined")
"""What the last line tells of the import."""

_encode = msgspec.json.Encoder().encode_lines


def stream_contacts(call: Call) -> Reply:
    """``POST /v1/contacts/stream``: begun, or taken up again after a row that was told, with the group that it has."""
    params = call.params
    group = params.name("group")
    resume = params.whole("resume", default=0, most=ID_MAX)
    after = params.cursor("after")
    if after and not resume:
        params.problems.add("after", "is for a stream that is taken up again, with resume.")
    params.refuse_wrong()
    if resume:
        found = call.write_step(resume_stream, import_id=resume, after=after)
    else:
        found = call.write_step(begin_stream, group=group)
    return Reply(200, NDJSON, ContactStream(call, found, after=after))


class ContactStream:
    """One call of a stream. ``after``: the last row that its sender was told of."""

    def __init__(self, call: Call, found: Import, *, after: int) -> None:
        self._call = call
        self._found = found
        self._told = after
        self._written = found.progress.rows
        self._room = STREAM_ROWS_MAX
        self._seconds = 0.0
        self._reader = LineReader(found)

    def begin(self) -> bytes:
        """The import's id, by which to go on; and what came before is read."""
        if self._written:
            self._call.read(read_before, import_id=self._found.id, reader=self._reader)
        return _encode([{"import": self._found.id}])

    def take(self, lines: Sequence[bytes]) -> tuple[bytes, bool]:
        """What became of some rows. Those that were written before the cut are only told."""
        taken = lines[: self._room]
        self._room -= len(taken)
        known = min(self._written - self._told, len(taken))
        said = b""
        if known:
            rows = self._call.read(list_rows, import_id=self._found.id, after=self._told, limit=known)
            said = self._say(rows)
        if taken[known:]:
            said += self._say(self._write(taken[known:]))
        return said, len(taken) == len(lines)

    def _write(self, lines: Sequence[bytes]) -> list[dict[str, Any]]:
        self._call.recheck_key()
        began = time.monotonic()
        if self._found.stored.state == "done":
            raise WrongImportState("This stream is done; begin another one.")
        chunk = self._reader.read_chunk(lines)
        rows = self._call.write_step(
            write_chunk, import_id=self._found.id, chunk=chunk, seconds=round(self._seconds, 3)
        )
        self._written += len(lines)
        self._seconds = time.monotonic() - began
        return rows

    def _say(self, rows: Iterable[Mapping[str, Any]]) -> bytes:
        told = [{**row, "why": row["why"][:WHY_MAX]} if "why" in row else row for row in rows]
        self._told += len(told)
        return _encode(told)

    def end(self, *, whole: bool, error: DaftariError | None) -> bytes:
        """What became of all rows; or where to go on, and why."""
        if whole and error is None:
            try:
                return _encode([{"end": True, **self._finish()}])
            except DaftariError as problem:
                error = problem
        with suppress(DaftariError):
            self._call.write_step(pause_stream, import_id=self._found.id)
        last = {"end": False, "resume": self._found.id, "after": self._told}
        return _encode([last if error is None else last | self._explained(error)])

    def _finish(self) -> dict[str, Any]:
        found = self._found
        if found.stored.state != "done":
            self._call.recheck_key()
            found = self._call.write_step(end_stream, import_id=found.id)
        shown = show_import(found)
        return {name: shown[name] for name in TOLD}

    def _explained(self, error: DaftariError) -> dict[str, Any]:
        body = self._call.refuse(error).body
        assert isinstance(body, bytes)
        explained: dict[str, Any] = msgspec.json.decode(body)
        return explained
