"""The rule: which number a written one is, for people of a region.

``read_with_library`` is the rule, in terms of the phonenumbers library. ``reader_for`` puts the fast path before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

import phonenumbers

from daftari.errors import BadSettings
from daftari.mobile.fast import fast_pattern
from daftari.mobile.old_forms import renew, renew_local
from daftari.mobile.plans import (
    as_it_stands,
    country_code,
    e164,
    has_mobile_length,
    has_whole_length,
    is_mobile_of,
    is_region,
    is_valid,
    parse,
)
from daftari.mobile.refusals import explain
from daftari.mobile.typed import Written, as_pressed, as_text, as_typed

Reader = Callable[[Written], int]


class UnreadableMobile(ValueError):
    """What was written is no telephone number. The message is the end of a sentence: "is not a …"."""


class AmbiguousMobile(UnreadableMobile):
    """Digits without a plus that are two numbers.

    ``number``: the one of the region, which they are unless the project knows ``digits`` as a number.
    """

    def __init__(self, *, number: int, digits: int) -> None:
        super().__init__(number, digits)
        self.number = number
        self.digits = digits

    def __str__(self) -> str:
        # Nearly all are caught and never shown.
        return (
            f"is ambiguous: {self.digits} is a number that this project knows, and in its region +{self.number} is "
            f"written so too; write it with +, as +{self.digits} or +{self.number}."
        )


@cache
def reader_for(region: str) -> Reader:
    """A function that reads what was written by people of this region, or raises ``UnreadableMobile``."""
    if not is_region(region):
        raise BadSettings(f"{region!r} is not a region; write two capital letters like KE.")
    phonenumbers.enable_pattern_cache()
    return reader_with(fast_pattern(region), region)


def reader_with(pattern: re.Pattern[str] | None, region: str) -> Reader:
    """A reader that asks this pattern first and the library when it does not match."""
    if pattern is None:
        return lambda written: read_with_library(written, region)
    match, nsn, code = pattern.match, pattern.groupindex["nsn"], country_code(region)
    bare = pattern.groupindex["bare"]

    def read(written: Written) -> int:
        if type(written) is str:
            found = match(written)
            if found is None and (pressed := as_pressed(written)) is not None:
                found = match(pressed)
        else:
            found = None if (text := as_text(written)) is None else match(text)
        if found is None:
            return read_with_library(written, region)
        number = int(code + found[nsn])
        is_foreign = found[bare] is not None and has_whole_length(found[nsn])
        return _read_doubtful(number, found[nsn]) if is_foreign else number

    return read


@cache
def own_form_reader(region: str) -> Reader:
    """A reader for what Daftari itself wrote: digits that are a number with ``+`` put before are that number."""
    read = reader_for(region)

    def read_own(written: Written) -> int:
        text = as_text(written)
        typed = None if text is None else as_typed(text)
        if typed is not None and typed[0] in "123456789" and _is_storable(typed):
            return int(typed)
        return read(written)

    return read_own


def read_with_library(written: Written, region: str) -> int:
    """What ``reader_for(region)`` must answer, without its fast path."""
    text = as_text(written)
    typed = None if text is None else as_typed(text)
    if typed is None:
        raise UnreadableMobile(explain(written, region))
    if typed.startswith("+"):
        number = _read_abroad(typed[1:])
    elif typed.startswith("00"):
        # Some regions dial abroad with more than 00 (0011, 000, 009): theirs is tried before anything is repaired.
        number = _read_as_it_stands(typed[2:])
        if number is None:
            number = _read_valid(typed, region)
        if number is None:
            number = _read_abroad(typed[2:])
    else:
        number = _read_bare(typed, region)
        if number is not None and int(typed) != number and not typed.startswith("0"):
            return _read_doubtful(number, typed)
    if number is None:
        raise UnreadableMobile(explain(written, region))
    return number


def _read_doubtful(number: int, digits: str) -> int:
    """A number of the region, if the digits that were written for it cannot be another one."""
    if _is_storable(digits):
        raise AmbiguousMobile(number=number, digits=int(digits))
    return number


def _read_abroad(digits: str) -> int | None:
    """Digits after a ``+``."""
    number = _read_as_it_stands(digits)
    return _read_valid(f"+{digits}", None) if number is None else number


def _read_as_it_stands(digits: str) -> int | None:
    """An old form, or a number whose digits stay the same: one that is valid, or as long as all mobiles there."""
    renewed = renew(digits)
    if renewed is not None:
        return int(renewed)
    number = as_it_stands(digits)
    return int(digits) if number is not None and (has_mobile_length(number) or is_valid(number)) else None


def _read_bare(digits: str, region: str) -> int | None:
    """Digits without a sign: those of a mobile of this region, as answers have them, before everything else."""
    renewed = renew(digits) or renew_local(digits, region)
    if renewed is not None:
        return int(renewed)
    number = as_it_stands(digits)
    if number is not None and is_mobile_of(region, number):
        return int(digits)
    at_home = _read_valid(digits, region)
    if at_home is not None:
        return at_home
    if number is not None and is_valid(number):
        return int(digits)
    # No country code begins with 0.
    abroad = None if digits.startswith("0") else _read_valid(f"+{digits}", None)
    if abroad is not None:
        return abroad
    return int(digits) if number is not None and has_mobile_length(number) else None


def _read_valid(typed: str, region: str | None) -> int | None:
    number = parse(typed, region)
    return int(e164(number)) if number is not None and is_valid(number) else None


def _is_storable(digits: str) -> bool:
    """Whether ``+digits`` reads as these very digits: only such a number may be kept."""
    return _read_as_it_stands(digits) == int(digits)
