"""The calls under ``/v1/exports``: ask for one, see how far it is, fetch its file, delete it.

This room must not know how a file is made or kept.
"""

from __future__ import annotations

import re
from contextlib import ExitStack

import msgspec

from daftari.errors import ExportNotFound
from daftari.model.contacts import ExportFormat
from daftari.model.exports import StoredExport
from daftari.model.limits import EXPORTS_MAX, ID_MAX
from daftari.model.time import format_time
from daftari.rules.exports import lifecycle
from daftari.rules.exports.write import ENDINGS, FORMATS, MEDIA_TYPES, refuse_consent_in_cards
from daftari.web.params import read_whole
from daftari.web.requests import Call, Handled, Reply
from daftari.web.spool import SpooledAnswer

DATE_CHARACTERS = 10

_encode = msgspec.json.encode


def create_export(call: Call) -> Handled:
    """``POST /v1/exports``: the worker makes it."""
    params = call.params
    format = params.choice("format", FORMATS, default=FORMATS[0])
    group = params.name("group")
    consent = params.flag("consent")
    params.problems.read_part(lambda: refuse_consent_in_cards(format, with_consent=consent))
    params.refuse_wrong()
    return call.write(lifecycle.create_export, _write_created, format=format, group=group, consent=consent)


def _write_created(export: StoredExport) -> Handled:
    shown = lifecycle.show_export(export)
    return 202, _encode({"message": "Export requested successfully", "export": shown})


def list_exports(call: Call) -> Handled:
    """``GET /v1/exports``: from the cursor ``after`` on, in order of creation."""
    params = call.params
    after = params.cursor("after")
    limit = params.whole("limit", default=EXPORTS_MAX, most=EXPORTS_MAX)
    params.refuse_wrong()
    # One more than asked for tells whether there is a next page.
    found = call.read(lifecycle.list_exports, after=after, limit=limit + 1)
    shown = found[:limit]
    following = str(shown[-1].id) if len(found) > limit else None
    return 200, _encode({"exports": [lifecycle.show_export(export) for export in shown], "next": following})


def get_export(call: Call, number: str) -> Handled:
    """``GET /v1/exports/{id}``."""
    call.params.refuse_wrong()
    export = call.read(lifecycle.get_export, export_id=_read_id(number))
    return 200, _encode({"export": lifecycle.show_export(export)})


def fetch_export(call: Call, number: str) -> Reply:
    """``GET /v1/exports/{id}/file``: spooled, so that no transaction is open while it is sent."""
    call.params.refuse_wrong()
    export_id = _read_id(number)
    with ExitStack() as on_failure:
        spool = SpooledAnswer()
        on_failure.callback(spool.close)
        export = call.read(lifecycle.read_file, export_id=export_id, take=spool.write)
        on_failure.pop_all()
    format = lifecycle.format_of(export)
    name = _file_name(call.project.name, export, format)
    return Reply(200, MEDIA_TYPES[format], spool, (("content-disposition", f'attachment; filename="{name}"'),))


def delete_export(call: Call, number: str) -> Handled:
    """``DELETE /v1/exports/{id}``."""
    call.params.refuse_wrong()
    return call.write(lifecycle.delete_export, _write_deleted, export_id=_read_id(number))


def _write_deleted(done: None) -> Handled:
    return 200, _encode({"message": "Export deleted successfully"})


def _file_name(project: str, export: StoredExport, format: ExportFormat) -> str:
    """``shopify-2026-11-23.csv``: letters and digits that every system can write."""
    plain = re.sub(r"[^a-z0-9]+", "-", project.casefold()).strip("-") or "contacts"
    return f"{plain}-{format_time(export.created_at)[:DATE_CHARACTERS]}.{ENDINGS[format]}"


def _read_id(written: str) -> int:
    number = read_whole(written)
    if number is None or number > ID_MAX:
        raise ExportNotFound
    return number
