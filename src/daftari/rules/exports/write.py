"""Writes an export's file: chooses the rows of each format and writes all of them from one snapshot. No HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import BinaryIO

from msgspec import Struct

from daftari.errors import ValidationFailed
from daftari.files import Layout, Row, open_writer
from daftari.model.contacts import ExportFormat
from daftari.model.exports import StoredExport
from daftari.model.time import format_time
from daftari.rules.exports.lifecycle import format_of
from daftari.rules.exports.rows import COLUMNS, ExportRows, columns_of, to_cells, to_lines, to_records
from daftari.rules.exports.snapshot import Counted, walk_export
from daftari.store import Tx

FORMATS: tuple[ExportFormat, ...] = ("csv", "xlsx", "ndjson", "vcard")
ENDINGS: dict[ExportFormat, str] = {"csv": "csv", "xlsx": "xlsx", "ndjson": "ndjson", "vcard": "vcf"}
"""How the name of a file of a format ends."""
MEDIA_TYPES: dict[ExportFormat, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ndjson": "application/x-ndjson",
    "vcard": "text/vcard; charset=utf-8",
}
DATE_CHARACTERS = 10
WORKBOOK_CELL_MAX = 32_766
"""Characters that a cell of a workbook holds, one less for what makes it safe; the rest would be lost."""

Watch = Callable[[int], None]
"""Called from time to time with the number of contacts written so far; an exception from it ends the writing."""


class FileDefinition(Struct, frozen=True):
    """What a file is to hold: the whole book, or the group with this id; and the facts of the numbers or not."""

    format: ExportFormat
    group_id: int | None
    with_consent: bool


def name_file(project: str, export: StoredExport) -> str:
    """``shopify-2026-11-23.csv``: letters and digits that every system can write."""
    plain = re.sub(r"[^a-z0-9]+", "-", project.casefold()).strip("-") or "contacts"
    day = format_time(export.created_at)[:DATE_CHARACTERS]
    return f"{plain}-{day}.{ENDINGS[format_of(export)]}"


def refuse_consent_in_cards(format: ExportFormat, *, with_consent: bool) -> None:
    """Raise ``ValidationFailed`` for what an address book has no place for."""
    if format == "vcard" and with_consent:
        raise ValidationFailed({"consent": ["A vCard has no place for consent; export csv, xlsx or ndjson."]})


def write_export(tx: Tx, *, definition: FileDefinition, file: BinaryIO, watch: Watch) -> Counted:
    """Write a whole file from its beginning, since a snapshot that was lost is taken again.

    Raises ``ValidationFailed`` when the format cannot hold what is there.
    """
    file.seek(0)
    file.truncate()
    written = 0
    take = _taker(file, definition)

    def take_and_tell(rows: ExportRows) -> None:
        nonlocal written
        take.rows(rows)
        written += rows.count
        watch(written)

    try:
        counted = walk_export(
            tx, group_id=definition.group_id, with_consent=definition.with_consent, take=take_and_tell
        )
    finally:
        # Also when it is given up: a workbook that is being written has files of its own.
        take.close()
    file.flush()
    return counted


class _Taker(Struct, frozen=True):
    """Where the rows of a format go, and what ends the file."""

    rows: Callable[[ExportRows], None]
    close: Callable[[], None]


def _taker(file: BinaryIO, definition: FileDefinition) -> _Taker:
    if definition.format == "ndjson":
        # Cards are JSON already: to read and write them again would take as long as all the rest.
        return _Taker(lambda rows: _write_lines(file, rows), _nothing)
    columns = () if definition.format == "vcard" else columns_of(with_consent=definition.with_consent)
    writer = open_writer(file, layout=Layout(definition.format, columns))
    return _Taker(lambda rows: writer.write(_rows_for(definition.format, rows)), writer.close)


def _write_lines(file: BinaryIO, rows: ExportRows) -> None:
    file.write(("\n".join(to_lines(rows)) + "\n").encode())


def _nothing() -> None:
    """NDJSON has no end."""


def _rows_for(format: ExportFormat, rows: ExportRows) -> list[Row]:
    if format == "vcard":
        return list(to_records(rows))
    cells = to_cells(rows)
    if format == "xlsx":
        for row in cells:
            _refuse_long(row)
    return list(cells)


def _refuse_long(row: list[str | int | float | bool | None]) -> None:
    for cell in row:
        if isinstance(cell, str) and len(cell) > WORKBOOK_CELL_MAX:
            who = f"number {row[COLUMNS.index('mobile')]}" if row[0] is None else f"contact {row[0]}"
            said = f"The {who} needs a cell of {len(cell):,} characters, and a workbook holds"
            raise ValidationFailed({"format": [f"{said} {WORKBOOK_CELL_MAX:,} in one; export csv or ndjson."]})
