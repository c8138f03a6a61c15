"""Numbers as other systems have them, compared without a country. How one becomes E.164 is ``mobile``'s."""

from __future__ import annotations

DIGITS = 9
"""Of a subscriber's number; what stands before them is the country's code or a zero."""


def find_end(phone: str | None) -> str:
    """The last nine digits of a number, by which two spellings of it are compared; blank for a shorter one."""
    digits = "".join(filter(str.isdecimal, phone or ""))
    return digits[-DIGITS:] if len(digits) >= DIGITS else ""
