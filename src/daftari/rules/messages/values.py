"""What is filled in for a field: on one line, without characters that are not shown, and not too long. No templates."""

from __future__ import annotations

import re
import unicodedata
from itertools import takewhile

from daftari.model.contacts import AttributeValue
from daftari.model.limits import FIELD_VALUE_MAX
from daftari.rules.fields import without_invisible

_AS_IT_IS = re.compile(r"[!-~]+(?: [!-~]+)*")
_HALVES = re.compile("[\ud800-\udfff]")
_LINK = re.compile(r"https?://\S+", re.IGNORECASE)
_ZWJ = "\u200d"
_EXTENDS = re.compile("[\u200c\u200d\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")
_BLANK_BRAILLE = "\u2800"
_VIRAMA = 9
"""The combining class of signs that bind two consonants of an Indic script."""


def clean_value(value: AttributeValue, *, keeps_links: bool) -> str:
    """A value as it is filled in; empty for a blank one.

    It is trimmed; line breaks and runs of spaces become one space; control characters and others that are not shown are
    left out. It is cut to ``FIELD_VALUE_MAX`` characters, but never inside of one that is made of several, such as
    a flag. With ``keeps_links`` a link is left whole, since half of one leads nowhere.
    """
    text = value if isinstance(value, str) else _write(value)
    if len(text) > FIELD_VALUE_MAX or not _AS_IT_IS.fullmatch(text):
        text = unicodedata.normalize("NFC", " ".join(without_invisible(_HALVES.sub("", text)).split()))
        if not text.strip(_BLANK_BRAILLE):
            return ""
        if len(text) > FIELD_VALUE_MAX and not (keeps_links and _LINK.fullmatch(text)):
            text = _cut(text)
    return text


def _write(value: AttributeValue) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def _cut(text: str) -> str:
    places = range(FIELD_VALUE_MAX, 0, -1)
    end = next((place for place in places if _is_boundary(text, place)), FIELD_VALUE_MAX)
    return text[:end].rstrip()


def _is_boundary(text: str, place: int) -> bool:
    """Whether a text may be cut before the character at a place."""
    before, after = text[place - 1], text[place]
    if unicodedata.category(after).startswith("M") or _EXTENDS.match(after):
        return False
    if before == _ZWJ or unicodedata.combining(before) == _VIRAMA:
        return False
    # A flag is a pair of letters.
    return not (_is_flag_letter(after) and len([*takewhile(_is_flag_letter, reversed(text[:place]))]) % 2)


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
