"""How words of names and cells are compared, whatever their case, accents and marks. No meaning of words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cached_property


class WordPattern:
    """A regular expression that is compiled when it is first asked: most processes ask none of the long ones."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern

    @cached_property
    def search(self) -> Callable[[str], re.Match[str] | None]:
        return re.compile(self._pattern).search

    @cached_property
    def fullmatch(self) -> Callable[[str], re.Match[str] | None]:
        return re.compile(self._pattern).fullmatch


def word_set(words: str) -> frozenset[str]:
    """Words between spaces, for a table of words."""
    return frozenset(words.split())


def fold_letters(text: str) -> str:
    """The text in lower case, without accents, other marks and invisible characters."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    if decomposed.isascii():
        return decomposed
    return "".join(letter for letter in decomposed if unicodedata.category(letter) not in ("Mn", "Mc", "Me", "Cf"))


def without_apostrophes(text: str) -> str:
    """The text with the words around an apostrophe as one: ``don't`` is ``dont``."""
    return text.replace("'", "").replace("\u2019", "")
