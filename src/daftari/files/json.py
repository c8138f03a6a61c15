"""People as JSON: an object a line (NDJSON), or one array of objects (JSON), however long.

The array is never held: a small scanner finds where each of its elements ends. No meaning of
members.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, BinaryIO

import msgspec

from daftari.errors import UnreadableFile
from daftari.files.columns import names_field
from daftari.files.consent_columns import names_consent
from daftari.files.contents import SAMPLE_ROWS, IsTelephone, count_contents
from daftari.files.encoding import LINES_JOINED, LongLine, TextFile, repair, split_lines
from daftari.files.mobiles import names_own_mobile
from daftari.files.record import (
    COLUMNS_MAX,
    RECORD_CHARS_MAX,
    UNREADABLE_TEXT_MAX,
    Format,
    Layout,
    Record,
    Records,
    Row,
    batches,
    unreadable,
)
from daftari.model.limits import JSON_DEPTH_MAX

NAMED_RECORDS = 1_000
"""Leading records whose members' names are the columns."""

INNER_NAMES_MAX = 1_000
"""Members within members that are looked at."""
INNER_LEVELS_MAX = 3
"""Levels of members within members that are looked at."""
INNER_MEMBERS_MAX = 100
"""Members of a member; one with more is no part of a person."""
_JOINED = re.compile(r"\}\s*\{")
"""Two objects in one line."""
_TOO_LONG = f"is longer than {RECORD_CHARS_MAX:,} characters"
_BETWEEN = " \t\r\n,"
_OUTSIDE = re.compile(r'[^"{}\[\]]*+(?:"(?:[^"\\]++|\\.)*+"[^"{}\[\]]*+)*+', re.DOTALL)
"""As far as no bracket and no unfinished string comes."""
_SOMETHING = re.compile(r"\s*\S")
_VALUE = re.compile(r'(?:[^",]++|"(?:[^"\\]++|\\.)*+")++', re.DOTALL)
"""What stands between commas, a string included."""
_ARRAY_OF_OBJECTS = re.compile(r"\s*[{\]]")


def read_lines_layout(path: str, *, format: Format, encoding: str, is_telephone: IsTelephone) -> Layout:
    """The names of the members as columns, the first 1,000 of them.

    Raises ``UnreadableFile`` for JSON without an array of objects.
    """
    bare = Layout(format=format, columns=(), encoding=encoding)
    names: dict[str, None] = {}
    found: list[dict[str, Any]] = []
    records = (record for batch in open_lines(path, layout=bare) for record in batch)
    for record in islice(records, NAMED_RECORDS):
        if isinstance(record.values, dict):
            names.update(dict.fromkeys(islice(record.values, COLUMNS_MAX - len(names))))
            found.append(record.values)
        elif record.number == 1 and _JOINED.search(record.text or ""):
            raise UnreadableFile(LINES_JOINED)
    columns = (*names, *_inner_names(found, names))
    rows = ([find_member(values, name) for name in columns] for values in found[:SAMPLE_ROWS])
    contents = count_contents(rows, width=len(columns), is_telephone=is_telephone)
    return Layout(format=format, columns=columns, encoding=encoding, contents=contents)


def _inner_names(found: Iterable[dict[str, Any]], names: Container[str]) -> list[str]:
    """The paths of members within members that a field is called after, ``billing.phone``, or consent."""
    paths = dict.fromkeys(
        path
        for values in found
        for name, value in values.items()
        if not names_own_mobile(name)
        for path in _paths_in(name, value, levels=INNER_LEVELS_MAX)
    )
    return [path for path in islice(paths, INNER_NAMES_MAX) if path not in names and _names_something(path)]


def _paths_in(path: str, value: object, *, levels: int) -> Iterator[str]:
    if isinstance(value, dict) and len(value) <= INNER_MEMBERS_MAX and levels:
        for name, inner in value.items():
            yield f"{path}.{name}"
            yield from _paths_in(f"{path}.{name}", inner, levels=levels - 1)


def _names_something(path: str) -> bool:
    """Whether a path is called after a field; those of consent may be deep, as in ``subscriptions.sms.marketing``."""
    return (path.count(".") == 1 and names_field(path)) or names_consent(path)


def find_member(values: Mapping[str, Any], name: str) -> Any:
    """The member of this name, or the one that is at this path."""
    found = values.get(name)
    if found is None and "." in name:
        outer, _, inner = name.partition(".")
        within = values.get(outer)
        return find_member(within, inner) if isinstance(within, dict) else None
    return found


def open_lines(path: str, *, layout: Layout) -> Records:
    """The records of a file of either kind."""
    return (JsonRecords if layout.format == "json" else LineRecords)(path, layout=layout)


def read_object(text: str) -> dict[str, Any] | str:
    """The object that a text is, or why it is none: the end of a sentence."""
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        return f"is not JSON: {str(error).removeprefix('JSON is malformed: ')}"
    except RecursionError:
        return f"is nested deeper than {JSON_DEPTH_MAX}"
    if not isinstance(found, dict):
        return "is not an object"
    if text.count("{") + text.count("[") > JSON_DEPTH_MAX and _is_deep(found, JSON_DEPTH_MAX):
        return f"is nested deeper than {JSON_DEPTH_MAX}"
    return found


def _is_deep(value: object, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    within = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deep(part, levels - 1) for part in within)


def _record(number: int, text: str) -> Record:
    found = read_object(text)
    return unreadable(number, found, text) if isinstance(found, str) else Record(number, found)


# ---- an object a line ---------------------------------------------------------------------------------


class LineRecords:
    """The objects of an NDJSON file."""

    def __init__(self, path: str, *, layout: Layout) -> None:
        self._text = TextFile(path, encoding=layout.encoding)

    @property
    def bytes_read(self) -> int:
        return self._text.bytes_read

    def __iter__(self) -> Iterator[list[Record]]:
        number = 1
        for piece in self._text.pieces():
            if isinstance(piece, LongLine):
                records = [unreadable(number, _TOO_LONG, piece.start)]
            else:
                lines = filter(None, map(str.strip, split_lines(piece)))
                records = [_record(place, line) for place, line in enumerate(lines, number)]
            number += len(records)
            yield from batches(records)


def read_line(number: int, line: bytes) -> Record:
    """The object in one line that came by itself."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return unreadable(number, "is not UTF-8", line[:UNREADABLE_TEXT_MAX].decode(errors="replace"))
    return unreadable(number, _TOO_LONG, text) if len(text) > RECORD_CHARS_MAX else _record(number, text)


# ---- one array ----------------------------------------------------------------------------------------


class JsonRecords:
    """The objects of a JSON file: of its array, or of the one array within its object."""

    def __init__(self, path: str, *, layout: Layout) -> None:
        self._text = TextFile(path, encoding=layout.encoding)
        self._encoding = layout.encoding

    @property
    def bytes_read(self) -> int:
        return self._text.bytes_read

    def __iter__(self) -> Iterator[list[Record]]:
        scanner = ElementScanner()
        number = 1
        for text in self._text.texts():
            records = [self._record(place, item) for place, item in enumerate(scanner.scan(text), number)]
            number += len(records)
            yield from batches(records)
            if scanner.is_done:
                return
        if not scanner.is_within:
            raise UnreadableFile("The file holds no JSON array of objects.")
        yield [unreadable(number, "is cut off: the file ends before its array does", scanner.held())]

    def _record(self, number: int, item: str | LongLine) -> Record:
        if isinstance(item, LongLine):
            return unreadable(number, _TOO_LONG, repair(item.start, encoding=self._encoding))
        return _record(number, repair(item, encoding=self._encoding))


class ElementScanner:
    """Cuts a JSON text that comes in pieces into the elements of its first array of objects."""

    def __init__(self) -> None:
        self.is_done = False
        self._buffer = ""
        self._place = 0
        """In the buffer: up to here brackets are counted."""
        self._kept = 0
        """In the buffer: where the element, or what stands before it, begins."""
        self._depth = 0
        self._base: int | None = None
        """The depth within the array, once it was found."""
        self._dropping = False

    @property
    def is_within(self) -> bool:
        """Whether an array of objects was found."""
        return self._base is not None

    def held(self) -> str:
        """How the element begins that is not whole."""
        return self._buffer[self._kept : self._kept + UNREADABLE_TEXT_MAX].strip(_BETWEEN)

    def scan(self, text: str) -> Iterator[str | LongLine]:
        """The elements that end in this piece. What is neither an object nor an array is handed on like one."""
        self._buffer += text
        while not self.is_done:
            end = _outside(self._buffer, self._place)
            if end >= len(self._buffer) or self._buffer[end] == '"':
                break
            if self._base is None and self._buffer[end] == "[" and not self._may_be_array(end):
                break
            yield from self._pass_bracket(end)
        yield from self._shorten()

    def _may_be_array(self, end: int) -> bool:
        """Whether enough is there to say if this bracket opens an array of objects; if it does, it is entered."""
        if not _SOMETHING.match(self._buffer, end + 1):
            return False
        if self._depth <= 1 and _ARRAY_OF_OBJECTS.match(self._buffer, end + 1):
            self._base = self._depth + 1
            self._kept = end + 1
        return True

    def _pass_bracket(self, place: int) -> Iterator[str | LongLine]:
        opens = self._buffer[place] in "{["
        entered = self._base == self._depth + 1 and opens and self._kept == place + 1
        self._place = place + 1
        if self._base is None or entered:
            self._depth += 1 if opens else -1
            self._kept = self._place
        elif opens:
            if self._depth == self._base:
                yield from self._cut_values(place)
            self._depth += 1
        elif self._depth == self._base:
            yield from self._cut_values(place)
            self.is_done = True
        else:
            self._depth -= 1
            if self._depth == self._base:
                yield from self._cut(self._place)

    def _cut_values(self, end: int) -> Iterator[str | LongLine]:
        """The text held so far, which has neither objects nor arrays: one element between commas."""
        if self._dropping and self._buffer[self._kept :].lstrip().startswith(","):
            # What was too long has ended just where the last piece did.
            self._dropping = False
        if self._buffer[self._kept : end].strip(_BETWEEN):
            for found in _VALUE.finditer(self._buffer, self._kept, end):
                yield from self._cut(found.end())
        self._kept = end

    def _cut(self, end: int) -> Iterator[str | LongLine]:
        """The text held so far, unless it is nothing, or is too long and was reported."""
        element = self._buffer[self._kept : end].strip(_BETWEEN)
        self._kept = end
        if element and not self._dropping:
            yield element if len(element) <= RECORD_CHARS_MAX else LongLine(element[:UNREADABLE_TEXT_MAX])
        self._dropping = False

    def _last_comma(self) -> int:
        """Where the last value ends that is whole, or where what is held begins."""
        end = _outside(self._buffer, self._place)
        ends = (found.end() for found in _VALUE.finditer(self._buffer, self._kept, end))
        return max((place for place in ends if place < end), default=self._kept)

    def _shorten(self) -> Iterator[str | LongLine]:
        """Forget what was cut; and what is too long to be an element, but for whether a string is open at its end."""
        if self._depth == self._base and not self.is_done:
            comma = self._last_comma()
            yield from self._cut_values(comma)
            self._place = max(self._place, comma)
        self._buffer = self._buffer[self._kept :]
        self._place -= self._kept
        self._kept = 0
        if len(self._buffer) <= RECORD_CHARS_MAX and not self._dropping:
            return
        if self._base is not None and not self._dropping:
            yield LongLine(self._buffer[:UNREADABLE_TEXT_MAX].lstrip(_BETWEEN))
        self._dropping = self._base is not None
        tail = self._buffer[_outside(self._buffer, self._place) :]
        if tail.startswith('"'):
            backslashes = len(tail) - len(tail.rstrip("\\"))
            tail = '"' + "\\" * (backslashes % 2)
        self._buffer, self._place = tail, 0


def _outside(text: str, place: int) -> int:
    found = _OUTSIDE.match(text, place)
    return found.end() if found else place


# ---- writing ------------------------------------------------------------------------------------------


class LineWriter:
    """Writes an object a line."""

    def __init__(self, file: BinaryIO, *, layout: Layout) -> None:
        self._file = file
        self._columns = layout.columns
        self._encoder = msgspec.json.Encoder()

    def write(self, rows: Iterable[Row]) -> None:
        self._file.write(self._encoder.encode_lines(as_objects(rows, columns=self._columns)))

    def close(self) -> None:
        self._file.flush()


class JsonWriter:
    """Writes one array, an object a line."""

    def __init__(self, file: BinaryIO, *, layout: Layout) -> None:
        self._file = file
        self._columns = layout.columns
        self._encoder = msgspec.json.Encoder()
        self._before = b"[\n"

    def write(self, rows: Iterable[Row]) -> None:
        written = b",\n".join(map(self._encoder.encode, as_objects(rows, columns=self._columns)))
        if written:
            self._file.write(self._before + written)
            self._before = b",\n"

    def close(self) -> None:
        self._file.write(b"[\n]\n" if self._before == b"[\n" else b"\n]\n")
        self._file.flush()


def as_objects(rows: Iterable[Row], *, columns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """The rows as objects: cells under the names of their columns."""
    return (row if isinstance(row, dict) else dict(zip(columns, row, strict=False)) for row in rows)
