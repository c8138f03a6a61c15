"""Words: what is searched in a contact, folded so that spellings that people take for the same are the same.

A word is a run of letters and digits. ``docs/search.md`` says what folding does; a change of it raises ``VERSION``, so
that every index is filled again. No SQL, no HTTP.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import msgspec
from msgspec import UNSET, Struct, UnsetType

from daftari.model.contacts import AttributeValue

VERSION = 1
"""The way of folding that this version has."""
ARTICLE = "\u0627\u0644"
"""The Arabic article, which is written as one word with a name."""
NAME_MIN = 3
"""Letters of the shortest name that is found without the article before it."""

WORD = re.compile(r"[^\W_]+")
_APOSTROPHES = "'`\u00b4\u02b9\u02bb\u02bc\u02bd\u02be\u02bf\u02c8\u2018\u2019\u201b\u2032\ua78c\uff07"
"""Whatever is typed for the apostrophe of Ng'ang'a, and for the hamza and ayn of transcribed Arabic names."""
_LETTERS = {
    # Letters that Unicode does not take apart, as people type them who do not have them.
    "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ı": "i", "ŋ": "n",
    "ɓ": "b", "ɖ": "d", "ɗ": "d", "ƙ": "k", "ƴ": "y", "ɛ": "e", "ɔ": "o", "ɣ": "g", "ƒ": "f", "ʋ": "v", "ə": "e",
    # Arabic letters that stand for one another at the end of names, and those of Persian and Urdu keyboards.
    "\u0649": "\u064a", "\u0629": "\u0647", "\u0640": "", "\u06cc": "\u064a", "\u06a9": "\u0643",
}  # fmt: skip


class _Folded(dict[int, str]):
    """What each character becomes; a mark becomes nothing, and a digit of any script that of ASCII."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        kind = unicodedata.category(character)
        if kind in ("Mn", "Me", "Cf"):
            folded = ""
        elif kind == "Nd":
            folded = str(unicodedata.decimal(character))
        else:
            folded = character
        self[code] = folded
        return folded


_NO_APOSTROPHES = dict.fromkeys(map(ord, _APOSTROPHES))
_FOLDED = _Folded({ord(letter): plain for letter, plain in _LETTERS.items()})


class _Searched(Struct):
    """The members of a card that are searched."""

    fname: str | None
    mname: str | None
    lname: str | None
    email: str | None
    city: str | None
    company: str | None


class _SearchedToo(_Searched):
    attributes: dict[str, AttributeValue] | UnsetType = UNSET


_read = msgspec.json.Decoder(_Searched).decode
_read_more = msgspec.json.Decoder(_SearchedToo).decode


def fold(text: str) -> str:
    """A text without case, accents and apostrophes. Of two texts, one in the other, the folded one is in the other."""
    if text.isascii():
        return text.lower().replace("'", "").replace("`", "")
    text = unicodedata.normalize("NFKD", text.translate(_NO_APOSTROPHES)).casefold()
    return unicodedata.normalize("NFKD", text).translate(_FOLDED)


def words_of(card: str, *, searchable: Sequence[str]) -> set[str]:
    """The words by which a contact is found, from its card. ``searchable``: the attributes that count."""
    if searchable:
        more = _read_more(card)
        texts = [more.fname, more.mname, more.lname, more.email, more.city, more.company]
        attributes = more.attributes or {}
        for name in searchable:
            value = attributes.get(name)
            # A bool is an int to Python.
            if isinstance(value, str) or type(value) is int:
                texts.append(str(value))
    else:
        found = _read(card)
        texts = [found.fname, found.mname, found.lname, found.email, found.city, found.company]
    folded = fold(" ".join(filter(None, texts)))
    words = set(WORD.findall(folded))
    if not folded.isascii():
        least = len(ARTICLE) + NAME_MIN
        words.update([word[len(ARTICLE) :] for word in words if word.startswith(ARTICLE) and len(word) >= least])
    return words
