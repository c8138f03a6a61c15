"""Workbooks, XLSX and ODS, read by ``python-calamine`` and written by ``xlsxwriter``.

A sheet is in memory while it is read, so what may be opened is limited, and checked before. No meaning of
columns.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import BinaryIO

import xlsxwriter
from msgspec import Struct
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)
from xlsxwriter.exceptions import FileCreateError

from daftari.errors import UnreadableFile
from daftari.files.contents import SAMPLE_ROWS, IsTelephone
from daftari.files.csv_injection import make_plain, make_safe
from daftari.files.header import NumberedRow, Table, find_table, trimmed
from daftari.files.record import (
    RECORDS_PER_BATCH,
    Cell,
    Format,
    Layout,
    Record,
    Row,
    TableOptions,
    as_cells,
    is_empty,
    unreadable,
)
from daftari.files.words import key_of
from daftari.files.zip_bombs import refuse_bombs

SHEET_ROWS_MAX = 1_048_575
"""Rows of a sheet below its header."""
CELL_CHARS_MAX = 32_767
"""Characters that a cell of a workbook can hold."""

_EXACT_MAX = 2**53
"""Up to here a whole number is exact in a spreadsheet's cell."""

Found = int | float | str | bool | time | date | datetime | timedelta


def read_workbook_layout(path: str, *, format: Format, options: TableOptions, is_telephone: IsTelephone) -> Layout:
    """The sheet to read and its columns: the one that is asked for, or the first visible one with a telephone column.

    Raises ``UnreadableFile``, also when every visible sheet is empty.
    """
    refuse_bombs(path)
    found: list[tuple[_Sheet, Table | UnreadableFile]] = []
    for sheet, rows in _sheets(path):
        top = list(islice(_numbered_rows(rows), SAMPLE_ROWS))
        if top:
            found.append((sheet, _find_table(top, options, is_telephone)))
    sheet, table = _choose(found, options)
    if isinstance(table, UnreadableFile):
        raise table
    return Layout(
        format=format,
        columns=table.columns,
        sheet=sheet.name,
        other_sheets=tuple(other.name for other, _ in found if other is not sheet),
        header=table.header,
        header_row=table.header_row,
        skipped=table.skipped,
        contents=table.contents,
    )


def _find_table(
    rows: Sequence[NumberedRow], options: TableOptions, is_telephone: IsTelephone
) -> Table | UnreadableFile:
    """The table of a sheet, or why there is none, which does not matter if another sheet is read."""
    try:
        return find_table(rows, options=options, is_telephone=is_telephone)
    except UnreadableFile as error:
        return error


class _Sheet(Struct, frozen=True):
    """A sheet of a workbook; ``place`` counts from 1."""

    name: str
    place: int
    is_visible: bool

    def is_called(self, name: str) -> bool:
        """Whether a name is that of this sheet, in any case."""
        return self.name.strip().casefold() == name.strip().casefold()


def _choose(
    found: Sequence[tuple[_Sheet, Table | UnreadableFile]], options: TableOptions
) -> tuple[_Sheet, Table | UnreadableFile]:
    """The sheet to read of those that hold something. Raises ``UnreadableFile``."""
    names = ", ".join(repr(sheet.name) for sheet, _ in found)
    if options.sheet is not None:
        named = [one for one in found if one[0].is_called(options.sheet)]
        named = named or [one for one in found if str(one[0].place) == options.sheet.strip()]
        if named:
            return named[0]
        raise UnreadableFile(
            f"The workbook has no sheet {options.sheet!r} that is filled; there are {names or 'none'}."
        )
    visible = [one for one in found if one[0].is_visible]
    if not visible:
        raise UnreadableFile(
            f"The visible sheets of the workbook are empty; hidden are {names}. Name one to read it (sheet, --sheet)."
            if found
            else "The workbook is empty."
        )
    given = {key_of(name) for name in options.columns}
    tables = [(sheet, table) for sheet, table in visible if isinstance(table, Table)]
    fits = [one for one in tables if given and given <= {*map(key_of, one[1].columns)}]
    fits += [one for one in tables if one[1].has_mobile]
    return (fits or tables or visible)[0]


class WorkbookRecords:
    """The rows of a sheet of a workbook that was found safe when its layout was read.

    ``bytes_read`` is an estimate: a file's share by the rows that are done.
    """

    def __init__(self, path: str, *, layout: Layout) -> None:
        self._path = path
        self._layout = layout
        self._share = 0.0
        self._size = os.path.getsize(path)

    @property
    def bytes_read(self) -> int:
        return int(self._share * self._size)

    def __iter__(self) -> Iterator[list[Record]]:
        sheet = next((rows for found, rows in _sheets(self._path) if found.name == self._layout.sheet), None)
        if sheet is None:
            raise UnreadableFile(f"The workbook has no sheet {self._layout.sheet!r}.")
        rows = max(sheet.total_height, 1)
        records = self._records(sheet)
        number = 0
        while batch := list(islice(records, RECORDS_PER_BATCH)):
            number += len(batch)
            self._share = min(number / rows, 1.0)
            yield batch
        self._share = 1.0

    def _records(self, sheet: CalamineSheet) -> Iterator[Record]:
        rows = (row for _, row in islice(_numbered_rows(sheet), self._layout.rows_above, None))
        width = len(self._layout.columns)
        for number, row in enumerate(rows, 1):
            surplus = [cell for cell in row[width:] if not is_empty(cell)]
            if surplus:
                yield _surplus(number, row, width)
            else:
                del row[width:]
                row.extend([None] * (width - len(row)))
                yield Record(number, row)


def _sheets(path: str) -> Iterator[tuple[_Sheet, CalamineSheet]]:
    """The sheets with their rows, one in memory at a time."""
    try:
        with CalamineWorkbook.from_path(path) as book:
            for place, found in enumerate(book.sheets_metadata, 1):
                if found.typ == SheetTypeEnum.WorkSheet:
                    is_visible = found.visible == SheetVisibleEnum.Visible
                    yield _Sheet(found.name, place, is_visible), book.get_sheet_by_name(found.name)
    except PasswordError as error:
        raise UnreadableFile("The workbook is protected with a password; save it without one.") from error
    except (CalamineError, OSError, ValueError) as error:
        raise UnreadableFile("The workbook is damaged; save it again, or as CSV.") from error


def _numbered_rows(sheet: CalamineSheet) -> Iterator[tuple[int, list[Cell]]]:
    """The rows that are not blank, each with its number."""
    for number, found in enumerate(sheet.iter_rows(), 1):
        row = [_read_cell(cell) for cell in found]
        if not all(map(is_empty, row)):
            yield number, row


def _read_cell(found: Found) -> Cell:
    match found:
        case str():
            return make_plain(found) if found else None
        case bool() | int():
            return found
        case float():
            return int(found) if found.is_integer() and abs(found) <= _EXACT_MAX else found
        case datetime() | time():
            return found.isoformat(timespec="seconds")
        case date():
            return found.isoformat()
        case _:
            return str(found)


def _surplus(number: int, row: list[Cell], width: int) -> Record:
    cells = len(trimmed(row))
    text = "\t".join("" if cell is None else str(cell) for cell in row)
    return unreadable(number, f"has {cells} cells where the header has {width}", text)


# ---- writing ------------------------------------------------------------------------------------------


class WorkbookWriter:
    """Writes an XLSX workbook in little memory. Numbers are written as text, which no spreadsheet ruins."""

    def __init__(self, file: BinaryIO, *, layout: Layout) -> None:
        self._columns = layout.columns
        folder = tempfile.mkdtemp(prefix="daftari-workbook-")
        # The library leaves its files when it cannot finish, and a writer that is given up is not closed.
        self._remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._book = xlsxwriter.Workbook(file, {"constant_memory": True, "tmpdir": folder})
        self._begin_sheet()

    def write(self, rows: Iterable[Row]) -> None:
        for row in as_cells(rows, columns=self._columns):
            if self._next > SHEET_ROWS_MAX:
                self._begin_sheet()
            self._write_row(row)

    def close(self) -> None:
        try:
            self._book.close()
        except FileCreateError as error:
            # It stands for an OSError, such as that of a full disk.
            raise error.args[0] from error
        finally:
            self._remove()

    def _begin_sheet(self) -> None:
        self._sheet = self._book.add_worksheet()
        self._next = 0
        self._write_row(self._columns)

    def _write_row(self, row: Sequence[Cell]) -> None:
        for column, cell in enumerate(row):
            if isinstance(cell, bool):
                self._sheet.write_boolean(self._next, column, cell)
            elif cell is not None and cell != "":
                self._sheet.write_string(self._next, column, make_safe(str(cell))[:CELL_CHARS_MAX])
        self._next += 1
