"""What stands in the columns of a file, counted in a sample of its rows: telephones, e-mails, names and other things.

Only counts are kept, no cells. No names of columns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

from msgspec import Struct

from daftari.files.blanks import is_blank
from daftari.files.letters import word_set

SAMPLE_ROWS = 200
"""Rows from which columns are judged."""
TELEPHONE_TESTS_MAX = 5_000
"""Cells of one table that are tested as telephone numbers; the later ones are judged by their looks."""
IsTelephone = Callable[[Any], bool]
"""Whether a text or a whole number is a telephone number."""


_NUMBER = re.compile(r"[+(\uff0b]{0,2}\d[\d\s().\-/\u00a0\u2010-\u2015]{5,30}")
_DATE = re.compile(
    r"(?:(?:19|20)\d\d([-/.])\d\d?\1\d\d?|\d\d?([-/.])\d\d?\2(?:19|20)?\d\d)(?:[T\s].*)?|\d\d?:\d\d(?::\d\d.*)?",
    re.DOTALL,
)
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]+")
_NAME = re.compile(r"[^\W\d_][^\W\d_]*(?:['\u2019.\-][^\W\d_]*)*")
_PART = re.compile(r"[+\uff0b]?\d[\d \-().\u00a0]{5,18}\d")
_MASKED = re.compile(r"\+?\d{2,7}[*x\u2022#]{2,8}\d{2,4}(?:\s*-.*)?", re.IGNORECASE)
"""As statements show numbers: ``2547****802 - JOHN OUMA``."""
_BEGINNINGS = frozenset("+(='\uff0b")
"""How a number may begin, other than with a digit."""
_ANSWERS = word_set("yes no y n true false oui non sim não nao sí si ndiyo hapana نعم لا አዎ አይ on off")
_DIGITS_MIN, _DIGITS_MAX = 7, 15
_CELL_CHARS_MAX = 200
_EMAIL_CHARS_MAX = 400
_NAME_WORDS_MAX = 6


_VALUE_MEMBERS = ("value", "number", "phone", "mobile", "email", "address", "displayName", "formatted", "name", "text")
"""Members in which objects of other systems hold their value."""


class ColumnContents(Struct, frozen=True, array_like=True, gc=False):
    """What the cells of a column are, as counts."""

    filled: int = 0
    """Cells that hold something."""
    telephones: int = 0
    plain: int = 0
    """Those of them that begin with the number."""
    whole: int = 0
    """Those of these that are written as people dial them: with the zero or the code of the country in front."""
    with_digits: int = 0
    """Cells with so many digits that a telephone number may be among them."""
    answers: int = 0
    """Cells that say yes or no."""
    emails: int = 0
    names: int = 0
    """Cells with nothing but words."""
    full_names: int = 0
    """Those with two words or more."""
    different: int = 0
    """How many different cells there are."""

    @property
    def are_telephones(self) -> bool:
        """Whether most cells are telephone numbers."""
        return 2 * self.telephones >= self.filled > 0

    @property
    def are_plainly_telephones(self) -> bool:
        """Whether most cells by far begin with one, and none is repeated all the time."""
        return 3 * self.plain >= 2 * self.filled > 0 and 2 * self.different > self.filled

    @property
    def are_whole_telephones(self) -> bool:
        """The same, with the zero or the code of the country: other numbers have no such look."""
        return self.are_plainly_telephones and 3 * self.whole >= 2 * self.filled

    @property
    def are_emails(self) -> bool:
        return 2 * self.emails > self.filled

    @property
    def are_answers(self) -> bool:
        return 10 * self.answers >= 8 * self.filled > 0

    @property
    def are_names(self) -> bool:
        return 10 * self.names >= 8 * self.filled > 0

    @property
    def are_full_names(self) -> bool:
        return self.are_names and 2 * self.full_names >= self.filled


def looks_like_telephone(cell: object) -> bool:
    """Whether a cell is, by simple looks, a telephone number."""
    if isinstance(cell, bool) or not isinstance(cell, str | int):
        return False
    text = cell[:_CELL_CHARS_MAX].strip() if isinstance(cell, str) else str(cell)
    if not _NUMBER.fullmatch(text) or _DATE.fullmatch(text):
        return False
    return _DIGITS_MIN <= sum(map(str.isdigit, text)) <= _DIGITS_MAX


def looks_like_email(cell: object) -> bool:
    """Whether a cell is, by simple looks, an e-mail address."""
    return isinstance(cell, str) and len(cell) <= _EMAIL_CHARS_MAX and _EMAIL.fullmatch(cell.strip()) is not None


def looks_like_person(cell: object) -> bool:
    """Whether a cell is an e-mail address, or begins with a telephone number: something that no column is called."""
    if looks_like_telephone(cell) or looks_like_email(cell):
        return True
    return isinstance(cell, str) and _begins_number(cell.strip()) and _holds_telephone(cell, looks_like_telephone)


def holds_telephone(cell: object) -> bool:
    """Whether a cell is, by simple looks, a telephone number next to a name."""
    return isinstance(cell, str) and _holds_telephone(cell.strip(), looks_like_telephone)


def count_contents(
    rows: Iterable[Sequence[object]], *, width: int, is_telephone: IsTelephone
) -> tuple[ColumnContents, ...]:
    """What each of so many columns holds in these rows."""
    columns: list[list[object]] = [[] for _ in range(width)]
    for row in islice(rows, SAMPLE_ROWS):
        for column, cell in zip(columns, row, strict=False):
            if not is_blank(cell):
                column.append(cell)
    left = TELEPHONE_TESTS_MAX
    found: list[ColumnContents] = []
    for column in columns:
        found.append(_count(column, is_telephone if left > 0 else looks_like_telephone))
        left -= len(column)
    return tuple(found)


def _count(cells: Sequence[object], is_telephone: IsTelephone) -> ColumnContents:
    texts = [cell.strip() if isinstance(cell, str) else cell for cell in map(plain_value, cells)]
    words = [text.split() for text in texts if isinstance(text, str) and len(text) <= _CELL_CHARS_MAX]
    names = [some for some in words if len(some) <= _NAME_WORDS_MAX and all(map(_NAME.fullmatch, some))]
    telephones = [text for text in texts if _holds_telephone(text, is_telephone)]
    return ColumnContents(
        filled=len(texts),
        telephones=len(telephones),
        plain=sum(_begins_number(str(text)) for text in telephones),
        whole=sum(_begins_number(str(text)) and not _lacks_zero(str(text), is_telephone) for text in telephones),
        with_digits=sum(_count_digits(text) >= _DIGITS_MIN - 2 for text in texts),
        answers=sum(isinstance(text, bool) or str(text).casefold() in _ANSWERS for text in texts),
        emails=sum(map(looks_like_email, texts)),
        names=len(names),
        full_names=sum(len(some) > 1 for some in names),
        different=len({str(text) for text in texts}),
    )


def plain_value(cell: object) -> object:
    """The one value of a list or an object, as JSON has them: the first, and that of ``value`` or a similar member."""
    if isinstance(cell, list):
        return next((value for item in cell if not is_blank(value := plain_value(item))), None)
    if isinstance(cell, dict):
        named = (cell[name] for name in _VALUE_MEMBERS if not isinstance(cell.get(name), dict | list | None))
        return next((value for value in named if not is_blank(value)), None)
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    return cell


def _begins_number(text: str) -> bool:
    return text[:1].isdigit() or text[:1] in _BEGINNINGS


def _lacks_zero(text: str, is_telephone: IsTelephone) -> bool:
    """Whether a telephone number lost its zero, as spreadsheets write it; many other numbers look so."""
    return text.isdecimal() and text[0] != "0" and is_telephone(f"0{text}")


def _count_digits(cell: object) -> int:
    return sum(map(str.isdigit, cell[:_CELL_CHARS_MAX] if isinstance(cell, str) else str(cell)))


def _holds_telephone(cell: object, is_telephone: IsTelephone) -> bool:
    """Whether a cell is a telephone number, begins or ends with one next to a name, or is several."""
    if isinstance(cell, bool) or not isinstance(cell, str | int):
        return False
    if isinstance(cell, str) and _MASKED.fullmatch(cell):
        return True
    if _count_digits(cell) < _DIGITS_MIN:
        return False
    if isinstance(cell, int):
        return is_telephone(cell)
    text = cell.strip("'\u2018\u2019\"= ")
    if len(text) > _CELL_CHARS_MAX or _DATE.fullmatch(text):
        return False
    if is_telephone(text):
        return True
    parts = [*_PART.finditer(text)]
    at_end = parts and (parts[0].start() == 0 or parts[-1].end() == len(text))
    return bool(at_end) and any(is_telephone(part[0]) for part in parts) and _rest_is_plain(text, parts)


def _rest_is_plain(text: str, parts: Sequence[re.Match[str]]) -> bool:
    """Whether nothing but words and punctuation stands between the numbers of a text."""
    rest = _PART.sub(" ", text)
    return not any(map(str.isdigit, rest)) and len(rest.split()) <= _NAME_WORDS_MAX + len(parts)
