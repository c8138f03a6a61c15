"""What every format is read into and written from: a layout, its records, and their limits.

No format, no rules of contacts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, Protocol

from msgspec import Struct

from daftari.files.contents import ColumnContents

RECORDS_PER_BATCH = 1_000
"""Records that are handed on together, at most."""
RECORD_CHARS_MAX = 1024 * 1024
"""Characters of one record: a line of a table, an object, a person's card without its pictures."""
UNREADABLE_TEXT_MAX = 1_000
"""Characters that are kept of a record that could not be read."""
COLUMNS_MAX = 1_000
"""Columns of a table."""

Format = Literal["csv", "xlsx", "ods", "vcard", "ndjson", "json"]
Cell = str | int | float | bool | None
"""Dates come as ISO text, ``2024-03-21``, or ``2024-03-21T07:06:37`` with a time."""
Values = list[Cell] | dict[str, Any]
Row = Sequence[Cell] | dict[str, Any]
"""What is written: cells in the order of the columns, an object, or the text of a card."""


class TableOptions(Struct, frozen=True):
    """What is known of where a table is before it is read.

    ``header_row``: the row with the names of the columns, as a spreadsheet numbers it; 0 when there is none.
    ``columns``: names that occur in it.
    """

    sheet: str | None = None
    header_row: int | None = None
    columns: tuple[str, ...] = ()


class Layout(Struct, frozen=True):
    """What must be known to read the very same file again, or to write another like it."""

    format: Format
    columns: tuple[str, ...]
    """As written in the header; of objects the names found in the first 1,000; none for vCard."""
    encoding: str = "utf-8"
    delimiter: str = ","
    sheet: str | None = None
    """The sheet that is read."""
    other_sheets: tuple[str, ...] = ()
    """The sheets that hold something and are not read."""
    header: bool = True
    """Whether a row holds the names of the columns."""
    header_row: int | None = None
    """Which one, as a spreadsheet numbers it; the lower one of two."""
    skipped: int | None = None
    """Rows that hold something before the first record: titles and the names of the columns."""
    contents: tuple[ColumnContents, ...] = ()
    """What the columns hold in a sample of the records; not kept."""

    @property
    def rows_above(self) -> int:
        """Filled rows before the first record."""
        return int(self.header) if self.skipped is None else self.skipped


class Record(Struct, frozen=True, gc=False):
    """One record. ``number`` counts from 1, without the header and without blank lines."""

    number: int
    values: Values | None
    """Cells in the order of the columns (tables), or an object; ``None``: it could not be read."""
    why: str | None = None
    """Why it could not be read: the end of a sentence about the record."""
    text: str | None = None
    """A card's whole text without its pictures; of an unreadable record how it begins."""


class Records(Protocol):
    """The records of a file, each time from the beginning, and how far the reading is."""

    @property
    def bytes_read(self) -> int:
        """Out of the file's size; an estimate for workbooks."""
        ...

    def __iter__(self) -> Iterator[list[Record]]:
        """Batches of at most ``RECORDS_PER_BATCH``, read as they are asked for."""
        ...


class Writer(Protocol):
    """A file that is being written. It is whole only after ``close``, which leaves the file itself open."""

    def write(self, rows: Iterable[Row]) -> None: ...

    def close(self) -> None: ...


_NAMELESS = "column "


def name_column(place: int) -> str:
    """What a column without a name is called; ``place`` counts from 1."""
    return f"{_NAMELESS}{place}"


def has_name(column: str) -> bool:
    """Whether a column has a name of its own."""
    return not column.startswith(_NAMELESS)


def is_empty(cell: Cell) -> bool:
    """Whether nothing stands in a cell."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def unreadable(number: int, why: str, text: str) -> Record:
    """A record that could not be read, with as much of it as is kept."""
    return Record(number, None, why, text[:UNREADABLE_TEXT_MAX])


def batches(records: list[Record]) -> Iterator[list[Record]]:
    """The records in lists of at most ``RECORDS_PER_BATCH``."""
    if len(records) <= RECORDS_PER_BATCH:
        if records:
            yield records
        return
    for start in range(0, len(records), RECORDS_PER_BATCH):
        yield records[start : start + RECORDS_PER_BATCH]


def as_cells(rows: Iterable[Row], *, columns: Sequence[str]) -> list[Sequence[Cell]]:
    """The rows as cells: an object's members in the order of the columns."""
    return [[row.get(name) for name in columns] if isinstance(row, dict) else row for row in rows]
