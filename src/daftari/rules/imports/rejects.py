"""The rejected records of an import as a file like the one that came, with one more column that says why.

Once corrected, it can be imported as it is: that column is never a field. No HTTP.
"""

from __future__ import annotations

import re
from typing import Any, BinaryIO

from msgspec.structs import replace

from daftari.files import Format, Layout, Row, Writer, explain_card, open_writer
from daftari.rules.imports.lifecycle import ROWS_PER_STEP, get_import, walk_rejects
from daftari.rules.imports.model import Import, ImportSettings
from daftari.store import Tx

WHY = "why"
"""What the column is called."""
TYPES: dict[Format, tuple[str, str]] = {
    "csv": ("text/csv", "csv"),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    "ods": ("application/vnd.oasis.opendocument.spreadsheet", "ods"),
    "vcard": ("text/vcard", "vcf"),
    "ndjson": ("application/x-ndjson", "ndjson"),
    "json": ("application/json", "json"),
}
"""The media type and the file extension of each format."""
NAMELESS = "file"
"""The name of a file that came without one."""
_CUT = "record"
"""In JSON: the member that holds a record which was no object."""


def write_rejects(tx: Tx, *, import_id: int, file: BinaryIO) -> Import:
    """Write the file, with its header alone if nothing was rejected. Raises ``ImportNotFound``."""
    found = get_import(tx, import_id=import_id)
    layout = _explained_layout(found.settings)
    writer = open_writer(file, layout=layout)
    waiting: list[Row] = []

    def take(number: int, why: str, record: Any) -> None:
        waiting.append(_explained(layout, record, why))
        if len(waiting) >= ROWS_PER_STEP:
            _write(writer, waiting)

    walk_rejects(tx, import_id=import_id, take=take)
    _write(writer, waiting)
    writer.close()
    return found


def name_rejects(settings: ImportSettings) -> str:
    """What the file is called: the name of the one that came, in letters, digits and hyphens."""
    bare = re.sub(r"\.\w{1,6}$", "", settings.name.strip())
    plain = re.sub(r"[^A-Za-z0-9]+", "-", bare).strip("-") or NAMELESS
    return f"{plain}-rejects.{TYPES[settings.layout.format][1]}"


def _explained_layout(settings: ImportSettings) -> Layout:
    """The layout with the column; a file of rejects that is rejected again has it once.

    Columns without names get those of their fields, by which they are found again: their cells are wrong.
    """
    layout = settings.layout
    columns = layout.columns
    if not layout.header:
        columns = tuple((use.field or use.name).replace(".", " ") for use in settings.uses)
    return replace(layout, columns=columns if WHY in columns else (*columns, WHY), header=True)


def _write(writer: Writer, waiting: list[Row]) -> None:
    writer.write(waiting)
    waiting.clear()


def _explained(layout: Layout, record: Any, why: str) -> Any:
    """A record with its reason. An unreadable one is a text, and one that names an erased number is nothing."""
    match layout.format:
        case "vcard":
            return explain_card(record, why=why) if isinstance(record, str) else {WHY: why}
        case "ndjson" | "json":
            members = record if isinstance(record, dict) else {} if record is None else {_CUT: record}
            return {**members, WHY: why}
        case _:
            cells = record if isinstance(record, list) else [record]
            return _explained_cells(layout.columns, cells, why)


def _explained_cells(columns: tuple[str, ...], cells: list[Any], why: str) -> list[Any]:
    filled = [*cells, *[None] * (len(columns) - len(cells))][: len(columns)]
    filled[columns.index(WHY)] = why
    return filled
