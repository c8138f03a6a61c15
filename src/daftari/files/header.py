"""Finds where a table begins: which row holds the names of the columns, what stands above it, and what below.

Lists of people have titles, dates and totals above their header, headers in two rows, or none at all. No reading of
files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from daftari.errors import UnreadableFile
from daftari.files.blanks import is_blank
from daftari.files.columns import has_mobile, names_field
from daftari.files.contents import (
    ColumnContents,
    IsTelephone,
    count_contents,
    holds_telephone,
    looks_like_person,
    looks_like_telephone,
)
from daftari.files.mobiles import names_mobile, names_own_mobile
from daftari.files.record import COLUMNS_MAX, Cell, TableOptions, is_empty, name_column
from daftari.files.words import key_of

HEADER_ROWS_MAX = 30
"""Filled rows among which the header is looked for."""
_FIELDS_MIN = 2
"""Fields that a header names, with people above it."""
_ONLY_COLUMN = "mobile"

NumberedRow = tuple[int, list[Cell]]
"""A row with its number as a spreadsheet shows it, from 1."""


class Table(Struct, frozen=True):
    """How a table is laid out. ``skipped``: filled rows before the first record: titles and names of the columns."""

    columns: tuple[str, ...]
    header: bool
    header_row: int | None
    skipped: int
    contents: tuple[ColumnContents, ...] = ()

    @property
    def has_mobile(self) -> bool:
        """Whether one of the columns holds the person's number."""
        return has_mobile(self.columns, contents=self.contents)


def find_table(rows: Sequence[NumberedRow], *, options: TableOptions, is_telephone: IsTelephone) -> Table:
    """The table in the first filled rows of a file. Raises ``UnreadableFile`` when it is too wide."""
    if not rows:
        return Table((), True, None, 0)
    if options.header_row is None:
        first, last = _find_header(rows, {key_of(name) for name in options.columns})
    elif options.header_row == 0:
        first = last = -1
    else:
        first = last = _place_of(rows, options.header_row)
    below = [cells for _, cells in rows[last + 1 :]]
    if first < 0:
        width = max(len(trimmed(cells)) for cells in below)
        columns = tuple(map(name_column, range(1, width + 1)))
    else:
        header = [cells for _, cells in rows[first : last + 1]]
        columns = _names(header)
        # Names that are written as blanks at the end are those of columns, if something is in these.
        written = max(place for cells in header for place, cell in enumerate(cells, 1) if cell is not None)
        width = min(written, max((len(trimmed(cells)) for cells in below), default=0))
        columns += tuple(map(name_column, range(len(columns) + 1, width + 1)))
    refuse_columns(len(columns))
    contents = count_contents(below, width=len(columns), is_telephone=is_telephone)
    if first < 0 and len(columns) == 1 and not contents[0].are_emails:
        columns = (_ONLY_COLUMN,)
    return Table(columns, first >= 0, rows[last][0] if first >= 0 else None, last + 1, contents)


def refuse_columns(count: int) -> None:
    """Raise ``UnreadableFile`` when a table has more columns than are read."""
    if count > COLUMNS_MAX:
        raise UnreadableFile(f"The file has more than {COLUMNS_MAX:,} columns; leave in it only those that are needed.")


def trimmed(cells: Sequence[Cell]) -> list[Cell]:
    """The cells up to the last one that is not blank: beyond may be stray ones far away."""
    count = len(cells)
    while count and is_empty(cells[count - 1]):
        count -= 1
    return list(cells[:count])


def _place_of(rows: Sequence[NumberedRow], header_row: int) -> int:
    """The place of the row with this number, or of the next filled one. Raises ``UnreadableFile``."""
    for place, (number, _) in enumerate(rows):
        if number >= header_row:
            return place
    raise UnreadableFile(f"The header_row is {header_row}, but only the rows up to {rows[-1][0]} are looked at.")


def _find_header(rows: Sequence[NumberedRow], given: set[str]) -> tuple[int, int]:
    """The first and the last row of the header; -1 for the first when there are only titles above the people."""
    top = [cells for _, cells in rows]
    for place, cells in enumerate(top[:HEADER_ROWS_MAX]):
        if given & {key_of(_text(cell)) for cell in cells}:
            return place, place
    telephones = [{at for at, cell in enumerate(cells) if looks_like_telephone(cell)} for cells in top]
    follows_people = False
    for place, cells in enumerate(top[:HEADER_ROWS_MAX]):
        below = set().union(*telephones[place + 1 :])
        if any(map(looks_like_person, cells)):
            follows_people = True
        elif _is_header(cells, below, is_wide=_is_wide(top[place + 1 :]), follows_people=follows_people):
            second = top[place + 1] if place + 1 < len(top) else ()
            is_double = _is_second(cells, second, set().union(*telephones[place + 2 :]))
            return place, place + is_double
    begin = _begin_of(top)
    is_alone = len(trimmed(top[begin])) == 1 and holds_telephone(top[begin][0])
    return (-1, begin - 1) if is_alone or any(map(looks_like_person, top[begin])) else (begin, begin)


def _begin_of(top: Sequence[Sequence[Cell]]) -> int:
    """The first row that is not much narrower than the table: those above it, without people, are titles."""
    widths = [len(trimmed(cells)) for cells in top]
    counts = Counter(widths)
    usual = max((width for width in counts if counts[width] > 1), key=lambda width: width * counts[width], default=0)
    for place, cells in enumerate(top[:HEADER_ROWS_MAX]):
        if widths[place] > 1 and 2 * widths[place] > usual:
            return place
        if any(map(looks_like_person, cells)):
            break
    return 0


def _is_header(cells: Sequence[Cell], below: set[int], *, is_wide: bool, follows_people: bool) -> bool:
    """Whether a row names a column of telephones; ``below``: where telephones stand under it.

    A row that follows people, or a title with a number, must name another field too.
    """
    names = [_text(cell) for cell in cells]
    mobiles = {at for at, name in enumerate(names) if name and names_mobile(name)}
    if not mobiles or (is_wide and len(trimmed(cells)) == 1):
        return False
    if follows_people:
        return bool(mobiles & below) and sum(map(names_field, names)) >= _FIELDS_MIN
    return bool(mobiles & below) or not below


def _is_second(upper: Sequence[Cell], lower: Sequence[Cell], below: set[int]) -> bool:
    """Whether a row under a header belongs to it: it names a column of telephones, or what stands under wide cells."""
    names = [_text(cell) for cell in lower]
    if any(map(looks_like_person, lower)):
        return False
    filled = {at for at, name in enumerate(names) if name}
    gaps = {at for at in filled if is_empty(_cell(upper, at))}
    if (gaps or sum(map(names_field, names)) >= _FIELDS_MIN) and any(
        names_own_mobile(names[at]) for at in filled & below
    ):
        return True
    wide = {at for at in filled if at + 1 in gaps}
    are_words = all(name.replace(" ", "").isalpha() and not is_blank(name) for name in names if name)
    mobiles = {at for at in wide if names_mobile(_text(_cell(upper, at)))}
    return bool(mobiles & below) and filled == gaps | wide and are_words


def _names(header: Sequence[Sequence[Cell]]) -> tuple[str, ...]:
    """The names of the columns, from one row or from two."""
    *uppers, lower = ([_text(cell) for cell in cells] for cells in map(trimmed, header))
    if not uppers:
        return tuple(name or name_column(place) for place, name in enumerate(lower, 1))
    (upper,) = uppers
    width, names, above = max(len(upper), len(lower)), list[str](), ""
    for place in range(width):
        over, name = _at(upper, place), _at(lower, place)
        above = over or (above if name else "")
        known = name if lower.count(name) == 1 and names_field(name) else f"{above} {name}".strip()
        names.append(known or name_column(place + 1))
    return tuple(names)


def _is_wide(rows: Sequence[Sequence[Cell]]) -> bool:
    """Whether a row has more than one cell with something in it."""
    return any(len(trimmed(row)) > 1 for row in rows)


def _at(names: Sequence[str], place: int) -> str:
    return names[place] if place < len(names) else ""


def _cell(cells: Sequence[Cell], place: int) -> Cell:
    return cells[place] if place < len(cells) else None


def _text(cell: Cell) -> str:
    return "" if cell is None else str(cell).strip()
