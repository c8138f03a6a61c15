"""The plain form of a text: typographic characters become those that GSM 7-bit has, so that more fits into a part.

A letter with an accent is never touched: a name stays as it is written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from msgspec import Struct

from daftari.rules.messages.parts import Parts, count_parts

REPLACEMENTS: Mapping[str, str] = {
    # Single quotation marks, primes, grave and acute accents that stand alone, and the apostrophe of Ngʼang’a.
    "'": "\u2018\u2019\u201a\u201b\u2032\u2035\u2039\u203a\u02bc\u0060\u00b4",
    '"': "\u201c\u201d\u201e\u201f\u2033\u2036\u00ab\u00bb\u301d\u301e\u301f",
    # Hyphens, dashes, the minus sign, and the bullets of a list.
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\u2022\u2023\u2043\u25aa\u25cf\u25e6",
    ".": "\u2024",
    "..": "\u2025",
    "...": "\u2026\u22ef",
    "/": "\u2044\u2215",
    "x": "\u00d7",
    # The no-break space, spaces of other widths, the tab.
    " ": "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
    "\n": "\v\u0085\u2028\u2029",
    # The soft hyphen, spaces without width, the mark at the beginning of a file.
    "": "\u00ad\u200b\u2060\ufeff",
}
"""What is written for each of some characters."""

_STYLED = re.compile("[\uff01-\uff5e\ufb00-\ufb06\U0001d400-\U0001d6a3\U0001d7ce-\U0001d7ffℂℊℋℌℍℎℐℑℒℓℕℙℚℛℜℝℤℨℬℭℯℰℱℳℴ]")
"""Letters, digits and signs of ASCII in full width, in bold or script, and ligatures: their plain form is NFKC."""
_REMEMBERED_MAX = 2_048


class Plain(Struct, frozen=True):
    """A text in its plain form."""

    text: str
    replaced: Mapping[str, str]
    """What was written for each character that was replaced."""
    parts: Parts
    """How it is sent."""


def make_plain(text: str, *, suffix: str = "") -> Plain:
    """A text in its plain form and normal form C; as it was, where it would take more parts than before.

    It may: an ellipsis becomes three dots, and takes three units in place of one.
    """
    text = unicodedata.normalize("NFC", text)
    before = count_parts(text, suffix=suffix)
    # Only characters that GSM 7-bit does not have are replaced.
    wanted = {found: _replacement(found) for found in before.because if found in text}
    replaced = {found: plain for found, plain in wanted.items() if plain is not None}
    if not replaced:
        return Plain(text, {}, before)
    plain = text
    for found, replacement in replaced.items():
        plain = plain.replace(found, replacement)
    plain = unicodedata.normalize("NFC", plain)
    after = count_parts(plain, suffix=suffix)
    return Plain(text, {}, before) if after.parts > before.parts else Plain(plain, replaced, after)


def is_typographic(character: str) -> bool:
    """Whether a character is replaced."""
    return _replacement(character) is not None


def replace_typographic(text: str) -> str:
    """A text with each typographic character replaced, however many parts it takes then."""
    return "".join([character if (plain := _replacement(character)) is None else plain for character in text])


@lru_cache(maxsize=_REMEMBERED_MAX)
def _replacement(found: str) -> str | None:
    for replacement, characters in REPLACEMENTS.items():
        if found in characters:
            return replacement
    plain = unicodedata.normalize("NFKC", found)
    return plain if plain != found and _STYLED.match(found) else None
