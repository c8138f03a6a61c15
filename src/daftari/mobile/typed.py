"""What was written, as the digits that a telephone's keys would have sent. Nothing here knows numbering plans."""

from __future__ import annotations

import re
from unicodedata import decimal

from daftari.model.limits import MOBILE_TEXT_MAX

Written = str | int | float
"""A number as a text, or as JSON and spreadsheets hold it."""

_DROPPED = (
    "\t \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"  # spaces
    "-\u00ad\u058a\u05be\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2e3a\u2e3b\u30fc\ufe58\ufe63\uff0d"  # dashes
    ".\u00b7\u2024\uff0e()[]\uff08\uff09\uff3b\uff3d/\uff0f"  # dots, brackets, slashes
    "'\u2018\u2019\u02bc"  # apostrophes: a spreadsheet keeps a leading zero with one
    "\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\ufeff"  # invisible marks that come with a copy
    "\u2060\u2061\u2062\u2063\u2064\u2065\u2066\u2067\u2068\u2069"
)
_PLUSES = "\uff0b\ufe62"
_KEYS: dict[int, str | None] = {
    **dict.fromkeys(map(ord, _DROPPED)),
    **dict.fromkeys(map(ord, _PLUSES), "+"),
    **{ord(kept): kept for kept in "+0123456789"},  # known to the table: a miss costs more than a hit
}

_YEAR, _MONTH, _DAY = r"(?:19|20)\d\d", r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
_DATES = rf"{_YEAR}(?P<first>[-/.]){_MONTH}(?P=first){_DAY}|{_DAY}(?P<second>[-/.]){_DAY}(?P=second){_YEAR}"
_DATE = re.compile(rf"\s*(?:{_DATES})(?:[T ]+\d\d?:\d\d.*)?\s*\Z", re.ASCII | re.DOTALL)
_POINT_ZERO = re.compile(r"\s*(\+?\d{6,})\.0{1,2}\s*\Z", re.ASCII)
_EXPONENT = re.compile(r"\s*(\+?)(\d)(?:[.,](\d+))?[Ee]\+?(\d{1,2})\s*\Z", re.ASCII)
_IS_SPECIAL = re.compile(rf"{_DATE.pattern}|{_POINT_ZERO.pattern}", re.ASCII | re.DOTALL)


def is_date(text: str) -> bool:
    """Whether a text is a day with its year: its digits are those of a telephone somewhere."""
    return _DATE.match(text) is not None


def has_lost_digits(text: str) -> bool:
    """Whether a spreadsheet shortened a number to 2.5472E+11."""
    return _EXPONENT.match(text) is not None and _whole(text) is None


def as_text(written: Written) -> str | None:
    """A number of JSON is its digits; ``None`` for one that has a fraction or too many. A boolean is none."""
    if isinstance(written, str):
        return str(written)
    if isinstance(written, bool) or not 0 <= written < 10**MOBILE_TEXT_MAX or written % 1:
        return None
    return str(int(written))


def as_pressed(text: str) -> str | None:
    """A text without what may stand between digits; ``None`` for one that is read with more care."""
    return None if len(text) > MOBILE_TEXT_MAX or _IS_SPECIAL.match(text) else text.translate(_KEYS)


def as_typed(text: str) -> str | None:
    """ASCII digits, after a ``+`` if there was one; ``None`` for what is no number."""
    if len(text) > MOBILE_TEXT_MAX or is_date(text):
        return None
    typed = (_whole(text) or text.strip()).translate(_KEYS)
    digits = typed.removeprefix("+")
    if not digits.isdecimal():
        return None
    if digits.isascii():
        return typed
    return typed[: len(typed) - len(digits)] + "".join(str(decimal(digit)) for digit in digits)


def _whole(text: str) -> str | None:
    """The digits of 254722000000.0, and of 2.54722000346E+11 if it has all of them."""
    if found := _POINT_ZERO.match(text):
        return found[1]
    found = _EXPONENT.match(text)
    if found is None or len(found[3] or "") != int(found[4]):
        return None
    return f"{found[1]}{found[2]}{found[3] or ''}"
