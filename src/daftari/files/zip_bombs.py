"""What a workbook's zip really holds, found out before anything opens it: bytes, cells and text.

Directories of zips can lie and small sheets can stand for billions of cells, so every entry is inflated in pieces and
the sheets are counted as they go by. No meaning of cells.
"""

from __future__ import annotations

import codecs
import re
import struct
import zipfile
import zlib
from array import array
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import chain
from typing import BinaryIO
from xml.parsers import expat

from daftari.errors import UnreadableFile
from daftari.files.record import COLUMNS_MAX

WORKBOOK_BYTES_MAX = 128 * 1024 * 1024
"""Bytes of a workbook when it is unpacked."""
ENTRIES_MAX = 1_000
"""Files in a workbook's zip."""
RATIO_MAX = 500
"""How many times larger than its zip a workbook of more than ``SMALL_BYTES`` may be."""
SMALL_BYTES = 16 * 1024 * 1024
CELLS_MAX = 500_000
"""Cells of all sheets, counted as the rectangles that hold them: each takes 100 to 130 bytes when it is read."""
MARKUP_MAX = 5_000_000
"""Beginnings and ends of elements in all files of a workbook: each takes part of a microsecond to count."""
TOKEN_BYTES_MAX = 256 * 1024
"""Bytes of one tag or comment. The XML parser begins such a thing again with each piece that comes."""
REFERENCE_DIGITS_MAX = 10
"""Digits of the place of a shared text."""
SHEET_TEXT_MAX = 16 * 1024 * 1024
"""Characters of all cells, a text that is shared by several counted for each."""

_PIECE_BYTES = 64 * 1024
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_REFERENCE = re.compile(r"\$?([A-Z]{1,9})\$?(\d{1,18})")
_SHEET = re.compile(rb"sheetData|table-row")
_LOCAL_MAGIC = b"PK\x03\x04"


def refuse_bombs(path: str) -> None:
    """Raise ``UnreadableFile`` when a workbook is larger than what can be read safely, or is not whole."""
    try:
        with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
            _weigh(archive, file)
    except (zipfile.BadZipFile, zlib.error, struct.error, expat.ExpatError, EOFError, ValueError, LookupError) as error:
        raise UnreadableFile("The workbook is damaged or cut off; save it again.") from error


def _weigh(archive: zipfile.ZipFile, file: BinaryIO) -> None:
    entries = archive.infolist()
    total = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if len(entries) > ENTRIES_MAX or total > WORKBOOK_BYTES_MAX or total > max(SMALL_BYTES, RATIO_MAX * packed):
        raise too_large()
    if any(entry.flag_bits & 1 for entry in entries):
        raise UnreadableFile("The workbook is protected with a password; save it without one.")
    # Counted before anything is parsed, which takes much longer.
    if sum(piece.count(b"<") for entry in entries for piece in _inflated(file, entry)) > MARKUP_MAX:
        raise too_large()
    totals = Totals()
    # Shared texts come first: the sheets refer to them.
    for entry in sorted(entries, key=lambda entry: "sharedstrings" not in entry.filename.lower()):
        _weigh_entry(_inflated(file, entry), totals, is_drawing=entry.filename.lower().endswith(".vml"))


def _weigh_entry(pieces: Iterator[bytes], totals: Totals, *, is_drawing: bool) -> None:
    """Count what an entry holds, whatever it is called: the workbook itself says which entries are sheets."""
    first = next(pieces, b"")
    if not first.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<") or is_drawing:
        # Pictures, and drawings of a kind that need not be well-formed.
        before = b""
        for piece in chain((first,), pieces):
            if _SHEET.search(before + piece):
                raise zipfile.BadZipFile
            before = piece[-32:]
        return
    parser = EntryCounter(totals).parser()
    size = 0
    for piece in chain((first,), pieces):
        size += len(piece)
        parser.Parse(piece, False)
        if size - parser.CurrentByteIndex > TOKEN_BYTES_MAX:
            raise zipfile.BadZipFile
    parser.Parse(b"", True)


def _inflated(file: BinaryIO, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of an entry, which must be as many as the directory says."""
    file.seek(entry.header_offset)
    header = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    if header[0] != _LOCAL_MAGIC or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile
    file.seek(header[-2] + header[-1], 1)
    pieces = _packed(file, entry.compress_size)
    size = 0
    for piece in _unpacked(pieces) if entry.compress_type == zipfile.ZIP_DEFLATED else pieces:
        size += len(piece)
        if size > entry.file_size:
            raise too_large()
        yield piece
    if size != entry.file_size:
        raise EOFError


def _packed(file: BinaryIO, size: int) -> Iterator[bytes]:
    while size > 0 and (piece := file.read(min(size, _PIECE_BYTES))):
        size -= len(piece)
        yield piece


def _unpacked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """What a deflated stream holds, never more at a time than one piece."""
    stream = zlib.decompressobj(-15)
    for packed in pieces:
        held: bytes | None = packed
        while held is not None and not stream.eof:
            piece = stream.decompress(held, _PIECE_BYTES)
            if piece:
                yield piece
            # Without input there may still be output waiting, as long as the last piece was full.
            held = stream.unconsumed_tail or (b"" if len(piece) == _PIECE_BYTES else None)


class Totals:
    """Cells and texts of all sheets so far, refused as soon as they are too many."""

    def __init__(self) -> None:
        self.shared = array("L")
        """How long each shared text is."""
        self._text = 0
        self._sheets: set[str] = set()
        self._area = 0
        """Cells of the sheets before this one."""
        self._rectangle: tuple[int, int, int, int] | None = None
        """First and last row, first and last column of this sheet."""

    def begin_sheet(self) -> None:
        if self._rectangle:
            top, bottom, left, right = self._rectangle
            self._area += (bottom - top + 1) * (right - left + 1)
        self._rectangle = None

    def add_sheet(self, place: str) -> None:
        """Count a sheet that is kept at this place. None is kept where another one is: each is read in turn."""
        if place in self._sheets:
            raise zipfile.BadZipFile
        self._sheets.add(place)

    def add_cell(self, row: int, column: int) -> None:
        """Let the sheet's rectangle hold this cell too."""
        held = self._rectangle
        if held is None or not (held[0] <= row <= held[1] and held[2] <= column <= held[3]):
            self.add_cells((row, row), (column, column))

    def add_cells(self, rows: tuple[int, int], columns: tuple[int, int]) -> None:
        """Let the sheet's rectangle hold these cells too."""
        top, bottom, left, right = self._rectangle or (*rows, *columns)
        widened = (min(top, rows[0]), max(bottom, rows[1]), min(left, columns[0]), max(right, columns[1]))
        if widened == self._rectangle:
            return
        top, bottom, left, right = self._rectangle = widened
        if self._area + (bottom - top + 1) * (right - left + 1) > CELLS_MAX:
            raise too_many_cells()

    def add_text(self, chars: int) -> None:
        self._text += chars
        if self._text > SHEET_TEXT_MAX:
            raise UnreadableFile(
                f"The workbook holds more than {SHEET_TEXT_MAX:,} characters, too many to open; save it as CSV."
            )

    def add_shared(self) -> None:
        self.shared.append(0)
        if len(self.shared) > CELLS_MAX:
            raise too_many_cells()


class EntryCounter:
    """Counts cells and texts of one entry, of either format, as its XML goes by."""

    def __init__(self, totals: Totals) -> None:
        totals.begin_sheet()
        self._totals = totals
        self._row = self._column = 0
        self._in_shared = self._refers = self._cell_refers = False
        self._reference = ""
        self._row_repeats = 1
        self._cell_repeats = self._cell_text = self._row_width = self._row_filled = self._row_text = 0
        self._in_table = self._holds = False
        self._starts: dict[str, Callable[[dict[str, str]], None]] = {
            "sheet": self._start_sheet,
            "Relationship": self._start_relationship,
            "row": self._start_row,
            "c": self._start_cell,
            "v": self._start_value,
            "is": self._start_value,
            "si": self._start_shared,
            "table": self._start_table,
            "table-row": self._start_table_row,
            "table-cell": self._start_table_cell,
            "covered-table-cell": self._start_table_cell,
            "s": self._start_spaces,
        }
        self._ends: dict[str, Callable[[], None]] = {
            "v": self._end_value,
            "si": self._end_shared,
            "table-cell": self._end_table_cell,
            "covered-table-cell": self._end_table_cell,
            "table-row": self._end_table_row,
        }

    def parser(self) -> expat.XMLParserType:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._refuse_definitions
        return parser

    # ---- parser events

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        handler = self._starts.get(name) or self._starts.get(name.rpartition(":")[2])
        if handler is not None:
            handler(attributes)

    def _end(self, name: str) -> None:
        handler = self._ends.get(name) or self._ends.get(name.rpartition(":")[2])
        if handler is not None:
            handler()

    def _characters(self, data: str) -> None:
        if self._refers:
            self._reference += data.strip()
            if len(self._reference) > REFERENCE_DIGITS_MAX:
                raise zipfile.BadZipFile
        elif self._in_table:
            self._cell_text += len(data)
        else:
            if self._in_shared:
                self._totals.shared[-1] += len(data)
            self._totals.add_text(len(data))

    def _refuse_definitions(self, *_: object) -> None:
        raise zipfile.BadZipFile

    # ---- XLSX

    def _start_sheet(self, attributes: dict[str, str]) -> None:
        for name, value in attributes.items():
            if name.endswith(":id"):
                self._totals.add_sheet(f"id {value}")

    def _start_relationship(self, attributes: dict[str, str]) -> None:
        if attributes.get("Type", "").endswith("/worksheet"):
            # The folder may be written in several ways.
            self._totals.add_sheet(f"file {attributes.get('Target', '').rpartition('/')[2].casefold()}")

    def _start_row(self, attributes: dict[str, str]) -> None:
        self._row = int(attributes.get("r", self._row + 1))
        self._column = 0

    def _start_cell(self, attributes: dict[str, str]) -> None:
        written = _REFERENCE.fullmatch(attributes.get("r", ""))
        if written:
            self._row, self._column = int(written[2]), _column_number(written[1])
        else:
            self._column += 1
        self._cell_refers = attributes.get("t") == "s"

    def _start_value(self, _: dict[str, str]) -> None:
        """A cell that holds something, as those that are only coloured do not."""
        self._refers = self._cell_refers
        self._totals.add_cell(self._row, self._column)

    def _end_value(self) -> None:
        if self._refers:
            self._totals.add_text(self._totals.shared[int(self._reference)])
            self._refers, self._reference = False, ""

    def _start_shared(self, _: dict[str, str]) -> None:
        self._in_shared = True
        self._totals.add_shared()

    def _end_shared(self) -> None:
        self._in_shared = False

    # ---- ODS

    def _start_table(self, _: dict[str, str]) -> None:
        self._totals.begin_sheet()
        self._row = 0

    def _start_table_row(self, attributes: dict[str, str]) -> None:
        self._row_repeats = int(attributes.get("table:number-rows-repeated", 1))
        self._row_width = self._row_filled = self._row_text = 0

    def _start_table_cell(self, attributes: dict[str, str]) -> None:
        self._cell_repeats = int(attributes.get("table:number-columns-repeated", 1))
        self._cell_text = 0
        self._in_table = True
        self._holds = "office:value-type" in attributes

    def _start_spaces(self, attributes: dict[str, str]) -> None:
        self._cell_text += int(attributes.get("text:c", 1))

    def _end_table_cell(self) -> None:
        self._row_width += self._cell_repeats
        if self._holds or self._cell_text:
            self._row_filled = self._row_width
            self._row_text += self._cell_text * self._cell_repeats
        self._in_table = False

    def _end_table_row(self) -> None:
        first, last = self._row + 1, self._row + self._row_repeats
        self._row = last
        if self._row_filled:
            self._totals.add_cells((first, last), (1, self._row_filled))
            self._totals.add_text(self._row_text * self._row_repeats)


@lru_cache(maxsize=COLUMNS_MAX)
def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def too_large() -> UnreadableFile:
    return UnreadableFile("The workbook is too large to be opened safely; save it as CSV.")


def too_many_cells() -> UnreadableFile:
    return UnreadableFile(f"The workbook has more than {CELLS_MAX:,} cells, which is too many to open; save it as CSV.")
