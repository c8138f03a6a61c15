"""Exports: the book or a group as a file, made by the worker, downloaded here."""

from __future__ import annotations

from daftari.console.languages import gettext as _
from daftari.console.page import Page
from daftari.console.pages.contacts import OFFERED_MAX
from daftari.errors import ExportNotFound
from daftari.model.exports import StoredExport
from daftari.model.limits import EXPORT_HOURS, EXPORTS_MAX, ID_MAX
from daftari.rules.contacts import groups
from daftari.rules.exports import lifecycle
from daftari.rules.exports.write import FORMATS, MEDIA_TYPES, name_file, refuse_consent_in_cards
from daftari.web.params import read_id
from daftari.web.responses import Response

SECTION = "/imports"
"""The section of the menu; they have no entry of their own."""
OPEN = ("queued", "running")


def show(page: Page) -> Response:
    """``GET /p/{project}/exports``: make one, and those that can be downloaded."""
    found = [lifecycle.show_export(one) for one in page.read(lifecycle.list_exports, after=0, limit=EXPORTS_MAX)]
    return page.show(
        "exports.html",
        section=SECTION,
        form=page.form(format=FORMATS[0], group=page.params.name("group") or ""),
        formats=FORMATS,
        exports=found[::-1],
        is_work=any(one.state in OPEN for one in found),
        hours=EXPORT_HOURS,
        groups=[one.name for one in page.read(groups.list_groups, after=0, limit=OFFERED_MAX)],
    )


def create(page: Page) -> Response:
    """``POST /p/{project}/exports/new``."""
    params = page.params
    format = params.choice("format", FORMATS, default=FORMATS[0])
    group, consent = params.name("group"), params.flag("consent")
    params.problems.read_part(lambda: refuse_consent_in_cards(format, with_consent=consent))
    params.refuse_wrong()

    def respond(_asked: StoredExport) -> Response:
        return page.done(page.link("/exports"), _("The file is being made. It can be downloaded here in a moment."))

    return page.write(lifecycle.create_export, respond, format=format, group=group, consent=consent)


def download(page: Page, number: str) -> Response:
    """``GET /p/{project}/exports/{number}/file``."""
    export_id = _read_id(number)
    spool, export = page.request.spool(lambda tx, spool: lifecycle.read_file(tx, export_id=export_id, take=spool.write))
    name = f'attachment; filename="{name_file(page.require_project().name, export)}"'
    headers = (("content-disposition", name), ("x-content-type-options", "nosniff"))
    return Response(200, spool, MEDIA_TYPES[lifecycle.format_of(export)], headers)


def delete(page: Page, number: str) -> Response:
    """``POST /p/{project}/exports/{number}/delete``."""

    def respond(_deleted: None) -> Response:
        return page.done(page.link("/exports"), _("The file is gone."))

    return page.write(lifecycle.delete_export, respond, export_id=_read_id(number))


def _read_id(number: str) -> int:
    return min(read_id(number, missing=ExportNotFound), ID_MAX)
