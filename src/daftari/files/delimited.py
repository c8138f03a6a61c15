"""CSV with any delimiter, as spreadsheets, shops and people write it.

Large pieces of text go through the ``csv`` module; single records are examined only where a piece is irregular. No
meaning of columns.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, dropwhile, islice, zip_longest
from operator import itemgetter
from typing import Any, BinaryIO

from daftari.errors import UnreadableFile
from daftari.files.columns import names_field
from daftari.files.contents import IsTelephone, looks_like_email, looks_like_person
from daftari.files.csv_injection import MADE_SAFE, MAY_BE_SAFE, begins_formula, make_plain, make_safe
from daftari.files.encoding import LINES_JOINED, PIECE_BYTES, LongLine, TextFile, read_sample, split_lines
from daftari.files.header import HEADER_ROWS_MAX, NumberedRow, find_table, refuse_columns
from daftari.files.record import (
    COLUMNS_MAX,
    RECORD_CHARS_MAX,
    Cell,
    Layout,
    Record,
    Row,
    TableOptions,
    as_cells,
    batches,
    unreadable,
)

DELIMITERS = (",", ";", "\t", "|")
RARE_DELIMITERS = (":", "^")
"""Only looked for when none of the others makes a table: they stand in times and in text."""
SAMPLE_RECORDS = 200
"""Leading records from which the delimiter is detected."""
RESCUE_CHARS_MAX = 32 * 1024 * 1024
"""Characters of a file that may be read again because of unterminated quotes, which then cost their own line only.
Beyond, they cost all that was read with them."""
CELL_CHARS_MAX = RECORD_CHARS_MAX
"""More than the ``csv`` module takes by default: what is known of one number, in an export's cell, may be longer."""

CELLS_PER_PIECE_MAX = 16 * 1024 * 1024
"""Cells of the lines that are read together, if each of them has a single byte."""

_NAMED_DELIMITER = re.compile(r"\ufeff?sep=([^\w\r\n\"\\ ])(?:\r\n|\n|\r|$)")
_END = "\x1e end of piece \x1e"
"""A line put after each piece: it comes back as a record of its own unless a quote is still open."""
_BROKEN_QUOTE = f"has a quote that never ends, or more than {CELL_CHARS_MAX:,} characters in a cell"
_JOINED = re.compile(r"\d{16}|\d[\d ()\-]{5,30}\d(?:\+|[\"']?[^\W\d_])|[^\W\d_][\"']?\+?\d[\d ()\-]{5,30}\d")
"""A telephone number that touches a word or another number: the end of a line was between them."""
_AGREED = 0.9
"""The share of records that must have as many cells as the first one for a delimiter to be beyond doubt."""


# ---- the layout -------------------------------------------------------------------------------------


def read_delimited_layout(path: str, *, encoding: str, options: TableOptions, is_telephone: IsTelephone) -> Layout:
    """How the table is laid out. Raises ``UnreadableFile`` for one that is too wide, or has lost its line ends."""
    sample, is_whole = read_sample(path, encoding=encoding)
    named = _NAMED_DELIMITER.match(sample)
    if named:
        sample = sample[named.end() :]
    delimiter = named[1] if named else find_delimiter(sample)
    _refuse_long_line(sample, delimiter)
    rows: list[NumberedRow] = [
        (number, [make_plain(cell) for cell in cells]) for number, cells in _sample_rows(sample, delimiter)
    ]
    if is_whole and len(rows) == 1:
        _refuse_joined_lines([str(cell) for cell in rows[0][1]], has_end=_has_ends(sample))
    table = find_table(rows, options=options, is_telephone=is_telephone)
    return Layout(
        format="csv",
        columns=table.columns,
        encoding=encoding,
        delimiter=delimiter,
        header=table.header,
        header_row=table.header_row if named is None or table.header_row is None else table.header_row + 1,
        skipped=table.skipped,
        contents=table.contents,
    )


def find_delimiter(sample: str) -> str:
    """The delimiter under which the first records agree best on how many cells they have.

    Where nothing makes a table of two columns or more, a delimiter that does not occur: the cells stay whole.
    """
    best = _best_of(DELIMITERS, sample) or _best_of(RARE_DELIMITERS, sample)
    return best or next((delimiter for delimiter in DELIMITERS if delimiter not in sample), ",")


def _best_of(delimiters: Iterable[str], sample: str) -> str | None:
    scores = {delimiter: _score(sample, delimiter) for delimiter in delimiters}
    best = max(scores, key=lambda delimiter: scores[delimiter])
    return best if scores[best] > (0.0, 0.0, 0) else None


def _score(sample: str, delimiter: str) -> tuple[float, float, int]:
    """Whether the records agree; how many cells they then have; how many of these look like a number or an e-mail.

    Where the first record does not agree with the others it may be a title, as those that follow it may be.
    """
    records = [cells for _, cells in _sample_rows(sample, delimiter)]
    people = sum(looks_like_person(cell) for record in records for cell in record)
    width = len(records[0]) if records else 0
    share = _share(records, width) if width > 1 else 0.0
    if share >= _AGREED:
        return 1.0, width, people
    wide = Counter(len(record) for record in records if len(record) > 1)
    usual = max(wide, key=lambda each: (wide[each], each)) if wide else 0
    table = [*dropwhile(lambda record: len(record) != usual, records[:HEADER_ROWS_MAX]), *records[HEADER_ROWS_MAX:]]
    if usual and _share(table, usual) >= _AGREED:
        return _AGREED, usual, people
    return share * 0.5, share * width, people if share else 0


def _share(records: Sequence[list[str]], width: int) -> float:
    """How far records have so many cells."""
    agreed = sum(len(_without_blank_tail(record, width)) <= width and len(record) > 1 for record in records)
    exact = sum(len(record) == width for record in records)
    return (agreed + exact) / (2 * len(records))


def _sample_rows(sample: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """The leading records that are not blank, each with the number of its row."""
    reader = csv.reader(split_lines(sample), delimiter=delimiter)
    rows: list[tuple[int, list[str]]] = []
    # The records before a broken one are enough.
    with suppress(csv.Error):
        filled = ((number, cells) for number, cells in enumerate(reader, 1) if any(map(str.strip, cells)))
        rows.extend(islice(filled, SAMPLE_RECORDS))
    return rows


def _refuse_long_line(sample: str, delimiter: str) -> None:
    """Raise ``UnreadableFile`` when the first line that is not blank is no record at all."""
    beginning = sample.lstrip("\r\n")[: RECORD_CHARS_MAX + 1]
    line = next(iter(split_lines(beginning)), "")
    if len(line) > RECORD_CHARS_MAX or line.count(delimiter) > COLUMNS_MAX:
        refuse_columns(line.count(delimiter) + 1)
        raise UnreadableFile(
            f"The file begins with a line of more than {RECORD_CHARS_MAX:,} characters, which is no table."
        )


def _refuse_joined_lines(cells: Sequence[str], *, has_end: bool) -> None:
    """Raise ``UnreadableFile`` when the only line of a file was several before: a header, and people in it."""
    is_joined = any(_JOINED.search(cell) for cell in cells if not looks_like_email(cell))
    if is_joined or (not has_end and names_field(cells[0]) and any(map(looks_like_person, cells))):
        raise UnreadableFile(LINES_JOINED)


def _are_filled(rows: list[list[Any]]) -> bool:
    """Whether no row is blank. Most are filled in their first cell."""
    return all(map(str.strip, map(itemgetter(0), rows))) or all(any(map(str.strip, row)) for row in rows)


def _without_blank_tail(cells: list[str], width: int) -> list[str]:
    """The cells without blank ones beyond the last column."""
    count = len(cells)
    while count > width and not cells[count - 1].strip():
        count -= 1
    return cells[:count]


# ---- reading ----------------------------------------------------------------------------------------


class DelimitedRecords:
    """The records of a table in text."""

    def __init__(self, path: str, *, layout: Layout) -> None:
        # For the whole process, which writes what it reads and reads nothing else as CSV.
        csv.field_size_limit(CELL_CHARS_MAX)
        # A wide table may have short lines, and each becomes as many cells as there are columns.
        piece_bytes = min(PIECE_BYTES, CELLS_PER_PIECE_MAX // max(1, len(layout.columns)))
        self._text = TextFile(path, encoding=layout.encoding, piece_bytes=piece_bytes)
        self._delimiter = layout.delimiter
        self._width = len(layout.columns)
        self._rows_above = layout.rows_above
        # Only for text without quotes, where a cell begins after a delimiter or a line end and nowhere else.
        before = f"[{re.escape(layout.delimiter)}\r\n]"
        formula = begins_formula(without=f"{layout.delimiter}\r\n")
        self._safe_mark = re.compile(rf"'(?:(?<={before}')|(?<=\A'))(?='*{formula})")
        self._marked = self._has_nul = False
        self._restart()

    @property
    def bytes_read(self) -> int:
        return self._text.bytes_read

    def __iter__(self) -> Iterator[list[Record]]:
        self._restart()
        rest, begun = "", False
        for piece in self._text.pieces():
            if isinstance(piece, LongLine):
                yield from batches(self._read(rest, final=True)[0])
                rest = ""
                yield [unreadable(self._next(1), f"is longer than {RECORD_CHARS_MAX:,} characters", piece.start)]
                continue
            if not begun:
                begun, piece = True, _NAMED_DELIMITER.sub("", piece, count=1)
            records, rest = self._read(rest + piece, final=False)
            yield from batches(records)
        yield from batches(self._read(rest, final=True)[0])

    def _restart(self) -> None:
        self._number = 0
        self._rows_due = self._rows_above
        self._patience = RESCUE_CHARS_MAX

    def _next(self, count: int) -> int:
        """The number of the first of the next records."""
        first = self._number + 1
        self._number += count
        return first

    def _read(self, text: str, *, final: bool) -> tuple[list[Record], str]:
        """The records of a piece, and the text from where a quote is open at its end; all of it when ``final``."""
        marked = MAY_BE_SAFE.search(text) is not None
        if marked and '"' not in text:
            text, marked = self._safe_mark.sub("", text), False
        rows = None if "\0" in text else self._plain_rows(text)
        if rows is None:
            return self._read_carefully(text, final=final, marked=marked)
        if self._rows_due:
            passed = min(self._rows_due, len(rows))
            self._rows_due -= passed
            del rows[:passed]
        if marked:
            rows = [[make_plain(cell) if cell and cell[0] == "'" else cell for cell in row] for row in rows]
        first = self._next(len(rows))
        return list(map(Record, range(first, first + len(rows)), rows)), ""

    def _plain_rows(self, text: str) -> list[list[Any]] | None:
        """The rows of a piece in which each one has a cell for each column and something in it; else ``None``."""
        try:
            rows: list[list[Any]] = list(csv.reader(chain(split_lines(text), (_END,)), delimiter=self._delimiter))
        except csv.Error:
            return None
        if rows.pop() != [_END]:
            return None
        if {*map(len, rows)} - {self._width} or not _are_filled(rows):
            return None
        return rows

    def _read_carefully(self, text: str, *, final: bool, marked: bool) -> tuple[list[Record], str]:
        """The same as ``_read``, record by record. ``marked``: some cell may have been made safe."""
        lines = list(split_lines(text))
        self._marked, self._has_nul = marked, "\0" in text
        records: list[Record] = []
        place = 0
        while place < len(lines):
            place, broken = self._read_until_broken(lines, place, records)
            if not broken:
                continue
            rest = "".join(lines[place:])
            if broken == "open" and not final and len(rest) <= RECORD_CHARS_MAX:
                return records, rest
            self._patience -= len(rest) if broken == "open" else CELL_CHARS_MAX
            records.append(unreadable(self._next(1), _BROKEN_QUOTE, lines[place]))
            self._rows_due = 0
            place = place + 1 if self._patience >= 0 else len(lines)
        return records, ""

    def _read_until_broken(self, lines: list[str], place: int, records: list[Record]) -> tuple[int, str | None]:
        """Read on from a line; where the reading ended, and what was wrong there: a quote that is open, or too long."""
        reader = csv.reader(chain(islice(lines, place, None), (_END,)), delimiter=self._delimiter)
        start = place
        try:
            for cells in reader:
                after = place + reader.line_num
                if after > len(lines):
                    return start, None if cells == [_END] else "open"
                self._take(cells, lines, start, after, records)
                start = after
        except csv.Error:
            return start, "long"
        return len(lines), None

    def _take(self, cells: list[str], lines: list[str], start: int, after: int, records: list[Record]) -> None:
        """Add the record of these cells, which stands in these lines, unless it is blank or the header."""
        if not cells or (not cells[0].strip() and not any(map(str.strip, cells))):
            return
        if self._rows_due:
            self._rows_due -= 1
            return
        width = self._width
        if len(cells) > width:
            cells = _without_blank_tail(cells, width)
        nul = self._has_nul and any("\0" in line for line in islice(lines, start, after))
        if nul or len(cells) > width:
            why = "holds a NUL character" if nul else f"has {len(cells)} cells where the header has {width}"
            records.append(unreadable(self._next(1), why, "".join(islice(lines, start, after))))
            return
        values: list[Cell] = [*map(make_plain, cells)] if self._marked else [*cells]
        if len(values) < width:
            values.extend([None] * (width - len(values)))
        records.append(Record(self._next(1), values))


# ---- writing ----------------------------------------------------------------------------------------


class DelimitedWriter:
    """Writes a table as text. An encoding that may lack a character is not kept: the file is in UTF-8 then."""

    def __init__(self, file: BinaryIO, *, layout: Layout) -> None:
        self._file = file
        self._columns = layout.columns
        self._delimiter = layout.delimiter
        encoding = layout.encoding if layout.encoding.startswith("utf-") else "utf-8-sig"
        # One for the whole file: a mark of the encoding is written once.
        self._encoder = codecs.getincrementalencoder(encoding)("replace")
        self.write([layout.columns])

    def write(self, rows: Iterable[Row]) -> None:
        cells = as_cells(rows, columns=self._columns)
        if _may_run(cells):
            cells = [[make_safe(cell) if isinstance(cell, str) else cell for cell in row] for row in cells]
        self._file.write(self._encoder.encode(self._written(cells)))

    def close(self) -> None:
        self._file.flush()

    def _written(self, rows: list[Sequence[Cell]]) -> str:
        """The rows, each with its line end. Most need no quotes, and joining is quicker than asking each cell."""
        delimiter = self._delimiter
        lines = [
            delimiter.join([cell if cell.__class__ is str else "" if cell is None else str(cell) for cell in row])
            for row in rows
        ]
        has_ends = _has_ends("".join(lines))
        for place, line in enumerate(lines):
            row = rows[place]
            if '"' in line or line.count(delimiter) != len(row) - 1 or not line or (has_ends and _has_ends(line)):
                lines[place] = self._quoted(row)
        return "\r\n".join([*lines, ""])

    def _quoted(self, row: Sequence[Cell]) -> str:
        """A row without its line end, with quotes around what needs them."""
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self._delimiter).writerow(row)
        return text.getvalue().removesuffix("\r\n")


def _has_ends(text: str) -> bool:
    return "\n" in text or "\r" in text


def _may_run(rows: list[Sequence[Cell]]) -> bool:
    """Whether some text begins as one that a spreadsheet would run. Looks at first characters, a column at a time."""
    for column in zip_longest(*rows):
        try:
            if not MADE_SAFE.isdisjoint(map(_first, filter(None, column))):
                return True
        except TypeError:
            # A number, which has no first character.
            if any(isinstance(cell, str) and cell[:1] in MADE_SAFE for cell in column):
                return True
    return False


_first = itemgetter(0)
