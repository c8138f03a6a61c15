"""Finds the columns that hold a person's telephone number, by their names and by what stands in them.

A name decides where it is one that people give to such a column; the cells decide between several, and where a name
says little. A number of another kind, or of another person, never stands in for a blank one. No mapping by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum

from msgspec import Struct

from daftari.files.consent_columns import names_consent
from daftari.files.contents import ColumnContents
from daftari.files.record import has_name
from daftari.files.spellings import MOBILE_TIERS, mobile_ranks
from daftari.files.words import (
    HEAD_NOUNS,
    LANDLINE_NOUNS,
    LATER_WORDS,
    MESSENGER_NOUNS,
    MOBILE_NOUNS,
    NUMBER,
    OTHER_KINDS,
    OTHER_PERSONS,
    OWN_WORDS,
    PHONE_NOUNS,
    THINGS,
    WEAK_NOUNS,
    all_words_of,
    holds_number,
    is_one_of,
    words_of,
)

_NOUNS = MOBILE_NOUNS | MESSENGER_NOUNS | PHONE_NOUNS | LANDLINE_NOUNS
_MOBILE, _SMS, _MESSENGER, _PHONE, _LATER = range(len(MOBILE_TIERS))
_WEAK = _LANDLINE = len(MOBILE_TIERS)
_LAST_PLACE = 1_000
_RECIPIENT = ("to",)


class Claim(IntEnum):
    """How sure the name of a column is that it holds the person's number; less is surer."""

    OWN = 1
    """A name of such a column."""
    LIKELY = 2
    """A noun for a telephone, and words that are not known."""
    WEAK = 3
    """A word such as contact, that is as often something else."""
    BARE_NUMBER = 4
    """Nothing but the word number."""
    OTHER_PERSON = 5
    """A telephone of a relative, an agent or a similar person."""
    MENTIONED = 6
    """A telephone or a contact is mentioned, in a question for example."""
    UNKNOWN = 7
    """The name says nothing."""


class Column(Struct, frozen=True):
    """A column by its place, its name and what stands in it; ``None`` where that is not known."""

    place: int
    name: str
    contents: ColumnContents | None = None

    @property
    def is_blank(self) -> bool:
        """Whether nothing is known of what stands in it."""
        return self.contents is None or not self.contents.filled

    @property
    def are_telephones(self) -> bool:
        return self.contents is not None and self.contents.are_telephones

    @property
    def number(self) -> int:
        """The number within its name: 2 in ``Phone 2 - Value``, 0 without one."""
        return next((int(word) for word in words_of(self.name) if word.isdecimal()), 0)


class _Candidate(Struct, frozen=True):
    column: Column
    claim: Claim
    tier: int
    place: int

    @property
    def fits(self) -> bool:
        """Whether its cells are telephones, or none of them is known."""
        return self.column.is_blank or self.column.are_telephones

    @property
    def may_fit(self) -> bool:
        """Whether its cells have as many digits as telephones, well-formed or not."""
        return self.fits or (self.column.contents is not None and self.column.contents.with_digits > 0)

    @property
    def order(self) -> tuple[bool, int, int, int, int]:
        return not self.fits, self.tier, self.place, self.column.number, self.column.place


def find_mobiles(columns: Iterable[Column]) -> list[Column]:
    """The columns in which the number is looked for, the first one first; none, when there is none."""
    found = [candidate for column in columns if (candidate := _read_name(column)) is not None]
    groups = {claim: sorted((one for one in found if one.claim == claim), key=lambda one: one.order) for claim in Claim}
    own = groups[Claim.OWN]
    weak = [one for one in groups[Claim.WEAK] if one.column.are_telephones]
    digits = [one for one in own if one.may_fit]
    if any(one.fits for one in own):
        return [one.column for one in sorted((*digits, *weak), key=lambda one: one.order)]
    others = (
        [one for one in groups[Claim.LIKELY] if one.fits],
        weak,
        [one for one in groups[Claim.BARE_NUMBER] if one.column.are_telephones],
        [one for one in groups[Claim.OTHER_PERSON] if one.fits],
        [one for one in groups[Claim.MENTIONED] if one.column.contents and one.column.contents.are_plainly_telephones],
        _plainly_telephones(groups[Claim.UNKNOWN]),
        own,
        groups[Claim.LIKELY],
        [one for one in groups[Claim.WEAK] if one.may_fit],
        [one for one in groups[Claim.BARE_NUMBER] if one.column.is_blank],
    )
    chosen = next((some for some in others if some), [])
    return [one.column for one in (*chosen, *(one for one in digits if one not in chosen))]


def _plainly_telephones(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    found = [one for one in candidates if one.column.contents and _are_telephones(one.column, one.column.contents)]
    # What the second one of such a name is for, nothing says; of columns without names they are all of one row.
    if not any(has_name(one.column.name) for one in found):
        whole = [one for one in found if one.column.contents and one.column.contents.are_whole_telephones]
        # A further column of numbers without their zero may be one of national ids.
        return whole or found[:1]
    # Of messages that people sent, the one who sent them.
    return sorted(found, key=lambda one: words_of(one.column.name) == _RECIPIENT)[:1]


def _are_telephones(column: Column, contents: ColumnContents) -> bool:
    """Whether the cells of a column show that it holds telephones, whose name does not."""
    if not has_name(column.name):
        return contents.are_plainly_telephones
    return contents.are_whole_telephones and not all_words_of(column.name) & THINGS


def names_mobile(name: str) -> bool:
    """Whether a name is one of such a column, whatever stands in it; none has a number itself."""
    if holds_number(name):
        return False
    found = _read_name(Column(0, name))
    return found is not None and found.claim in (Claim.OWN, Claim.LIKELY, Claim.OTHER_PERSON, Claim.WEAK)


def names_own_mobile(name: str) -> bool:
    """Whether a name is one of such a column and no more than that."""
    found = _read_name(Column(0, name))
    return found is not None and found.claim == Claim.OWN


def _read_name(column: Column) -> _Candidate | None:
    """What the name claims; ``None`` for a column of another kind."""
    every = all_words_of(column.name)
    if names_consent(column.name):
        # Of a list such as ``Unsubscribed numbers`` or ``DND`` it holds the numbers themselves.
        return _Candidate(column, Claim.BARE_NUMBER, _WEAK, 0) if column.are_telephones else None
    if every & OTHER_KINDS:
        return None
    words = tuple(word for word in words_of(column.name) if not word.isdecimal())
    rank = mobile_ranks().get("".join(words))
    if rank is not None:
        return _Candidate(column, Claim.WEAK if words == ("sms",) else Claim.OWN, *rank)
    core = [word for word in words if word != NUMBER]
    nouns = {word for word in core if is_one_of(word, _NOUNS)}
    weak = {word for word in core if word in WEAK_NOUNS}
    strange = {*core} - nouns - weak - OWN_WORDS - LATER_WORDS
    tier = _tier(nouns, every)
    if not core:
        return _Candidate(column, Claim.BARE_NUMBER, _WEAK, 0) if words else None
    if every & OTHER_PERSONS:
        return _Candidate(column, Claim.OTHER_PERSON, tier, 0) if nouns or weak else None
    if nouns:
        return _Candidate(column, _claim_of_nouns(core, nouns, strange), tier, _LAST_PLACE)
    if weak:
        return _Candidate(column, Claim.MENTIONED if strange else Claim.WEAK, _SMS if "sms" in weak else _WEAK, 0)
    if NUMBER in words and {*core} <= LATER_WORDS and column.are_telephones:
        return _Candidate(column, Claim.OWN, _LATER, _LAST_PLACE)
    if NUMBER in words:
        # Of members, accounts, orders: never a telephone.
        return None
    return _Candidate(column, Claim.UNKNOWN, _WEAK, 0)


def _claim_of_nouns(core: Sequence[str], nouns: set[str], strange: set[str]) -> Claim:
    if not strange:
        return Claim.OWN
    stands_right = core[-1] in nouns or is_one_of(core[0], HEAD_NOUNS)
    return Claim.LIKELY if stands_right else Claim.MENTIONED


def _tier(nouns: set[str], every: frozenset[str]) -> int:
    if nouns <= LANDLINE_NOUNS and nouns:
        return _LANDLINE
    if any(is_one_of(word, MOBILE_NOUNS) for word in (*nouns, *every)):
        return _SMS if every & LATER_WORDS else _MOBILE
    if any(is_one_of(word, MESSENGER_NOUNS) for word in nouns):
        return _MESSENGER
    return _LATER if every & LATER_WORDS else _PHONE
