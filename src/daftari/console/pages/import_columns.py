"""The columns of a file that came in: what each becomes, and how the first rows would be read."""

from __future__ import annotations

import tempfile
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from daftari.console import import_words
from daftari.console.page import Page
from daftari.console.pages.contact import show_attribute
from daftari.console.pages.contacts import OFFERED_MAX
from daftari.console.pages.imports import SECTION, find_import, look_at_file, show_import
from daftari.errors import UnreadableFile, ValidationFailed
from daftari.files import TableOptions
from daftari.files.columns import ATTRIBUTES
from daftari.model.consent import CHANNELS, PURPOSES
from daftari.model.contacts import TEXT_FIELDS
from daftari.model.limits import HEADER_ROW_MAX
from daftari.rules.consent.views import CHANNEL_NAMES
from daftari.rules.contacts import groups
from daftari.rules.imports import lifecycle
from daftari.rules.imports.mapping import (
    NOTHING,
    attribute_of,
    choose_columns,
    find_remembered,
    list_columns,
    recall_columns,
)
from daftari.rules.imports.model import Import, ImportSettings, ReadChunk
from daftari.rules.imports.request import ImportRequest, fetch_file, import_settings, read_common
from daftari.sandbox.process import read_layout
from daftari.web.responses import Response

ROWS_SHOWN = 8
CELLS_SHOWN = 3
CELL_CHARS_MAX = 60
TABLES = ("csv", "xlsx", "ods")
DATE_ORDERS = ("", "day_first", "month_first")
COMMON = ("channel", "sender", "purpose", "evidence")
"""Members of facts that can be said of a whole list."""


class FirstRow(Struct, frozen=True):
    """A row as it would be: its cells in the order of the columns that are shown; or why it cannot be taken."""

    number: int
    cells: list[str]
    why: str = ""


class FirstRows(Struct, frozen=True):
    """The first rows of a file: the cells of each column as they stand there, and how the rows would be read."""

    raw: list[list[str]]
    fields: list[str]
    rows: list[FirstRow]
    error: str = ""


def show(page: Page, number: str) -> Response:
    """``GET /p/{project}/imports/{number}/columns``."""
    found = find_import(page, number)
    if not found.may_be_planned:
        return show_import(page, number) if page.refusal else page.redirect(page.link(f"/imports/{found.id}"))
    settings = found.settings
    columns = list_columns(settings)
    remembered = page.read(find_remembered, settings=settings, before=found.id)
    is_recalled = remembered is not None and remembered.settings.uses == settings.uses
    form = page.form(
        map=[column.field for column in columns],
        group=settings.group or "",
        date_order=settings.date_order or "",
        sheet=settings.layout.sheet or "",
        header_row=settings.layout.header_row or 0,
        **{name: settings.common.get(name, "") for name in COMMON},
    )
    return page.show(
        "import_columns.html",
        section=SECTION,
        found=found,
        settings=settings,
        columns=columns,
        chosen=form.values("map"),
        recognised=sum(column.field != NOTHING for column in columns),
        remembered=remembered if is_recalled else None,
        first=_read_first(page, found),
        form=form,
        is_table=settings.layout.format in TABLES,
        date_orders=DATE_ORDERS if _has_dates(settings) else (),
        channel_options=[(name, CHANNEL_NAMES[name]) for name in CHANNELS],
        purpose_options=[(name, import_words.purpose(name)) for name in PURPOSES],
        sheet_options=[(name, name) for name in (settings.layout.sheet, *settings.layout.other_sheets)],
        groups=[one.name for one in page.read(groups.list_groups, after=0, limit=OFFERED_MAX)],
    )


def choose(page: Page, number: str) -> Response:
    """``POST /p/{project}/imports/{number}/columns``: plan it so, or look at the first rows again."""
    found = find_import(page, number)
    planned = page.params.given("do") == "plan"
    settings = _read_choice(page, found)
    page.request.write_step(lifecycle.reopen_plan, import_id=found.id)
    while page.request.write_step(lifecycle.clear_plan, import_id=found.id):
        pass

    def respond(saved: Import) -> Response:
        return page.redirect(page.link(f"/imports/{saved.id}" if planned else f"/imports/{saved.id}/columns#first"))

    return page.write(lifecycle.save_columns, respond, import_id=found.id, settings=settings, planned=planned)


def _read_choice(page: Page, found: Import) -> ImportSettings:
    """The settings of an import with what was typed."""
    params, settings = page.params, found.settings
    is_list = settings.kind != "contacts"
    group = None if is_list else params.group_name("group")
    order = params.choice("date_order", ("day_first", "month_first"), default=None)
    given = {name: value for name in COMMON if is_list and (value := params.given(name)) is not None}
    header_row = params.whole("header_row", default=0, least=0, most=HEADER_ROW_MAX)
    params.refuse_wrong()
    common = (
        read_common(given, kind=settings.kind, region=settings.region, now=page.now) if is_list else settings.common
    )
    settings = replace(settings, group=group, date_order=order, common=common)
    layout = settings.layout
    sheet = str(params.given("sheet") or layout.sheet or "")
    if layout.format in TABLES and (sheet != (layout.sheet or "") or header_row != (layout.header_row or 0)):
        return _read_again(page, found, settings, TableOptions(sheet or None, header_row, ()))
    fields = params.texts("map")
    if params.given("do") == "keep":
        # All that is not used is kept.
        fields = [attribute_of(column.name) or field if field == NOTHING else field
                  for field, column in zip(fields, list_columns(settings), strict=False)]  # fmt: skip
    return choose_columns(settings, fields=fields)


def _read_again(page: Page, found: Import, settings: ImportSettings, options: TableOptions) -> ImportSettings:
    """The settings for another sheet, or another row with the names of the columns: they are found again."""
    wanted = ImportRequest(settings.name, kind=settings.kind, group=settings.group, planned=True, mapped_later=True)
    with tempfile.TemporaryFile(prefix="daftari-look-") as file:
        fetch_file(page.read_unisolated, file, import_id=found.id)
        try:
            layout = read_layout(file, name=settings.name, media_type=None, region=settings.region, options=options)
        except UnreadableFile as error:
            field = "sheet" if options.sheet != settings.layout.sheet else "header_row"
            raise ValidationFailed({field: [error.message.removeprefix(f"{settings.name}: ")]}) from None
    fresh = import_settings(wanted, layout=layout, length=settings.bytes, region=settings.region, now=page.now)
    remembered = page.read(find_remembered, settings=fresh, before=found.id)
    fresh = fresh if remembered is None else recall_columns(fresh, remembered)
    return replace(settings, layout=fresh.layout, uses=fresh.uses, attributes=fresh.attributes)


# ---- the first rows ---------------------------------------------------------------------------------------


def _read_first(page: Page, found: Import) -> FirstRows:
    """The first rows as they are, and as they would be: read as the worker reads them, and nothing is kept."""
    settings = found.settings
    try:
        chunk = look_at_file(page, found, most=ROWS_SHOWN)
    except UnreadableFile as error:
        return FirstRows([], [], [], error.message)
    if chunk is None:
        return FirstRows([], [], [])
    values: list[Any] = msgspec.msgpack.decode(chunk.values)
    raw = [_cells_of(values, place, column.name) for place, column in enumerate(list_columns(settings))]
    fields, rows = _show_contacts(chunk) if settings.kind == "contacts" else _show_facts(chunk)
    refused = [FirstRow(one.number, [], _say(one.reason, one.cell)) for one in chunk.rejects]
    return FirstRows(raw, fields, sorted([*rows, *refused], key=lambda row: row.number))


def _cells_of(values: list[Any], place: int, name: str) -> list[str]:
    """The first cells of a column."""
    found = []
    for record in values[:CELLS_SHOWN]:
        if isinstance(record, list):
            cell = record[place] if place < len(record) else None
        else:
            cell = record.get(name) if isinstance(record, dict) else None
        shown = "" if cell is None else show_attribute(cell)
        found.append(shown if len(shown) <= CELL_CHARS_MAX else f"{shown[:CELL_CHARS_MAX]}…")
    return found


def _show_contacts(chunk: ReadChunk) -> tuple[list[str], list[FirstRow]]:
    """Which fields the first contacts have, and the contacts."""
    own = [place for place, _name in enumerate(TEXT_FIELDS) if any(row.texts[place] for row in chunk.rows)]
    names = list(dict.fromkeys(name for row in chunk.rows for name in row.attributes or {}))
    in_groups: dict[int, list[str]] = {}
    for name, numbers in (*chunk.groups.items(), *chunk.repeat_groups.items()):
        for number in numbers:
            in_groups.setdefault(number, []).append(name)
    opted_out = {fact.index for fact in chunk.facts if fact.kind == "opt_out"}
    fields = ["mobile", *(TEXT_FIELDS[place] for place in own), *(f"{ATTRIBUTES}{name}" for name in names)]
    fields += ["groups"] * bool(in_groups) + ["opt_out"] * bool(opted_out)
    rows = []
    for row in chunk.rows:
        cells = [str(row.mobile), *(row.texts[place] or "" for place in own)]
        kept = row.attributes or {}
        cells += [show_attribute(kept[name]) if name in kept else "" for name in names]
        cells += [", ".join(in_groups.get(row.index, []))] * bool(in_groups)
        cells += ["✓" if row.index in opted_out else ""] * bool(opted_out)
        rows.append(FirstRow(row.index, cells))
    return fields, rows


def _show_facts(chunk: ReadChunk) -> tuple[list[str], list[FirstRow]]:
    """What would be written down for the first rows."""
    rows = [
        FirstRow(fact.index, [str(fact.mobile), fact.scope.channel or "", fact.scope.sender or "",
                              fact.scope.purpose or "", "" if fact.at is None else str(fact.at)])
        for fact in chunk.facts
    ]  # fmt: skip
    return ["mobile", "channel", "sender", "purpose", "at"], rows


def _say(reason: str, cell: str) -> str:
    said = import_words.reason(reason)
    return f"{cell}: {said}" if cell else said


def _has_dates(settings: ImportSettings) -> bool:
    """Whether dates are read from the file: of a list, or of opt-outs in a file of contacts."""
    fields = {use.field for use in settings.uses}
    return bool(fields & {"at"}) or any((field or "").startswith("opt_out") for field in fields)
