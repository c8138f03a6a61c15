"""The first record of a table: names of the columns, or people already.

No meaning of columns.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from daftari.errors import UnreadableFile
from daftari.files.record import COLUMNS_MAX, Cell

_NUMBER = re.compile(r"[+(]?[\d\s()./+-]{7,30}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]+")
_DIGITS_MIN = 7
_ONLY_COLUMN = "mobile"


def looks_like_a_person(cell: Cell) -> bool:
    """Whether a cell is, by simple looks, a telephone number or an e-mail: something that no column is called."""
    if cell is None or isinstance(cell, bool):
        return False
    text = str(cell).strip()
    if _NUMBER.fullmatch(text):
        return sum(map(str.isdigit, text)) >= _DIGITS_MIN
    return _EMAIL.fullmatch(text) is not None


def name_columns(first: Sequence[Cell]) -> tuple[tuple[str, ...], bool]:
    """The names of the columns, and whether the first record holds them.

    Raises ``UnreadableFile`` when there are too many.
    """
    refuse_columns(len(first))
    if any(map(looks_like_a_person, first)):
        if len(first) == 1:
            return (_ONLY_COLUMN,), False
        return tuple(f"column {place}" for place in range(1, len(first) + 1)), False
    names = ("" if cell is None else str(cell).strip() for cell in first)
    return tuple(name or f"column {place}" for place, name in enumerate(names, 1)), True


def refuse_columns(count: int) -> None:
    """Raise ``UnreadableFile`` when a table has more columns than are read."""
    if count > COLUMNS_MAX:
        raise UnreadableFile(f"The file has more than {COLUMNS_MAX:,} columns; leave in it only those that are needed.")
