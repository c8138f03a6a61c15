"""The calls under ``/v1/exports``. Knows nothing about how a file is made or stored."""

from __future__ import annotations

from daftari.api.pagination import cut_page, read_cursor
from daftari.api.views.exports import ExportAnswer, ExportAsked, ExportDeleted, ExportList
from daftari.errors import ExportNotFound
from daftari.model.exports import StoredExport
from daftari.model.limits import EXPORTS_MAX
from daftari.rules.exports import lifecycle
from daftari.rules.exports.write import FORMATS, MEDIA_TYPES, name_file, refuse_consent_in_cards
from daftari.web.params import read_id
from daftari.web.requests import Request
from daftari.web.responses import Response, json_response


def create_export(request: Request) -> Response:
    """``POST /v1/exports``: the worker makes it."""
    params = request.params
    format = params.choice("format", FORMATS, default=FORMATS[0])
    group = params.name("group")
    consent = params.flag("consent")
    params.problems.read_part(lambda: refuse_consent_in_cards(format, with_consent=consent))
    params.refuse_wrong()
    return request.write(lifecycle.create_export, _write_created, format=format, group=group, consent=consent)


def _write_created(export: StoredExport) -> Response:
    return json_response(ExportAsked(lifecycle.show_export(export)), status=202)


def list_exports(request: Request) -> Response:
    """``GET /v1/exports``: from the cursor ``after`` on, in order of creation."""
    after, limit = read_cursor(request.params, most=EXPORTS_MAX)
    request.params.refuse_wrong()
    found = request.read(lifecycle.list_exports, after=after, limit=limit + 1)
    shown, following = cut_page(found, limit=limit, cursor_of=lambda export: export.id)
    return json_response(ExportList([lifecycle.show_export(export) for export in shown], following))


def get_export(request: Request, number: str) -> Response:
    """``GET /v1/exports/{id}``."""
    request.params.refuse_wrong()
    export = request.read(lifecycle.get_export, export_id=read_id(number, missing=ExportNotFound))
    return json_response(ExportAnswer(lifecycle.show_export(export)))


def fetch_export(request: Request, number: str) -> Response:
    """``GET /v1/exports/{id}/file``."""
    request.params.refuse_wrong()
    export_id = read_id(number, missing=ExportNotFound)
    spool, export = request.spool(lambda tx, spool: lifecycle.read_file(tx, export_id=export_id, take=spool.write))
    name = name_file(request.project.name, export)
    media_type = MEDIA_TYPES[lifecycle.format_of(export)]
    return Response(200, spool, media_type, (("content-disposition", f'attachment; filename="{name}"'),))


def delete_export(request: Request, number: str) -> Response:
    """``DELETE /v1/exports/{id}``."""
    request.params.refuse_wrong()
    return request.write(lifecycle.delete_export, _write_deleted, export_id=read_id(number, missing=ExportNotFound))


def _write_deleted(done: None) -> Response:
    return json_response(ExportDeleted())
