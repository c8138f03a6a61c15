"""How many parts an SMS takes, by GSM 03.38 and 03.40.

A phone shows parts as one text; each is paid for. No fields here: what is counted is the text that one person receives.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from daftari.model.limits import PARTS_MAX

Encoding = Literal["gsm7", "ucs2"]

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The basic character set, in the order of its codes; the escape is left out. Each takes one unit."""
EXTENSION = "\f^{}\\[~]|€"
"""The extension table: each takes two units, an escape and a code."""

GSM7_UNITS = (160, 153)
"""Septets of a message that is one part, and of each of several."""
UCS2_UNITS = (70, 67)
"""UTF-16 units of the same."""

_ALL_BASIC = re.compile(f"[{re.escape(BASIC)}]*")
_EXTENDED = re.compile(f"[{re.escape(EXTENSION)}]")
_NOT_GSM7 = re.compile(f"[^{re.escape(BASIC + EXTENSION)}]")
_ESCAPE = "\x1b"


class Parts(Struct, frozen=True, gc=False):
    """How an SMS is sent."""

    encoding: Encoding
    units: int
    """Septets of GSM 7-bit, or UTF-16 units of UCS-2."""
    parts: int
    """0 for an empty text."""
    left: int
    """Units that fit into the last part."""
    because: tuple[str, ...] = ()
    """The characters that GSM 7-bit does not have, each once, in their order; they make a message UCS-2."""

    @property
    def is_too_long(self) -> bool:
        """Whether it is not sent."""
        return self.parts > PARTS_MAX


def count_parts(text: str, *, suffix: str = "") -> Parts:
    """How a text is sent in normal form C, followed by what the provider appends.

    Parts are filled one after the other, and no character is divided between two.
    """
    whole = text + suffix
    if _ALL_BASIC.fullmatch(whole):
        return Parts("gsm7", len(whole), *_divide(len(whole), GSM7_UNITS))
    whole = unicodedata.normalize("NFC", whole)
    because = _NOT_GSM7.findall(whole)
    if not because:
        escaped = _EXTENDED.sub(rf"{_ESCAPE}\g<0>", whole)
        return Parts("gsm7", len(escaped), *_fill(len(escaped), GSM7_UNITS, lambda place: escaped[place] == _ESCAPE))
    encoded = whole.encode("utf-16-be", "surrogatepass")
    units = len(encoded) // 2
    if units == len(whole):
        return Parts("ucs2", units, *_divide(units, UCS2_UNITS), tuple(dict.fromkeys(because)))
    filled = _fill(units, UCS2_UNITS, lambda place: 0xD8 <= encoded[2 * place] <= 0xDB)
    return Parts("ucs2", units, *filled, tuple(dict.fromkeys(because)))


def has_suffix(text: str, suffix: str) -> bool:
    """Whether a text already has what the provider appends, which must not stand there twice.

    Case and spaces do not count. A suffix with a digit or a sign, such as ``STOP*456*9*5#``, is found anywhere; words
    alone, which may be part of a sentence, are found at the end.
    """
    wanted, written = ("".join(one.casefold().split()).rstrip(".!") for one in (suffix, text))
    if wanted.isalpha():
        return written.endswith(wanted)
    return bool(wanted) and wanted in written


def _divide(units: int, most: tuple[int, int]) -> tuple[int, int]:
    """Parts, and what is left of the last one, for units that may all be divided."""
    alone, each = most
    if units <= alone:
        return min(units, 1), alone - units
    return -(-units // each), -units % each


def _fill(units: int, most: tuple[int, int], begins_pair: Callable[[int], bool]) -> tuple[int, int]:
    """The same where some units must stay with the next one; ``begins_pair`` says so of a place."""
    alone, each = most
    if units <= alone:
        return _divide(units, most)
    parts, begin, end = 0, 0, 0
    while end < units:
        begin, end = end, end + each
        if end < units and begins_pair(end - 1):
            end -= 1
        parts += 1
    return parts, begin + each - units
