"""What is searched for: words, each the beginning of one of a contact's, and digits of its number. No SQL, no HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from daftari.mobile import country_code, national_prefix
from daftari.model.limits import SEARCH_TEXT_MAX, SEARCH_WORDS_MAX
from daftari.rules.fields import read_text
from daftari.rules.search.words import WORD, fold

_BETWEEN_DIGITS = re.compile(r"[\s().\-/]*")
_ABROAD = "00"


class Part(Struct, frozen=True):
    """What a contact may match in three ways: a word of it begins so, its number begins or ends so. Blank: in none."""

    word: str = ""
    starts: tuple[str, ...] = ()
    end: str = ""

    def matches(self, digits: str, words: Iterable[str]) -> bool:
        """Whether a contact with this number and these words does."""
        return (
            (bool(self.word) and any(word.startswith(self.word) for word in words))
            or digits.startswith(self.starts)
            or (bool(self.end) and digits.endswith(self.end))
        )


class Term(Struct, frozen=True):
    """A word, or digits with spaces between: a contact matches each of the parts, or the digits as one number."""

    parts: tuple[Part, ...]
    joined: Part | None = None

    def matches(self, digits: str, words: Iterable[str]) -> bool:
        """Whether a contact with this number and these words does."""
        return (self.joined is not None and self.joined.matches(digits, words)) or all(
            part.matches(digits, words) for part in self.parts
        )

    def list_parts(self) -> tuple[Part, ...]:
        """Every part, the joined one too."""
        return self.parts if self.joined is None else (*self.parts, self.joined)


Query = tuple[Term, ...]
"""A contact is found that matches every term."""


def read_query(value: object, *, region: str) -> Query:
    """What is searched for. ``region``: that of numbers without a country code. Raises ``ValueError``."""
    text = read_text(value, most=SEARCH_TEXT_MAX)
    if text is None:
        raise ValueError("is required.")
    folded = fold(text)
    found = [*WORD.finditer(folded)]
    if not found:
        raise ValueError("must have a letter or a digit.")
    if len(found) > SEARCH_WORDS_MAX:
        raise ValueError(f"must not have more than {SEARCH_WORDS_MAX} words.")
    terms: list[Term] = []
    run: list[re.Match[str]] = []
    for word in found:
        if run and not (word[0].isdecimal() and _BETWEEN_DIGITS.fullmatch(folded, run[-1].end(), word.start())):
            terms.append(_read_digits(run, folded, region))
            run = []
        if word[0].isdecimal():
            run.append(word)
        else:
            terms.append(Term((Part(word[0]),)))
    if run:
        terms.append(_read_digits(run, folded, region))
    return tuple(dict.fromkeys(terms))


def _read_digits(run: list[re.Match[str]], folded: str, region: str) -> Term:
    """Digits, in one run or more: each is a word or in the number, or all of them are in the number together."""
    is_international = folded[: run[0].start()].endswith("+")
    first = _number_part(run[0][0], region, is_international=is_international)
    parts = (
        Part(run[0][0], first.starts, first.end),
        *(Part(word[0], _number_part(word[0], region).starts, word[0]) for word in run[1:]),
    )
    if len(run) == 1:
        return Term(parts)
    return Term(parts, _number_part("".join(word[0] for word in run), region, is_international=is_international))


def _number_part(digits: str, region: str, *, is_international: bool = False) -> Part:
    """The number that begins with some digits, in any spelling, or ends with them."""
    if is_international:
        return Part(starts=(digits,))
    starts = [digits]
    prefix = national_prefix(region)
    if digits.startswith(_ABROAD):
        starts.append(digits[len(_ABROAD) :])
    if prefix and digits.startswith(prefix):
        starts.append(country_code(region) + digits[len(prefix) :])
    else:
        starts.append(country_code(region) + digits)
    # No number begins with a zero; nothing at all would be the beginning of each.
    return Part(starts=tuple(start for start in starts if start and not start.startswith("0")), end=digits)
