"""Protects spreadsheets from CSV injection: an apostrophe before a formula makes it text, and is removed on reading.

The two functions are exact inverses of each other for every text.
"""

from __future__ import annotations

import re

MADE_SAFE = frozenset("'=+-@\t\r")
"""How every text begins that may have to be made safe."""
_RUNS = re.compile(r"'*[=+\-@\t\r]")
_WAS_MADE_SAFE = re.compile(r"'+[=+\-@\t\r]")

MAY_BE_SAFE = re.compile(r"'[=+\-@\t\r]")
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
