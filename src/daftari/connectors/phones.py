"""Numbers as other systems have them, compared without a country. How one becomes E.164 is ``mobile``'s."""

from __future__ import annotations

DIGITS = 9
"""Of a subscriber's number; what stands before them is the country's code or a zero."""
DIGITS_MIN = 7
"""Of the shortest numbers."""


def find_end(phone: str | None) -> str:
    """The last nine digits of a number, by which two spellings of it are compared; blank for a shorter one."""
    digits = "".join(filter(str.isdecimal, phone or ""))
    return digits[-DIGITS:] if len(digits) >= DIGITS else ""


def may_be_same(one: str, other: str) -> bool:
    """Whether two spellings may be of one number: they have the same end, as long as the shorter one is."""
    ends = ["".join(filter(str.isdecimal, phone)).lstrip("0") for phone in (one, other)]
    length = min(DIGITS, *map(len, ends))
    return length >= DIGITS_MIN and ends[0][-length:] == ends[1][-length:]
