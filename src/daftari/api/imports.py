"""The calls under ``/v1/imports``, and ``POST /v1/contacts/stream``, which is an import without a file.

Knows neither how a file or a row is read nor what the worker does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, get_args

import msgspec
from msgspec.structs import replace

from daftari.api.pagination import cut_page, read_cursor
from daftari.api.views.imports import ImportAnswer, ImportList, ImportRows, StreamBegun, StreamCut, StreamEnd
from daftari.errors import DaftariError, ImportNotFound, WrongImportState
from daftari.model.limits import (
    HEADER_ROW_MAX,
    ID_MAX,
    IMPORT_ROWS_PER_PAGE_MAX,
    IMPORTS_PER_PAGE_MAX,
    REASON_MAX,
    STREAM_ROWS_MAX,
)
from daftari.rules.imports import lifecycle, stream, views
from daftari.rules.imports.model import Import, ImportKind
from daftari.rules.imports.rejects import NAMELESS, TYPES, name_rejects, write_rejects
from daftari.rules.imports.request import ImportRequest, keep_file
from daftari.sandbox.process import read_request
from daftari.web.params import Params, read_id, read_whole
from daftari.web.requests import Request
from daftari.web.responses import Response, json_response

CSV = "text/csv"
NDJSON = "application/x-ndjson"
KINDS: tuple[ImportKind, ...] = get_args(ImportKind)
COMMON_FIELDS = ("channel", "sender", "purpose", "at", "evidence")
"""Fields that apply to all opt-outs or opt-ins of a file."""
WHY_MAX = 300
"""Characters of a reason in a line of a stream; rejects have all of it."""

_encode_lines = msgspec.json.Encoder().encode_lines


# ---- a new one ----------------------------------------------------------------------------------------


def create_import(request: Request) -> Response:
    """``POST /v1/imports``: 202 once the file is in the database and the worker may begin."""
    wanted = _read_wanted(request)
    file = request.upload.file
    settings = read_request(file, request=wanted, region=request.project.region, now=request.now)
    import_id = keep_file(request.write_step, file, settings=settings)
    return request.write(lifecycle.queue_import, lambda queued: _write_import(queued, status=202), import_id=import_id)


def _read_wanted(request: Request) -> ImportRequest:
    params, upload = request.params, request.upload
    given = params.text("name")
    wanted = ImportRequest(
        name=given or upload.name or NAMELESS,
        media_type=upload.media_type,
        kind=params.choice("kind", KINDS, default=KINDS[0]),
        group=params.group_name("group"),
        mapping=_read_map(params),
        attributes=params.flag("attributes"),
        keep_ids=params.flag("keep_ids"),
        fire_triggers=params.flag("fire_triggers"),
        sheet=params.text("sheet"),
        header_row=_read_header_row(params),
        planned=params.flag("plan"),
        common=_read_common(params),
    )
    params.refuse_wrong()
    return wanted


def _read_header_row(params: Params) -> int | None:
    written = params.given("header_row")
    if written in (None, ""):
        return None
    number = read_whole(written)
    if number is None or not 0 <= number <= HEADER_ROW_MAX:
        params.problems.add("header_row", f"must be an integer between 0 and {HEADER_ROW_MAX}.")
    return number


def _read_common(params: Params) -> dict[str, Any]:
    """Members of facts; ``note`` is a short form of evidence."""
    common: dict[str, Any] = {name: value for name in COMMON_FIELDS if (value := params.given(name)) is not None}
    note = params.text("note")
    if note is not None:
        common.setdefault("evidence", note)
    if params.flag("override"):
        common["override"] = True
    return common


def _read_map(params: Params) -> dict[str, str]:
    """Fields by column: an object in JSON or in brackets, or ``Column=field``, repeated. A blank field: not used."""
    mapping: dict[str, str] = {}
    nested = params.given("map")
    if isinstance(nested, dict):
        return {column: str(field).strip() for column, field in nested.items()}
    for text in params.texts("map"):
        if text.lstrip().startswith("{"):
            try:
                found = msgspec.json.decode(text, type=dict[str, str | None])
            except msgspec.DecodeError:
                params.problems.add("map", "must be a JSON object of columns and fields.")
                continue
            mapping |= {column: field or "" for column, field in found.items()}
        elif text.strip():
            column, is_there, field = text.rpartition("=")
            if not is_there:
                params.problems.add("map", "must be a JSON object, or Column=field, once a column.")
            mapping[column] = field
    return mapping


# ---- reading ------------------------------------------------------------------------------------------


def list_imports(request: Request) -> Response:
    """``GET /v1/imports``: the newest first, from the cursor ``after`` on."""
    before, limit = read_cursor(request.params, most=IMPORTS_PER_PAGE_MAX)
    request.params.refuse_wrong()
    found = request.read(lifecycle.list_imports, before=before, limit=limit + 1)
    shown, following = cut_page(found, limit=limit, cursor_of=lambda one: one.id)
    return json_response(ImportList([views.show_import(one) for one in shown], following))


def get_import(request: Request, number: str) -> Response:
    """``GET /v1/imports/{id}``."""
    request.params.refuse_wrong()
    return _write_import(request.read(lifecycle.look_at_import, import_id=read_id(number, missing=ImportNotFound)))


def list_rows(request: Request, number: str) -> Response:
    """``GET /v1/imports/{id}/rows``: in the order of the file, from the row after ``after`` on."""
    after, limit = read_cursor(request.params, most=IMPORT_ROWS_PER_PAGE_MAX)
    request.params.refuse_wrong()
    import_id = read_id(number, missing=ImportNotFound)
    found = request.read(views.list_rows, import_id=import_id, after=after, limit=limit + 1)
    rows, following = cut_page(found, limit=limit, cursor_of=lambda row: row.row)
    return json_response(ImportRows(rows, following))


def fetch_rejects(request: Request, number: str) -> Response:
    """``GET /v1/imports/{id}/rejects``."""
    request.params.refuse_wrong()
    import_id = read_id(number, missing=ImportNotFound)
    spool, found = request.spool(lambda tx, spool: write_rejects(tx, import_id=import_id, file=spool.file))
    media_type, name = TYPES[found.settings.layout.format][0], name_rejects(found.settings)
    return Response(200, spool, media_type, (("content-disposition", f'attachment; filename="{name}"'),))


# ---- commands -----------------------------------------------------------------------------------------


def apply_import(request: Request, number: str) -> Response:
    """``POST /v1/imports/{id}/apply``."""
    return _command(request, number, lifecycle.apply_import)


def pause_import(request: Request, number: str) -> Response:
    """``POST /v1/imports/{id}/pause``."""
    return _command(request, number, lifecycle.pause_import)


def resume_import(request: Request, number: str) -> Response:
    """``POST /v1/imports/{id}/resume``."""
    return _command(request, number, lifecycle.resume_import)


def cancel_import(request: Request, number: str) -> Response:
    """``POST /v1/imports/{id}/cancel``."""
    return _command(request, number, lifecycle.cancel_import)


def undo_import(request: Request, number: str) -> Response:
    """``POST /v1/imports/{id}/undo``: its opt-outs stay, unless the request has ``opt_outs`` and a reason."""
    opt_outs = request.params.flag("opt_outs")
    reason = request.params.text("reason", most=REASON_MAX)
    return _command(request, number, lifecycle.undo_import, opt_outs=opt_outs, reason=reason)


def _command(request: Request, number: str, rule: Callable[..., Import], **values: Any) -> Response:
    request.params.refuse_wrong()
    return request.write(rule, _write_import, import_id=read_id(number, missing=ImportNotFound), **values)


def _write_import(found: Import, *, status: int = 200) -> Response:
    return json_response(ImportAnswer(views.show_import(found)), status=status)


# ---- streams --------------------------------------------------------------------------------------------


def stream_contacts(request: Request) -> Response:
    """``POST /v1/contacts/stream``: a new stream, or one that is resumed after a row whose outcome was received."""
    params = request.params
    group = params.group_name("group")
    fire_triggers = params.flag("fire_triggers")
    resume = params.whole("resume", default=0, most=ID_MAX)
    after = params.cursor("after")
    if after and not resume:
        params.problems.add("after", "is only for a stream that is resumed: send resume as well.")
    params.refuse_wrong()
    if resume:
        found = request.write_step(stream.resume_stream, import_id=resume, after=after)
    else:
        found = request.write_step(stream.begin_stream, group=group, fire_triggers=fire_triggers)
    return Response(200, ContactStream(request, found, after=after), NDJSON)


class ContactStream:
    """One call of a stream: rows in, their outcomes out. ``after``: the last row whose outcome the client has."""

    def __init__(self, request: Request, found: Import, *, after: int) -> None:
        self._request = request
        self._found = found
        self._answered = after
        self._written = found.progress.rows
        self._rows_left = STREAM_ROWS_MAX
        self._seconds = 0.0
        self._reader = stream.LineReader(found)

    def begin(self) -> bytes:
        """The id of the import, by which the stream can be resumed. Reads the rows that it has."""
        if self._written:
            self._request.read(stream.read_before, import_id=self._found.id, reader=self._reader)
        return _encode_lines([StreamBegun(self._found.id)])

    def take(self, lines: Sequence[bytes]) -> tuple[bytes, bool]:
        """The outcomes of some rows. Rows that were written before the stream broke off are only answered."""
        taken = lines[: self._rows_left]
        self._rows_left -= len(taken)
        known = min(self._written - self._answered, len(taken))
        outcomes = b""
        if known:
            rows = self._request.read(views.list_rows, import_id=self._found.id, after=self._answered, limit=known)
            outcomes = self._write_outcomes(rows)
        if taken[known:]:
            outcomes += self._write_outcomes(self._write_rows(taken[known:]))
        return outcomes, len(taken) == len(lines)

    def _write_rows(self, lines: Sequence[bytes]) -> list[views.ImportRow]:
        self._request.recheck_key()
        began = time.monotonic()
        if self._found.stored.state == "done":
            raise WrongImportState("This stream is done; begin another one.")
        chunk = self._reader.read_chunk(lines)
        rows = self._request.write_step(
            stream.write_chunk, import_id=self._found.id, chunk=chunk, seconds=round(self._seconds, 3)
        )
        self._written += len(lines)
        self._seconds = time.monotonic() - began
        return rows

    def _write_outcomes(self, rows: Iterable[views.ImportRow]) -> bytes:
        shown = [replace(row, why=row.why[:WHY_MAX]) if row.why else row for row in rows]
        self._answered += len(shown)
        return _encode_lines(shown)

    def end(self, *, whole: bool, error: DaftariError | None) -> bytes:
        """The counts of all rows; or where to resume, and why."""
        if whole and error is None:
            try:
                return _encode_lines([self._finish()])
            except DaftariError as problem:
                error = problem
        with suppress(DaftariError):
            self._request.write_step(stream.pause_stream, import_id=self._found.id)
        return _encode_lines([StreamCut(False, self._found.id, self._answered, *self._explain(error))])

    def _finish(self) -> StreamEnd:
        found = self._found
        if found.stored.state != "done":
            self._request.recheck_key()
            found = self._request.write_step(stream.end_stream, import_id=found.id)
        shown = views.show_import(found)
        return StreamEnd(True, shown.rows, shown.counts, shown.suppressed, shown.joined)

    def _explain(self, error: DaftariError | None) -> list[Any]:
        """The members of ``StreamCut`` that say why."""
        if error is None:
            return []
        body = self._request.refuse(error).body
        assert isinstance(body, bytes)
        written = msgspec.json.decode(body)
        return [written[member] for member in ("message", "error_code", "retryable", "request_id")]
