"""Tokens: what the index has a row for. A contact has those of its number and of each of its words.

The token of a word is its beginning, at a few lengths; ``^`` and ``$`` stand before the first and the last digits of a
number, and are in no word. What is longer than the longest token is looked for among those that share it. No SQL, no
HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable

WORD_LENGTHS = (1, 2, 3, 4, 6, 8)
"""The lengths of the beginnings of words that have a token."""
START_MAX = 7
"""The first digits of numbers that have tokens; what is longer is found in the index of numbers."""
END_MAX = 3
"""The last digits of numbers that have tokens: with three, a thousandth of the contacts is left."""


def word_token(word: str) -> str:
    """The longest token that every word has that begins so."""
    return next(word[:length] for length in reversed(WORD_LENGTHS) if length <= len(word))


def is_whole(word: str) -> bool:
    """Whether every word that has the token of a word begins with the word."""
    return len(word) in WORD_LENGTHS


def tokens_of_word(word: str) -> list[str]:
    """The tokens of a word."""
    return [word[:length] for length in WORD_LENGTHS if length <= len(word)]


def tokens_of_start(start: str) -> list[str]:
    """The tokens of the first digits of a number, ``START_MAX`` of them at most."""
    return ["^" + start[:length] for length in range(1, len(start) + 1)]


def tokens_of_end(end: str) -> list[str]:
    """The tokens of the last digits of a number, ``END_MAX`` of them at most."""
    return ["$" + end[place:] for place in range(len(end))]


def tokens_of(mobile: int, words: Iterable[str]) -> set[str]:
    """Every token of a contact."""
    digits = str(mobile)
    tokens = {*tokens_of_start(digits[:START_MAX]), *tokens_of_end(digits[-END_MAX:])}
    for word in words:
        tokens.update(tokens_of_word(word))
    return tokens
