"""Says what is wrong with what is no telephone number: the end of a sentence, for people. Nothing here decides."""

from __future__ import annotations

import re

from daftari.errors import quote
from daftari.mobile.plans import as_it_stands, country_code, example_number, metadata_of, mobile_lengths, whole_lengths
from daftari.mobile.typed import Written, as_text, as_typed, has_lost_digits, is_date
from daftari.model.limits import MOBILE_TEXT_MAX

DIGITS_MIN = 6
"""Digits of each of two numbers in one text."""

_SHORT_DATE = re.compile(r"\s*\d{1,4}([-/.])\d{1,2}\1\d{1,4}(?:[T ].*)?\s*\Z", re.ASCII | re.DOTALL)
_MASKED = re.compile(r"\d[\s-]*(?:[*#•●×_]{2,}|[xX]{2,})|(?:[*#•●×_]{2,}|[xX]{2,})[\s-]*\d")
_BETWEEN = re.compile(r"[/;,|\n\r&]|:::|\b(?:or|and|au|na|ou|et|o|y|e)\b", re.IGNORECASE)
_DIGIT = re.compile(r"\d")


def explain(written: Written, region: str) -> str:
    """Why something is no telephone number, with what was written and how to write one."""
    example = f"write it like {example_number(region)}."
    if isinstance(written, str) and len(written) > MOBILE_TEXT_MAX:
        return f"is not a telephone number: it is longer than {MOBILE_TEXT_MAX} characters; {example}"
    text = as_text(written)
    if text is None:
        return f"is not a telephone number: it has a sign, a fraction or too many digits; {example}"
    why = _reason(text, region)
    return f"is not a telephone number: {quote(text)} {why}; {example}"


def _reason(text: str, region: str) -> str:
    if not _DIGIT.search(text):
        return "has no digits" if text.strip() else "is blank"
    if is_date(text) or (_SHORT_DATE.match(text) and as_typed(text) is not None):
        return "is a date"
    if _MASKED.search(text):
        return "is masked: some of its digits are hidden"
    if has_lost_digits(text):
        return "was shortened by a spreadsheet: its last digits are lost"
    parts = [part for part in _BETWEEN.split(text) if len(_DIGIT.findall(part)) >= DIGITS_MIN]
    if len(parts) > 1:
        return "holds two numbers" if len(parts) == 2 else f"holds {len(parts)} numbers"
    typed = as_typed(text)
    if typed is None:
        return "holds letters" if any(character.isalpha() for character in text) else "holds signs that no number has"
    return _count(typed, region)


def _count(typed: str, region: str) -> str:
    """How many digits there are, and how many there should be."""
    home = country_code(region)
    if typed.startswith(("+", "00")):
        digits = typed.removeprefix("+").removeprefix("00")
        number = as_it_stands(digits)
        if number is None:
            return "begins with the code of no country"
        code = str(number.country_code)
        return _compare(digits.removeprefix(code), code)
    national = typed.removeprefix(metadata_of(region).national_prefix or "")
    if typed.startswith(home):
        rest = typed.removeprefix(home)
        if len(home) > 1 or _is_nearer(len(rest), len(national), home):
            return _compare(rest, home)
    return _compare(national, home)


def _compare(national: str, code: str) -> str:
    """The digits after a country code, against those of its mobiles."""
    lengths = mobile_lengths(int(code)) or whole_lengths(int(code))
    has = len(national)
    if has in lengths or not lengths:
        return f"is no number that is in use after {code}"
    right = " or ".join(map(str, sorted(lengths)))
    wanted = f"mobiles have {right} digits after {code}, and this has {has}"
    if has < min(lengths):
        return f"is too short: {wanted}"
    return f"is too long: {wanted}" if has > max(lengths) else f"has a wrong number of digits: {wanted}"


def _is_nearer(length: int, other: int, code: str) -> bool:
    """Whether a length is nearer to that of a mobile after this code than another one is."""
    lengths = mobile_lengths(int(code)) or whole_lengths(int(code))
    return min(abs(length - right) for right in lengths) <= min(abs(other - right) for right in lengths)
