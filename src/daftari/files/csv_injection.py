"""Protects spreadsheets from CSV injection: an apostrophe before a formula makes it text, and is removed on reading.

A formula begins with one of four signs, in their full width too, also after characters that are not seen. The two
functions are exact inverses of each other for every text.
"""

from __future__ import annotations

import re

SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"
"""What a formula begins with; the full-width and small forms are the same signs to a spreadsheet."""
INVISIBLE = "".join(
    map(
        chr,
        (
            *(*range(0x21), *range(0x7F, 0xA1), 0xAD, 0x34F, 0x61C, 0x1680, *range(0x180B, 0x1810)),
            *(*range(0x2000, 0x2010), *range(0x2028, 0x2030), *range(0x205F, 0x2070)),
            *(0x3000, *range(0xFE00, 0xFE10), 0xFEFF),
        ),
    )
)
"""Spaces, controls and marks without width, which spreadsheets drop from the beginning of a cell."""

MADE_SAFE = frozenset("'" + SIGNS + INVISIBLE)
"""How every text begins that may have to be made safe."""


def begins_formula(*, without: str) -> str:
    """The pattern of how a formula begins; none of its characters is one of ``without``."""
    signs, invisible = (
        re.escape("".join(mark for mark in marks if mark not in without)) for marks in (SIGNS, INVISIBLE)
    )
    breaks = re.escape("".join(mark for mark in "\t\r" if mark not in without))
    return f"(?:[{invisible}]*+[{signs}]" + (f"|[{breaks}])" if breaks else ")")


_FORMULA = begins_formula(without="")
_RUNS = re.compile(rf"'*{_FORMULA}")
_WAS_MADE_SAFE = re.compile(rf"'+{_FORMULA}")

MAY_BE_SAFE = re.compile(rf"'{_FORMULA}")
"""Found in every text that holds a cell which was made safe, and in few others."""


def make_safe(cell: str) -> str:
    """The cell with an apostrophe in front when a spreadsheet would run it, or when it looks as if it was made safe."""
    if cell and cell[0] in MADE_SAFE and _RUNS.match(cell):
        return "'" + cell
    return cell


def make_plain(cell: str) -> str:
    """The cell as it was before it was made safe."""
    if cell and cell[0] == "'" and _WAS_MADE_SAFE.match(cell):
        return cell[1:]
    return cell
