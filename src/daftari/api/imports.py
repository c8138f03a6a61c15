"""The calls under ``/v1/imports``: send a file in, see what becomes of it, and say what to do with it.

This room must not know how a file is read, nor what a worker does with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, get_args

import msgspec

from daftari.errors import ImportNotFound
from daftari.files import Format
from daftari.model.limits import ID_MAX, IMPORT_ROWS_PER_PAGE_MAX, IMPORTS_PER_PAGE_MAX, REASON_MAX
from daftari.rules.imports import lifecycle, views
from daftari.rules.imports.model import Import, ImportKind
from daftari.rules.imports.rejects import write_rejects
from daftari.rules.imports.request import ImportRequest, keep_file
from daftari.sandbox import read_request
from daftari.web.params import Params, read_whole
from daftari.web.requests import Call, Handled, Reply
from daftari.web.spool import SpooledAnswer

CSV = "text/csv"
NAMELESS = "file"
"""What a file is called whose sender does not say."""
KINDS: tuple[ImportKind, ...] = get_args(ImportKind)
COMMON_FIELDS = ("channel", "sender", "purpose", "at", "evidence")
"""What may be said once for all opt-outs or opt-ins of a file."""
TYPES: dict[Format, tuple[str, str]] = {
    "csv": (CSV, "csv"),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    "ods": ("application/vnd.oasis.opendocument.spreadsheet", "ods"),
    "vcard": ("text/vcard", "vcf"),
    "ndjson": ("application/x-ndjson", "ndjson"),
    "json": ("application/json", "json"),
}
"""A format's media type, and how its files' names end."""

_encode = msgspec.json.encode


# ---- sent in ------------------------------------------------------------------------------------------


def create_import(call: Call) -> Handled:
    """``POST /v1/imports``: the file is in the database, and the worker may begin."""
    wanted = _read_wanted(call)
    file = call.upload.file
    settings = read_request(file, request=wanted, region=call.project.region, now=call.now)
    import_id = keep_file(call.write_step, file, settings=settings)
    return call.write(lifecycle.queue_import, lambda queued: (202, _write_import(queued)), import_id=import_id)


def _read_wanted(call: Call) -> ImportRequest:
    params, upload = call.params, call.upload
    given = params.text("name")
    wanted = ImportRequest(
        name=given or upload.name or NAMELESS,
        media_type=upload.media_type,
        kind=params.choice("kind", KINDS, default=KINDS[0]),
        group=params.name("group"),
        mapping=_read_map(params),
        attributes=params.flag("attributes"),
        keep_ids=params.flag("keep_ids"),
        planned=params.flag("plan"),
        common=_read_common(params),
    )
    params.refuse_wrong()
    return wanted


def _read_common(params: Params) -> dict[str, Any]:
    """Members of facts; ``note`` is evidence that is only a note."""
    common: dict[str, Any] = {name: value for name in COMMON_FIELDS if (value := params.given(name)) is not None}
    note = params.text("note")
    if note is not None:
        common.setdefault("evidence", note)
    if params.flag("override"):
        common["override"] = True
    return common


def _read_map(params: Params) -> dict[str, str]:
    """Fields by column: a JSON object, or ``Column=field``, repeated. Nothing means that a column is not used."""
    mapping: dict[str, str] = {}
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


# ---- looked at ----------------------------------------------------------------------------------------


def list_imports(call: Call) -> Handled:
    """``GET /v1/imports``: the newest first, from the cursor ``after`` on."""
    before = call.params.cursor("after")
    limit = call.params.whole("limit", default=IMPORTS_PER_PAGE_MAX, most=IMPORTS_PER_PAGE_MAX)
    call.params.refuse_wrong()
    # One more than asked for tells whether there is a next page.
    found = call.read(lifecycle.list_imports, before=before, limit=limit + 1)
    shown = found[:limit]
    following = str(shown[-1].id) if len(found) > limit else None
    return 200, _encode({"imports": [views.show_import(one) for one in shown], "next": following})


def get_import(call: Call, number: str) -> Handled:
    """``GET /v1/imports/{id}``."""
    call.params.refuse_wrong()
    return 200, _write_import(call.read(lifecycle.look_at_import, import_id=_read_id(number)))


def list_rows(call: Call, number: str) -> Handled:
    """``GET /v1/imports/{id}/rows``: in the order of the file, from the row after ``after`` on."""
    after = call.params.cursor("after")
    limit = call.params.whole("limit", default=IMPORT_ROWS_PER_PAGE_MAX, most=IMPORT_ROWS_PER_PAGE_MAX)
    call.params.refuse_wrong()
    rows = call.read(views.list_rows, import_id=_read_id(number), after=after, limit=limit + 1)
    following = str(rows[limit - 1]["row"]) if len(rows) > limit else None
    return 200, _encode({"rows": rows[:limit], "next": following})


def fetch_rejects(call: Call, number: str) -> Reply:
    """``GET /v1/imports/{id}/rejects``: spooled, so that no transaction is open while it is sent."""
    call.params.refuse_wrong()
    with ExitStack() as on_failure:
        spool = SpooledAnswer()
        on_failure.callback(spool.close)
        found = call.read(write_rejects, import_id=_read_id(number), file=spool.file)
        on_failure.pop_all()
    media_type, ending = TYPES[found.settings.layout.format]
    name = f"{_plain_name(found.settings.name)}-rejects.{ending}"
    return Reply(200, media_type, spool, (("content-disposition", f'attachment; filename="{name}"'),))


def _plain_name(name: str) -> str:
    """A file's name without its ending, in letters and digits that every system can write."""
    bare = re.sub(r"\.\w{1,6}$", "", name.strip())
    return re.sub(r"[^A-Za-z0-9]+", "-", bare).strip("-") or NAMELESS


# ---- told what to do ----------------------------------------------------------------------------------


def apply_import(call: Call, number: str) -> Handled:
    """``POST /v1/imports/{id}/apply``."""
    return _tell(call, number, lifecycle.apply_import)


def pause_import(call: Call, number: str) -> Handled:
    """``POST /v1/imports/{id}/pause``."""
    return _tell(call, number, lifecycle.pause_import)


def resume_import(call: Call, number: str) -> Handled:
    """``POST /v1/imports/{id}/resume``."""
    return _tell(call, number, lifecycle.resume_import)


def cancel_import(call: Call, number: str) -> Handled:
    """``POST /v1/imports/{id}/cancel``."""
    return _tell(call, number, lifecycle.cancel_import)


def undo_import(call: Call, number: str) -> Handled:
    """``POST /v1/imports/{id}/undo``: its opt-outs stay, unless that is asked for with a reason."""
    opt_outs = call.params.flag("opt_outs")
    reason = call.params.text("reason", most=REASON_MAX)
    return _tell(call, number, lifecycle.undo_import, opt_outs=opt_outs, reason=reason)


def _tell(call: Call, number: str, rule: Callable[..., Import], **values: Any) -> Handled:
    call.params.refuse_wrong()
    return call.write(rule, lambda told: (200, _write_import(told)), import_id=_read_id(number), **values)


def _write_import(found: Import) -> bytes:
    return _encode({"import": views.show_import(found)})


def _read_id(written: str) -> int:
    number = read_whole(written)
    if number is None or number > ID_MAX:
        raise ImportNotFound
    return number
